"""OpenSeadragon, the one script that is not ours: its version, its place, and whether it is the right one.

The build reads this file too, before anything is installed: it imports Python's own library alone.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

__all__ = ["FILES", "SCRIPT", "VENDOR_FOLDER", "VERSION", "is_complete", "sha256", "vendored_script"]

VERSION = "6.1.1"
VENDOR_FOLDER = Path(__file__).parent / "static" / "vendor"
SCRIPT = "openseadragon.min.js"

FILES = {
    SCRIPT: (
        "package/build/openseadragon/openseadragon.min.js",
        "14d587cd3ee7c4861f1a41077ce642029364a21029956ba635bd8fb1202cf9ad",
    ),
    "openseadragon.LICENSE.txt": (
        "package/LICENSE.txt",
        "17da96b26ac706d2cbd06d4555dedb43026782f4943faf0156fe7acf89454228",
    ),
}
"""Name on disk: path in the published archive, SHA-256."""


def sha256(content: bytes) -> str:
    """Return the checksum in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def vendored_script(folder: Path = VENDOR_FOLDER) -> Path | None:
    """Return the script if it is there and is the pinned one, byte for byte; else None."""
    script = folder / SCRIPT
    if not script.is_file() or sha256(script.read_bytes()) != FILES[SCRIPT][1]:
        return None
    return script


def is_complete(folder: Path = VENDOR_FOLDER) -> bool:
    """Whether the script and its licence are there, byte for byte."""
    return all(
        (folder / name).is_file() and sha256((folder / name).read_bytes()) == expected
        for name, (_, expected) in FILES.items()
    )
