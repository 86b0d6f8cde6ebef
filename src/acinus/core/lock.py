"""One process at a time writes into a folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from acinus.core.errors import UsageError

__all__ = ["locked"]

_NAME = ".acinus.lock"


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
    # Not filelock's stand-in for disks without locks, a file that stays when its process is killed.
    lock = FileLock(folder / _NAME, blocking=False, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise UsageError(
            f"another acinus process is writing into {folder}; wait until it has ended, or choose another "
            "--out"
        ) from error
    except OSError:
        pass  # nothing can be locked there
    try:
        yield
    finally:
        if lock.is_locked:
            with suppress(OSError):  # while it is held: whoever waits sees that the file is gone
                Path(lock.lock_file).unlink()
            lock.release()
