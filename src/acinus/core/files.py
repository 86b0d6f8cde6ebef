"""Files appear whole or not at all: written under a temporary name, synced, then renamed."""

from __future__ import annotations

import errno
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import orjson

from acinus.core.errors import LongNameError, OutputError
from acinus.core.naming import composed, shortened

__all__ = [
    "as_named",
    "atomic_path",
    "hidden_stem",
    "is_temporary",
    "is_there",
    "leads_nowhere",
    "make_folder",
    "output_error",
    "read_json",
    "to_json",
    "write_json",
]

_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{8}\.tmp(?:\..+)?")
_LONGEST_STEM_BYTES, _LONGEST_SUFFIX_BYTES = 100, 16
# What file systems and shares answer that cannot sync a file or, more often, a folder.
_CANNOT_SYNC = frozenset(
    {
        *(errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS),
        *(errno.EACCES, errno.EPERM, errno.EBADF, errno.EISDIR),
    }
)


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
    if error.errno == errno.ENAMETOOLONG:
        return LongNameError(
            f"the name of {path} is too long for this file system; shorten that of the image or the folder"
        )
    return OutputError(
        f"{path} could not be written ({error.strerror or error}); choose another output folder"
    )


def hidden_stem(name: str) -> str:
    """Return how the names of hidden files begin that hold what is to get this name."""
    return f".{shortened(name, most_bytes=_LONGEST_STEM_BYTES)}"


def is_temporary(name: str) -> bool:
    """Say whether `atomic_path` gives such names to what is not whole yet.

    Examples
    --------
    >>> is_temporary(".model.json.0123abcd.tmp.json"), is_temporary(".notes.tmp")
    (True, False)
    """
    return _TEMPORARY.fullmatch(name) is not None


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


def leads_nowhere(path: Path) -> bool:
    """Say whether a path is a link to something that is not there."""
    try:
        return path.is_symlink() and not path.exists()
    except OSError:  # no permission
        return False


def as_named(path: Path) -> Path:
    """Return a path or, where nothing is there, one beside it whose name has its accents stored otherwise.

    What was copied from macOS has names in which é are two signs, see `acinus.core.naming.composed`.
    """
    if path.name.isascii() or is_there(path) or not path.parent.is_dir():
        return path
    name = composed(path.name)
    return next((entry for entry in path.parent.iterdir() if composed(entry.name) == name), path)


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
    suffix = final.suffix if len(os.fsencode(final.suffix)) <= _LONGEST_SUFFIX_BYTES else ""
    temporary = final.with_name(f"{hidden_stem(final.name)}.{uuid.uuid4().hex[:8]}.tmp{suffix}")
    try:
        yield temporary
        _sync(temporary)
        if temporary.is_dir() and final.is_dir():
            # The old folder is moved aside first: deleting may fail half way, renaming does not.
            old = temporary.with_suffix(".old")
            final.replace(old)
            try:
                temporary.replace(final)
            except BaseException:
                old.replace(final)
                raise
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
    """Have the disk keep what was written; a file system that cannot has written it all the same."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:
            raise


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(to_json(value, indented=True) + b"\n")


def to_json(value: Any, *, indented: bool = False) -> bytes:
    r"""Return `value` as JSON; bytes of paths that are no UTF-8 stand in it as backslash escapes.

    Examples
    --------
    >>> to_json({"path": os.fsdecode(b"krypte_\xe9.png")})
    b'{"path":"krypte_\\\\udce9.png"}'
    """
    option = orjson.OPT_SERIALIZE_NUMPY | (orjson.OPT_INDENT_2 if indented else 0)
    try:
        return orjson.dumps(value, option=option)
    except TypeError:
        return orjson.dumps(_escaped(value), option=option)


def _escaped(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_escaped(key): _escaped(each) for key, each in value.items()}
    return [_escaped(each) for each in value] if isinstance(value, list | tuple) else value


def read_json(path: Path) -> Any:
    """Read a JSON file."""
    return orjson.loads(path.read_bytes())
