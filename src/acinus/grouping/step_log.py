"""The metrics of each step of stage 2, as lines of JSON and as progress."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import orjson

from acinus.core.files import atomic_path, output_error
from acinus.core.progress import Advance, Progress
from acinus.grouping.settings import GroupingSettings
from acinus.grouping.train import StepRecord

__all__ = ["StepLog"]


class StepLog:
    """Writes the metrics of each step to a file and shows progress; called with (round, record).

    The lines of steps that an interrupted run computed after its last checkpoint are replaced.

    Parameters
    ----------
    path : Path
        Gets a line of JSON per step: the record, ``round`` and ``seconds`` since the start of this run.
    settings : GroupingSettings
    progress : Progress
    """

    def __init__(self, path: Path, settings: GroupingSettings, progress: Progress) -> None:
        self._path = path
        self._settings = settings
        self._progress = progress
        self._round = -1
        self._task = ExitStack()
        self._advance: Advance = lambda note="": None
        self._start = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._task.close()

    def __call__(self, number: int, record: StepRecord) -> None:
        step = int(record["step"])
        if number != self._round:
            self._open_round(number, step)
        line = {"round": number, **record, "seconds": round(time.monotonic() - self._start, 3)}
        try:
            with self._path.open("ab") as file:
                file.write(orjson.dumps(line) + b"\n")
        except OSError as error:
            raise output_error(error, self._path) from error
        self._advance(f"loss {record['loss']:.3f}")

    def _open_round(self, number: int, step: int) -> None:
        self._task.close()
        _forget_from(self._path, number, step)
        name = f"Stage 2: round {number + 1} of {self._settings.rounds}"
        task = self._progress.task(name, total=self._settings.steps_of(number), done=step)
        self._advance = self._task.enter_context(task)
        self._round = number


def _forget_from(path: Path, number: int, step: int) -> None:
    """Drop the lines that an interrupted run wrote after its last checkpoint: they are computed again."""
    if not path.exists():
        return
    kept = []
    for line in path.read_bytes().splitlines():
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError:  # cut off by the crash
            continue
        if (record["round"], record["step"]) < (number, step):
            kept.append(line + b"\n")
    with atomic_path(path) as temporary:
        temporary.write_bytes(b"".join(kept))
