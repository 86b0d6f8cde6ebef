"""Which paths are OME-Zarr: a folder, or a zip of one; found by what they hold, not by their name."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

__all__ = ["ZARR_SUFFIXES", "files_of", "is_slide_file", "is_zarr_folder", "is_zarr_name", "zarr_root"]

ZARR_SUFFIXES = (".zarr", ".ozx", ".zarr.zip")
"""Endings under which OME-Zarr is looked for in folders; .ozx is that of RFC-9's zips."""

_NODES = ("zarr.json", ".zgroup", ".zattrs")


def is_zarr_folder(path: Path) -> bool:
    """Say whether a path is a folder that is a group of Zarr, of version 2 or 3."""
    return path.is_dir() and any((path / name).is_file() for name in _NODES)


def is_zarr_name(path: Path) -> bool:
    """Say whether a name is one of OME-Zarr's.

    Examples
    --------
    >>> is_zarr_name(Path("a.ome.zarr")), is_zarr_name(Path("A.ZARR.zip")), is_zarr_name(Path("a.zip"))
    (True, True, False)
    """
    return path.name.lower().endswith(ZARR_SUFFIXES)


def is_slide_file(path: Path) -> bool:
    """Say whether a path is a file, or a folder that stands for one."""
    return path.is_file() or is_zarr_folder(path)


def zarr_root(archive: zipfile.ZipFile) -> str | None:
    """Return the folder of the outermost group within a zip, without a slash at the end; None without one."""
    groups = [PurePosixPath(name).parent for name in archive.namelist() if PurePosixPath(name).name in _NODES]
    if not groups:
        return None
    outermost = min(groups, key=lambda group: len(group.parts))
    return "" if outermost == PurePosixPath() else str(outermost)


def files_of(folder: Path) -> Iterator[Path]:
    """Yield all files below a folder, in the order of their names."""
    for place, folders, files in os.walk(folder):
        folders.sort()
        yield from (Path(place, name) for name in sorted(files))
