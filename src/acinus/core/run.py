"""The run file: what made a folder of results, so that it can be made again."""

from __future__ import annotations

import hashlib
import platform
import shlex
import subprocess
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from acinus import __version__

__all__ = ["checksum", "commit", "fingerprint", "run_record", "versions"]

_COMMIT_FILE = Path(__file__).parents[1] / "COMMIT"  # written when an archive or a wheel is built
_RECORDED = ("torch", "numpy", "scipy", "scikit-image", "opencv-python-headless", "shapely", "tifffile")


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file, or of names and contents in a folder, as hexadecimal digits."""
    if path.is_dir():
        digest = hashlib.sha256()
        for part in sorted(part for part in path.rglob("*") if part.is_file()):
            digest.update(f"{part.relative_to(path).as_posix()} {checksum(part)}\n".encode())
        return digest.hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fingerprint(*parts: str | bytes) -> str:
    """Return one short digest of several texts or blocks of bytes.

    Examples
    --------
    >>> fingerprint("a", "b") == fingerprint("ab")
    False
    """
    digest = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        digest.update(f"{len(content)}:".encode())
        digest.update(content)
    return digest.hexdigest()[:16]


def versions() -> dict[str, str]:
    """Return the versions of acinus, Python and the libraries that decide the numbers."""
    found = {"acinus": __version__, "python": platform.python_version()}
    for name in _RECORDED:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def run_record(
    *, command: Sequence[str] | None, settings: Any, seed: int | None, inputs: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Return the content of ``run.json``.

    Parameters
    ----------
    command : sequence of str, optional
        Words of the command line; by default those of this process.
    settings : JSON value
        All settings, defaults included.
    inputs : sequence of dict
        ``name``, ``path`` and ``sha256`` of each input.
    """
    words = list(sys.argv if command is None else command)
    if words:
        name = Path(words[0]).name
        words[0] = "acinus" if name == "__main__.py" else name  # python -m acinus
    return {
        "command": shlex.join(words),
        "seed": seed,
        "settings": settings,
        "versions": versions(),
        "commit": commit(),
        "machine": {"system": platform.platform(), "processor": platform.machine()},
        "inputs": list(inputs),
    }


def commit() -> str | None:
    """Return the commit of this code: that of its source tree, else the one it was built from, else None."""
    return _commit_of_tree() or _commit_of_build()


def _commit_of_tree() -> str | None:
    """Return the commit of the source tree this package runs from, None for an installed package."""
    here = Path(__file__).parent
    try:
        answer = subprocess.run(
            ["git", "-C", str(here), "rev-parse", "--show-prefix", "--short=12", "HEAD"],
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    # An environment often lies inside some other repository, whose commit says nothing about this code.
    prefix, _, found = answer.stdout.strip().partition("\n")
    return found if prefix == "src/acinus/core/" else None


def _commit_of_build() -> str | None:
    try:
        return _COMMIT_FILE.read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None
