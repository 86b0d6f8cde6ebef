"""What commands print: results on stdout, progress and errors on stderr, colours only on a terminal."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from acinus.core.progress import Advance, Progress

__all__ = ["as_word", "console_progress", "say", "say_error"]


def say(text: str = "") -> None:
    """Print a line of the result, at once: whoever reads a pipe or a log must not wait for the end."""
    print(_printable(text), flush=True)


def as_word(path: Path) -> str:
    """Return a path as one word of a command line that can be pasted.

    Examples
    --------
    >>> as_word(Path("results")), as_word(Path("my results"))
    ('results', "'my results'")
    """
    return subprocess.list2cmdline([str(path)]) if os.name == "nt" else shlex.quote(str(path))


def say_error(text: str) -> None:
    """Print one line on stderr."""
    print(f"acinus: {_printable(' '.join(text.split()))}", file=sys.stderr)


def _printable(text: str) -> str:
    """Return a text in which bytes of names that are not UTF-8 are escaped."""
    return text.encode("utf-8", "backslashreplace").decode()


def console_progress() -> Progress:
    """Return bars with the time left on a terminal, plain lines elsewhere; `NO_COLOR` is respected."""
    return _BarProgress() if sys.stderr.isatty() else _LineProgress()


class _BarProgress:
    """A bar per task, with the time left; that of a task within another one goes away when it ends."""

    def __init__(self) -> None:
        self._bars: Bars | None = None  # all tasks share those of the outermost one

    @contextmanager
    def task(self, name: str, total: int, done: int = 0) -> Iterator[Advance]:
        with self._shared() as bars:
            task = bars.add_task(name, total=total, completed=done, note="")
            try:
                yield lambda note="": bars.update(task, advance=1, note=note)
            finally:
                if len(bars.tasks) > 1:
                    bars.remove_task(task)

    @contextmanager
    def _shared(self) -> Iterator[Bars]:
        """Yield the bars that are shown, or show some until the end of the block."""
        if self._bars is not None:
            yield self._bars
            return
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
        )
        with Bars(*columns, console=Console(stderr=True)) as self._bars:
            try:
                yield self._bars
            finally:
                self._bars = None


class _LineProgress:
    """A line every 30 seconds, and one at the end."""

    interval_s = 30.0

    @contextmanager
    def task(self, name: str, total: int, done: int = 0) -> Iterator[Advance]:
        start = last = time.monotonic()
        count = done

        def advance(note: str = "") -> None:
            nonlocal count, last
            count += 1
            now = time.monotonic()
            if count == total or now - last >= self.interval_s:
                last = now
                left = (now - start) / max(1, count - done) * (total - count)
                times = f"{now - start:.0f} s, {left:.0f} s left"
                print(
                    f"{name}: {count}/{total}, {times}{f', {note}' if note else ''}",
                    file=sys.stderr,
                    flush=True,
                )

        yield advance
