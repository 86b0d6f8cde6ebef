"""One process at a time writes into a folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from acinus.core.errors import UsageError

__all__ = ["locked", "waited_for"]

_NAME = ".acinus.lock"
_LONGEST_WAIT_S = 30.0


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder until the end of the block; a process that dies lets go of it.

    Where files cannot be locked (a folder that is read only, a disk that does not know how) the block runs
    without.

    Parameters
    ----------
    folder : Path
        Exists. Gets a hidden file while it is held.

    Raises
    ------
    UsageError
        When another process holds it.

    Examples
    --------
    >>> import tempfile
    >>> with locked(Path(tempfile.mkdtemp())):
    ...     pass
    """
    lock = _lock(folder / _NAME, wait_s=0.0)
    try:
        _acquire(lock)
    except Timeout as error:
        raise UsageError(
            f"another acinus process is writing into {folder}; wait until it has ended, or choose another "
            "--out"
        ) from error
    try:
        yield
    finally:
        _release(lock)


@contextmanager
def waited_for(path: Path) -> Iterator[None]:
    """Hold a file for the moment in which it is read and written anew; other processes wait meanwhile.

    Parameters
    ----------
    path : Path
        A hidden file is beside it while it is held.
    """
    lock = _lock(path.with_name(f"{path.name}.lock"), wait_s=_LONGEST_WAIT_S)
    with suppress(Timeout):  # of a process that hangs
        _acquire(lock)
    try:
        yield
    finally:
        _release(lock)


def _lock(path: Path, *, wait_s: float) -> FileLock:
    # Not filelock's stand-in for disks without locks, a file that stays when its process is killed.
    return FileLock(path, timeout=wait_s, poll_interval=0.01, fallback_to_soft=False)


def _acquire(lock: FileLock) -> None:
    try:
        lock.acquire()
    except Timeout:  # an OSError, too
        raise
    except OSError:
        pass  # nothing can be locked there


def _release(lock: FileLock) -> None:
    if lock.is_locked:
        with suppress(OSError):  # while it is held: whoever waits sees that the file is gone
            Path(lock.lock_file).unlink()
        lock.release()
