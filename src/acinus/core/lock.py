"""One process at a time writes into a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from acinus.core.errors import UsageError

try:
    import fcntl
except ImportError:  # Windows: nothing is locked there
    fcntl = None  # type: ignore[assignment]

__all__ = ["locked"]

_NAME = ".lock"


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
    path = folder / _NAME
    file = _acquired(path)
    try:
        yield
    finally:
        if file is not None:
            with suppress(OSError):
                path.unlink()
            file.close()


def _acquired(path: Path) -> IO[str] | None:
    """Return the open file whose lock this process has, None where there are no locks."""
    while fcntl is not None:
        try:
            file = path.open("a")
        except OSError:
            return None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(file.fileno()).st_ino == path.stat().st_ino:
                return file
        except BlockingIOError as error:
            file.close()
            raise UsageError(
                f"another acinus process is writing into {path.parent}; wait until it has ended, or choose "
                "another --out"
            ) from error
        except FileNotFoundError:
            pass  # the process that had it has just ended and removed the file
        except OSError:
            file.close()
            return None
        file.close()
    return None
