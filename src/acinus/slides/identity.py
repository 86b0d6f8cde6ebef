"""Whether a file is still the one that was computed from, without reading gigabytes."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from acinus.core.run import checksum
from acinus.slides.zarr_files import files_of

__all__ = ["file_identity", "file_size", "input_record"]

_END_BYTES = 1 << 20


def input_record(name: str, path: Path, *, slide: bool) -> dict[str, Any]:
    """Return what a run file says of an input: its name, where it is, and what identifies it.

    Parameters
    ----------
    slide : bool
        Whether it is too large to be read for that.
    """
    known = file_identity(path) if slide else {"sha256": checksum(path)}
    return {"name": name, "path": str(path.resolve()), **known}


def file_identity(path: Path) -> dict[str, Any]:
    """Return size, time of change and the SHA-256 of the first and the last MiB of a slide.

    Of an OME-Zarr in a folder, the names, sizes and times of all its files.

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
    if path.is_dir():  # of OME-Zarr every chunk counts by name, size and time
        size_bytes = 0
        for part in files_of(path):
            own = part.stat()
            size_bytes += own.st_size
            line = f"{part.relative_to(path).as_posix()} {own.st_size} {own.st_mtime_ns}\n"
            digest.update(line.encode("utf-8", "surrogateescape"))
        return {"size_bytes": size_bytes, "sha256_of_listing": digest.hexdigest()}
    with path.open("rb") as file:
        digest.update(file.read(_END_BYTES))
        file.seek(max(_END_BYTES, stat.st_size - _END_BYTES))
        digest.update(file.read(_END_BYTES))
    beside = path.with_suffix("")
    # Of a link the folder may lie beside what it leads to.
    pixels = beside if beside.is_dir() else path.resolve().with_suffix("")
    parts = sorted(pixels.iterdir()) if path.suffix.lower() == ".mrxs" and pixels.is_dir() else []
    return {
        "size_bytes": stat.st_size,
        "mtime_ns": stat.st_mtime_ns,
        "sha256_of_ends": digest.hexdigest(),
        "parts": [[part.name, part.stat().st_size, part.stat().st_mtime_ns] for part in parts],
    }


def file_size(path: Path) -> int:
    """Return the bytes of a slide: of the file, or of all files of a folder that stands for one."""
    if path.is_dir():
        return sum(file.stat().st_size for file in files_of(path))
    return path.stat().st_size
