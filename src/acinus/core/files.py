"""Files appear whole or not at all: written under a temporary name, synced, then renamed."""

from __future__ import annotations

import errno
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import orjson

from acinus.core.errors import OutputError

__all__ = ["atomic_path", "is_there", "make_folder", "output_error", "read_json", "write_json"]


_OF_ZARR = ("zarr.json", ".zgroup", ".zattrs")


def output_error(error: OSError, path: Path) -> OutputError:
    """Turn an operating-system error met while writing `path` into one line with the remedy."""
    if error.errno == errno.ENOSPC:
        return OutputError(
            f"no space left while writing {path}; free some disk space and run the same command again"
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return OutputError(f"{path} cannot be written (no permission); choose another output folder")
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return OutputError(
            f"{path} cannot be created because a file stands in its way; choose another output folder"
        )
    return OutputError(
        f"{path} could not be written ({error.strerror or error}); choose another output folder"
    )


def is_there(path: Path) -> bool:
    """Say whether a file can be seen at a path that may come from another machine, whatever it holds.

    A folder of Zarr stands for a file.

    Examples
    --------
    >>> is_there(Path("x" * 1000))  # which `Path.is_file` would raise on
    False
    """
    try:
        return path.is_file() or any((path / name).is_file() for name in _OF_ZARR)
    except (OSError, ValueError):  # no permission, a name too long, a null byte
        return False


def make_folder(path: Path) -> Path:
    """Create a folder with its parents and return it.

    Raises
    ------
    OutputError
        When it cannot be created or is a file.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(error, path) from error
    return path


@contextmanager
def atomic_path(final: Path) -> Iterator[Path]:
    """Yield a temporary path beside `final` that takes its name once the block ends without error.

    The temporary file (or folder) keeps the suffix of `final`, since image writers choose the format by it.
    After an error it is removed, so nothing half-written is left under either name.

    Raises
    ------
    OutputError
        When the operating system refuses to write.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with atomic_path(folder / "a.txt") as temporary:
    ...     _ = temporary.write_text("whole")
    >>> (folder / "a.txt").read_text()
    'whole'
    """
    temporary = final.with_name(f".{final.name}.{uuid.uuid4().hex[:8]}.tmp{final.suffix}")
    try:
        yield temporary
        _sync(temporary)
        if temporary.is_dir() and final.is_dir():
            # The old folder is moved aside first: deleting may fail half way, renaming does not.
            old = temporary.with_suffix(".old")
            final.replace(old)
            temporary.replace(final)
            shutil.rmtree(old, ignore_errors=True)
        else:
            temporary.replace(final)
        _sync(final.parent)
    except OSError as error:
        raise output_error(error, final) from error
    finally:
        # Where the name itself is refused (too long, below a file) there is nothing to remove.
        with suppress(OSError):
            if temporary.is_dir():
                shutil.rmtree(temporary, ignore_errors=True)
            else:
                temporary.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(
            orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY) + b"\n"
        )


def read_json(path: Path) -> Any:
    """Read a JSON file."""
    return orjson.loads(path.read_bytes())
