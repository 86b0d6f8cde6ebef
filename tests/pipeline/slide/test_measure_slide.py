"""Measuring on workers gives the table of one process, in its order, whichever worker is done first."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from acinus.core.errors import AcinusError
from acinus.inference.slide import measure_slide
from acinus.pipeline.segment_slide import segment_slide

from .drawn import purple_model

TABLES = ("glands.parquet", "glands.geojson.gz")


class Shuffled:
    """As much of a Dask client as measuring needs; tasks run here."""

    submitted = 0

    def submit(self, task: Callable[..., Any], *arguments: Any, pure: bool) -> Callable[[], Any]:
        self.submitted += 1
        return lambda: task(*arguments)


def results_in_any_order(client: Shuffled, futures: Sequence[Callable[[], Any]]) -> Iterator[Any]:
    for future in random.Random(len(futures)).sample(futures, len(futures)):
        yield future()


@pytest.mark.parametrize(("batch", "at_a_time"), [(1, 64), (2, 2), (4, 1)])
def test_the_order_in_which_workers_finish_changes_nothing(
    tmp_path: Path, disc_slide: Path, monkeypatch: pytest.MonkeyPatch, batch: int, at_a_time: int
) -> None:
    segment_slide(disc_slide, purple_model(), out=tmp_path / "one")
    monkeypatch.setattr(measure_slide, "_BATCH", batch)
    monkeypatch.setattr(measure_slide, "_AT_A_TIME", at_a_time)
    monkeypatch.setattr(measure_slide, "results_on", results_in_any_order)
    client = Shuffled()
    monkeypatch.setattr(
        "acinus.inference.slide.finding.measure_slide",
        lambda *arguments, **named: measure_slide.measure_slide(*arguments, **{**named, "client": client}),
    )
    segment_slide(disc_slide, purple_model(), out=tmp_path / "many")
    assert client.submitted == -(-6 // batch)
    for name in TABLES:
        one, many = ((tmp_path / run / "discs" / name).read_bytes() for run in ("one", "many"))
        assert one == many


def test_a_scheduler_that_is_lost_fails_the_slide_alone_and_leaves_its_windows(
    tmp_path: Path, disc_slide: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(client: object, futures: object) -> Iterator[Any]:
        raise AcinusError("the connection to the Dask scheduler was lost")
        yield

    monkeypatch.setattr(measure_slide, "results_on", lost)
    monkeypatch.setattr(
        "acinus.inference.slide.finding.measure_slide",
        lambda *arguments, **named: measure_slide.measure_slide(
            *arguments, **{**named, "client": Shuffled()}
        ),
    )
    with pytest.raises(AcinusError, match="scheduler was lost"):
        segment_slide(disc_slide, purple_model(), out=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".discs.work"]
