"""How long work reports its progress, without knowing whether to a terminal."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

__all__ = ["Advance", "Progress", "SilentProgress", "timed"]


class Advance(Protocol):
    """Called once for each finished unit, optionally with a short note (a loss, a name)."""

    def __call__(self, note: str = "") -> None:
        """Count one unit as done."""
        ...


class Progress(Protocol):
    """Something that shows progress."""

    @contextmanager
    def task(self, name: str, total: int, done: int = 0) -> Iterator[Advance]:
        """Open a task of `total` units of which `done` are finished already."""
        ...


class SilentProgress:
    """Shows nothing: the default in Python."""

    @contextmanager
    def task(self, name: str, total: int, done: int = 0) -> Iterator[Advance]:
        """Return an `Advance` that does nothing."""
        del name, total, done
        yield lambda note="": None


@contextmanager
def timed(seconds: dict[str, float], phase: str) -> Iterator[None]:
    """Note how long the block took, in seconds."""
    start = time.perf_counter()
    yield
    seconds[phase] = time.perf_counter() - start
