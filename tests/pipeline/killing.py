"""Have this process killed (SIGKILL), or interrupted as by Ctrl-C, at a given moment.

What is killed is forked by scripts.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from acinus.core.progress import Advance


class Interrupting:
    """Progress that raises as Ctrl-C does when a task has counted `count` units."""

    def __init__(self, task: str, count: int) -> None:
        self._task, self._count = task, count

    @contextmanager
    def task(self, name: str, total: int, done: int = 0) -> Iterator[Advance]:
        del total
        counted = done

        def advance(note: str = "") -> None:
            nonlocal counted
            del note
            counted += 1
            check()

        def check() -> None:
            if name.startswith(self._task) and counted >= self._count:
                self.end()

        check()
        yield advance

    def end(self) -> None:
        raise KeyboardInterrupt


class Killer(Interrupting):
    """Progress that ends the process then."""

    def end(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


def kill_before_rename(count: int | None, after: Callable[[], None] = lambda: None) -> None:
    """End the process when file number `count` is about to get its final name; call `after` when one has."""
    rename, seen = Path.replace, 0

    def replace(path: Path, target: Path) -> Path:
        nonlocal seen
        seen += 1
        if seen == count:
            os.kill(os.getpid(), signal.SIGKILL)
        renamed = rename(path, target)
        after()
        return renamed

    Path.replace = replace  # type: ignore[method-assign, assignment]
