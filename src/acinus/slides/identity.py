"""Whether a file is still the one that was computed from, without reading gigabytes."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

__all__ = ["file_identity"]

_END_BYTES = 1 << 20


def file_identity(path: Path) -> dict[str, Any]:
    """Return size, time of change and the SHA-256 of the first and the last MiB of a slide.

    Of a MIRAX slide, whose pixels lie in a folder of its name, the files there count by size and time.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "slide.svs"
    >>> _ = path.write_bytes(b"slide")
    >>> known = file_identity(path)
    >>> _ = path.write_bytes(b"Slide")
    >>> known["size_bytes"], file_identity(path) == known
    (5, False)
    """
    stat = path.stat()
    digest = hashlib.sha256()
    with path.open("rb") as file:
        digest.update(file.read(_END_BYTES))
        file.seek(max(_END_BYTES, stat.st_size - _END_BYTES))
        digest.update(file.read(_END_BYTES))
    pixels = path.with_suffix("")
    parts = sorted(pixels.iterdir()) if path.suffix.lower() == ".mrxs" and pixels.is_dir() else []
    return {
        "size_bytes": stat.st_size,
        "mtime_ns": stat.st_mtime_ns,
        "sha256_of_ends": digest.hexdigest(),
        "parts": [[part.name, part.stat().st_size, part.stat().st_mtime_ns] for part in parts],
    }
