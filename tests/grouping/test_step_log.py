from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from acinus.core.errors import OutputError
from acinus.core.progress import Advance, SilentProgress
from acinus.grouping.settings import GroupingSettings
from acinus.grouping.step_log import StepLog

SETTINGS = GroupingSettings(steps=3, rounds=2, last_round_factor=1.0)


class Noted(SilentProgress):
    """Progress that notes all it is told."""

    def __init__(self) -> None:
        self.events: list[str] = []

    @contextmanager
    def task(self, name: str, total: int, done: int = 0) -> Iterator[Advance]:
        self.events.append(f"{name}: {done} of {total}")
        yield lambda note="": self.events.append(note)
        self.events.append("end")


def lines_of(path: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def log_steps(path: Path, *steps: tuple[int, int], loss: float = 0.5) -> list[str]:
    progress = Noted()
    with StepLog(path, SETTINGS, progress) as log:
        for number, step in steps:
            log(number, {"step": step, "loss": loss})
    return progress.events


def test_each_step_is_a_line_and_each_round_a_task_of_the_progress(tmp_path):
    path = tmp_path / "metrics.jsonl"
    events = log_steps(path, (0, 0), (0, 1), (0, 2), (1, 0))
    assert [(line["round"], line["step"], line["loss"]) for line in lines_of(path)] == [
        (0, 0, 0.5),
        (0, 1, 0.5),
        (0, 2, 0.5),
        (1, 0, 0.5),
    ]
    seconds = [line["seconds"] for line in lines_of(path)]
    assert seconds == sorted(seconds)
    assert events == [
        *("Stage 2: round 1 of 2: 0 of 3", "loss 0.500", "loss 0.500", "loss 0.500", "end"),
        *("Stage 2: round 2 of 2: 0 of 3", "loss 0.500", "end"),
    ]


def test_steps_after_the_last_checkpoint_are_replaced_and_progress_starts_there(tmp_path):
    path = tmp_path / "metrics.jsonl"
    log_steps(path, (0, 0), (0, 1), (0, 2), (1, 0), (1, 1), loss=0.5)
    events = log_steps(path, (0, 2), (1, 0), loss=0.25)
    assert [(line["round"], line["step"], line["loss"]) for line in lines_of(path)] == [
        (0, 0, 0.5),
        (0, 1, 0.5),
        (0, 2, 0.25),
        (1, 0, 0.25),
    ]
    assert events[0] == "Stage 2: round 1 of 2: 2 of 3"


def test_a_line_that_was_cut_off_by_a_crash_is_dropped(tmp_path):
    path = tmp_path / "metrics.jsonl"
    log_steps(path, (0, 0))
    with path.open("a") as file:
        file.write('{"round": 0, "st')
    log_steps(path, (0, 1))
    assert [line["step"] for line in lines_of(path)] == [0, 1]


def test_a_fit_of_which_no_step_is_left_writes_nothing(tmp_path):
    assert log_steps(tmp_path / "metrics.jsonl") == []
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "metrics.jsonl").mkdir()
    log = StepLog(tmp_path / "metrics.jsonl", SETTINGS, SilentProgress())
    log._round = 0  # whose lines have been looked at
    with pytest.raises(OutputError, match=r"metrics\.jsonl"):
        log(0, {"step": 1, "loss": 0.5})


def test_the_task_of_the_last_round_is_as_long_as_its_steps(tmp_path: Path):
    progress = Noted()
    settings = GroupingSettings(steps=3, rounds=2, last_round_factor=2.5)
    assert [settings.steps_of(number) for number in (0, 1)] == [3, 8]
    with StepLog(tmp_path / "metrics.jsonl", settings, progress) as log:
        log(1, {"step": 0, "loss": 0.5})
    assert progress.events[0] == "Stage 2: round 2 of 2: 0 of 8"
