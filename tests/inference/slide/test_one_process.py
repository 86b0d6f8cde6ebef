"""Reading, network and writing overlap, and a window that fails at any of them ends the run."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from acinus.core.errors import InputError, OutputError
from acinus.core.geometry import Box
from acinus.core.image import RgbArray, RgbImage
from acinus.core.segmenter import ProbabilityMap
from acinus.inference.refinement import RefinementSettings
from acinus.inference.slide.job import WindowJob
from acinus.inference.slide.one_process import OpenJob, compute_in_turn
from acinus.inference.slide.plan import WindowPlan

from .in_memory import ArraySlide, Brightest, all_tissue, grid_of, noise

PLAN = WindowPlan(grid_of(64, 256), window_px=64, halo_px=16, blend_px=8)


def no_model() -> Any:
    raise AssertionError("the model is there already")


def job_in(folder: Path, *, colour_weight: float = 0.0) -> WindowJob:
    return WindowJob(
        slide=Path("drawn.tif"),
        mpp=None,
        load=no_model,
        plan=PLAN,
        refinement=RefinementSettings(colour_weight=colour_weight),
        folder=folder / "windows",
        scratch=folder / "scratch",
        state="",
    )


def opened(job: WindowJob, slide: Any, segmenter: Any) -> OpenJob:
    return OpenJob(job, slide, segmenter, all_tissue(PLAN.grid), job.store())


@dataclass
class Watched(Brightest):
    """Notes how many windows had been read whenever it was asked."""

    slide: ArraySlide | None = None
    read_by_then: list[int] = field(default_factory=list)

    def probability(self, image: RgbImage) -> ProbabilityMap:
        assert self.slide is not None
        self.read_by_then.append(len(self.slide.reads))
        return super().probability(image)


def test_windows_come_in_order_and_few_are_read_ahead(tmp_path: Path):
    slide = ArraySlide(noise(64, 256))
    segmenter, steps = Watched(2, slide=slide), []
    job = job_in(tmp_path)
    seconds = compute_in_turn(opened(job, slide, segmenter), list(PLAN.windows()), lambda: steps.append(1))
    assert [box.x for box, _ in slide.reads] == [0, 48, 112, 176]
    assert len(steps) == 4
    for asked, read in enumerate(segmenter.read_by_then, start=1):
        assert asked <= read <= asked + 2
    assert all(job.store().has(window) for window in PLAN.windows())
    assert min(seconds.read, seconds.network, seconds.write) > 0


def test_no_windows_take_no_time(tmp_path: Path):
    slide = opened(job_in(tmp_path), ArraySlide(noise(64, 256)), Brightest(2))
    seconds = compute_in_turn(slide, [], lambda: None)
    assert (seconds.read, seconds.network, seconds.write) == (0.0, 0.0, 0.0)


class Unreadable(ArraySlide):
    """Cannot be read from its third window on."""

    def read_working(self, tile: Box, *, mpp: float) -> RgbArray:
        if len(self.reads) == 2:
            raise InputError("drawn.tif is damaged; copy it again")
        return super().read_working(tile, mpp=mpp)


def test_a_slide_that_cannot_be_read_to_its_end_leaves_what_was_computed(tmp_path: Path):
    job = job_in(tmp_path)
    with pytest.raises(InputError, match="copy it again"):
        compute_in_turn(opened(job, Unreadable(noise(64, 256)), Brightest(2)), list(PLAN.windows()), int)
    assert [job.store().has(window) for window in PLAN.windows()][2:] == [False, False]
    assert job.store().has(PLAN.window(0, 0))


def test_a_window_that_cannot_be_written_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    job = job_in(tmp_path)
    slide = opened(job, ArraySlide(noise(64, 256)), Brightest(2))

    def full(window: Any, probability: Any, depth: Any) -> None:
        raise OutputError("no space left")

    monkeypatch.setattr(slide.store, "write", full)
    with pytest.raises(OutputError, match="no space left"):
        compute_in_turn(slide, list(PLAN.windows()), lambda: None)


def test_only_the_colours_are_made_where_the_probability_is_there(tmp_path: Path):
    slide = ArraySlide(np.full((64, 256, 3), 128, np.uint8))
    alone, both = job_in(tmp_path), job_in(tmp_path, colour_weight=0.6)
    first = Brightest(2)
    compute_in_turn(opened(alone, slide, first), list(PLAN.windows()), lambda: None)
    assert len(first.asked) == 4
    again = Brightest(2)
    seconds = compute_in_turn(opened(both, slide, again), list(PLAN.windows()), lambda: None)
    assert (again.asked, seconds.network) == ([], 0.0)
    colours = both.store().read_colours(PLAN.grid.box)
    assert [np.unique(axis).tolist() for axis in colours] == [[137], [128], [128]]  # grey: L* is 53.6 of 100
    assert (both.store().read(PLAN.grid.box) == 128).all()


def test_a_window_without_tissue_is_not_to_be_computed(tmp_path: Path):
    job = job_in(tmp_path)
    slide = opened(job, ArraySlide(noise(64, 256)), Brightest(2))
    bare = OpenJob(job, slide.reader, slide.segmenter, all_tissue(grid_of(1, 1)), slide.store)
    with pytest.raises(ValueError, match="has no tissue"):
        bare.read(PLAN.window(3, 0))


def test_a_job_travels_to_another_process_and_is_the_same_there(tmp_path: Path):
    job = job_in(tmp_path)
    travelled = pickle.loads(pickle.dumps(job))
    assert travelled == job
    assert hash(travelled) == hash(job)
    assert travelled != job_in(tmp_path, colour_weight=0.5)
