from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch

from acinus.core.cluster import local_cluster
from acinus.core.errors import AcinusError, InputError, OutputError
from acinus.core.image import BoolMask, RgbArray, RgbImage
from acinus.core.progress import Advance
from acinus.core.segmenter import ProbabilityMap, Segmenter, maps_of
from acinus.grouping.settings import GroupingSettings
from acinus.inference.refinement import RefinementSettings
from acinus.inference.slide import workers
from acinus.inference.slide.compute import compute_windows
from acinus.inference.slide.continuation import TissueContinuation
from acinus.inference.slide.job import PhaseSeconds, WindowJob
from acinus.inference.slide.plan import plan_windows
from acinus.inference.slide.tissue import SlideTissue
from acinus.networks.border_unet import BorderUNetSpec
from acinus.networks.unet import UNetSpec
from acinus.pipeline.estimator import GlandSegmenter
from acinus.pipeline.model import save_model
from acinus.pipeline.settings import Settings
from acinus.pipeline.slide_model import SavedModel, prepared
from acinus.slides.opening import open_slide

GLASS, EOSIN = (243, 242, 244), (215, 140, 190)
MPP = 2.5
NETWORK = UNetSpec(widths=(4, 8), context_cells=3)


@pytest.fixture(scope="module", autouse=True)
def as_workers_do(one_thread: None) -> None:
    """Compute with one thread here, too, whatever more of them would change in the last digits."""


@pytest.fixture(scope="module")
def slide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A slide of 500 × 400 px of 2.5 µm: noisy tissue on its left, glass on its right."""
    noise = np.random.default_rng(0).normal(0, 25, (400, 500, 3))
    rgb = np.where(np.arange(500)[None, :, None] < 300, np.clip(EOSIN + noise, 0, 255), GLASS)
    path = tmp_path_factory.mktemp("slide") / "slide.tif"
    pixels_per_cm = 1e4 / MPP
    tifffile.imwrite(
        path,
        rgb.astype(np.uint8),
        photometric="rgb",
        tile=(128, 128),
        resolution=(pixels_per_cm, pixels_per_cm),
        resolutionunit="CENTIMETER",
    )
    return path


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network that learnt nothing but answers from 0 to 1."""
    torch.manual_seed(0)
    network = NETWORK.build()
    torch.nn.init.normal_(network.classifier.weight, std=60.0)
    folder = tmp_path_factory.mktemp("model") / "model"
    save_model(folder, network, Settings(grouping=GroupingSettings(network=NETWORK)), stain={})
    return folder


@pytest.fixture
def job(slide: Path, model_folder: Path, tmp_path: Path) -> WindowJob:
    """Of 20 windows of 100 px, 12 or more of which have tissue."""
    with open_slide(slide) as reader:
        plan = plan_windows(
            reader,
            mpp=MPP,
            reach_px=NETWORK.reach_px,
            stride_px=NETWORK.stride,
            window_px=100,
        )
    return WindowJob(
        slide=slide,
        mpp=None,
        load=SavedModel(model_folder, "cpu"),
        plan=plan,
        refinement=RefinementSettings(),
        folder=tmp_path / "windows",
        scratch=tmp_path / "windows",
        state="first",
    )


@dataclass
class Counting:
    """The model of a job, counting its calls; fails at one of them if told to."""

    inner: Segmenter
    fails_at: int = -1
    calls: int = 0

    @property
    def mpp(self) -> float:
        return self.inner.mpp

    def probability(self, image: RgbImage) -> ProbabilityMap:
        self.calls += 1
        if self.calls == self.fails_at:
            raise KeyboardInterrupt
        return self.inner.probability(image)


@dataclass
class Steps:
    """Progress that keeps what it was told and acts at each step."""

    act: Callable[[int], None] = lambda count: None
    total: int = 0
    done: int = 0
    count: int = field(default=0)

    @contextmanager
    def task(self, name: str, total: int, done: int = 0) -> Iterator[Advance]:
        self.total, self.done = total, done

        def advance(note: str = "") -> None:
            self.count += 1
            self.act(self.count)

        yield advance


def files(folder: Path) -> dict[str, bytes]:
    """Return the files of a job: the probability and the colours of its windows, and the tissue."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def moved(job: WindowJob, folder: Path) -> WindowJob:
    return replace(job, folder=folder, scratch=folder)


def counting(job: WindowJob, **options: Any) -> Counting:
    return Counting(job.load(), **options)


def with_tissue(job: WindowJob) -> int:
    with open_slide(job.slide) as reader:
        tissue = SlideTissue.of(reader, job.plan.grid)
    return sum(tissue.covers(window.kept) for window in job.plan.windows())


def shown(job: WindowJob) -> tuple[RgbArray, BoolMask, BoolMask]:
    """Return the slide with its tissue continued, where tissue and rim are, and where in them is no glass."""
    box = job.plan.grid.box
    with open_slide(job.slide) as reader:
        tissue = job.tissue(reader)
        rgb = reader.read_working(box, mpp=MPP)
    continued, glass = TissueContinuation(tissue, job.refinement.continued_um).shown(rgb, box, box)
    mask = tissue.mask_of(box)
    assert 0.01 < (mask & glass).mean() < 0.1  # the rim
    return continued, mask, mask & ~glass


def test_a_slide_in_windows_is_the_network_s_answer_to_all_of_it_where_tissue_is(
    job: WindowJob, model_folder: Path
):
    seconds = compute_windows(job)
    found = job.store().read(job.plan.grid.box)
    rgb, mask, believed = shown(job)
    assert mask.mean() == pytest.approx(0.62, abs=0.02)  # 300 of 500 px and a rim of 24 µm
    model = prepared(GlandSegmenter.load(model_folder, device="cpu").fitted)
    whole = model.probability(RgbImage(rgb, mpp=MPP)) * 255
    assert np.abs(found - np.where(believed, whole, 0)).max() < 0.5 + 1e-2
    assert np.ptp(found[mask]) > 50
    assert min(seconds.read, seconds.network, seconds.write) > 0


def test_only_windows_with_tissue_are_computed_and_each_is_told(job: WindowJob):
    model, steps = counting(job), Steps()
    compute_windows(job, segmenter=model, progress=steps)
    expected = with_tissue(job)
    assert 12 <= expected < 20
    assert (model.calls, steps.count, steps.total, steps.done) == (expected, expected, expected, 0)
    assert len(files(job.folder)) == 20 + 20 + 1


def test_what_is_in_the_store_is_not_computed_again(job: WindowJob):
    compute_windows(job)
    before, model, steps = files(job.folder), counting(job), Steps()
    assert compute_windows(job, segmenter=model, progress=steps) == PhaseSeconds()
    assert (model.calls, steps.count, steps.total, steps.done) == (0, 0, with_tissue(job), with_tissue(job))
    assert files(job.folder) == before


def test_a_run_that_was_stopped_goes_on_where_it_was(job: WindowJob, tmp_path: Path):
    undisturbed = moved(job, tmp_path / "undisturbed")
    compute_windows(undisturbed)
    with pytest.raises(KeyboardInterrupt):
        compute_windows(job, segmenter=counting(job, fails_at=6))
    model, steps = counting(job), Steps()
    compute_windows(job, segmenter=model, progress=steps)
    assert steps.done == 5
    assert model.calls == with_tissue(job) - 5
    assert files(job.folder) == files(undisturbed.folder)


def test_a_truncated_window_is_computed_again_alone(job: WindowJob):
    compute_windows(job)
    before = files(job.folder)
    path = sorted(job.folder.glob("*.window"))[0]
    path.write_bytes(path.read_bytes()[:-7])
    model = counting(job)
    compute_windows(job, segmenter=model)
    assert model.calls == 1
    assert files(job.folder) == before


@pytest.mark.parametrize("smoothing_um", [3.75, 10.0])
def test_colours_that_are_missing_are_read_again_without_the_network(job: WindowJob, smoothing_um: float):
    compute_windows(job)
    before = files(job.folder)
    shutil.rmtree(job.scratch / "colours_3.75")
    again = replace(job, refinement=RefinementSettings(smoothing_um=smoothing_um))
    model, steps = counting(job), Steps()
    seconds = compute_windows(again, segmenter=model, progress=steps)
    assert (model.calls, steps.count, seconds.network) == (0, with_tissue(job), 0.0)
    after = files(job.folder)
    windows = {name for name in before if "/" not in name}
    assert {name: after[name] for name in windows} == {name: before[name] for name in windows}
    assert len(after) == len(before)
    assert (after == before) == (smoothing_um == 3.75)
    afresh = moved(again, job.folder.parent / "afresh")
    compute_windows(afresh)
    assert files(afresh.folder) == after


def test_colours_of_another_blur_are_not_those_asked_for(job: WindowJob):
    compute_windows(job)
    other = replace(job, refinement=RefinementSettings(smoothing_um=10.0))
    assert job.store().has(job.plan.window(0, 0))
    assert not other.store().has(job.plan.window(0, 0))
    assert other.store().has_probability(job.plan.window(0, 0))


def test_without_a_weight_no_colours_are_stored(job: WindowJob):
    alone = replace(job, refinement=RefinementSettings(colour_weight=0.0))
    compute_windows(alone)
    assert len(files(alone.folder)) == 20 + 1
    model = counting(job)
    compute_windows(job, segmenter=model)  # afterwards they are wanted
    assert model.calls == 0
    assert len(files(job.folder)) == 20 + 20 + 1


def test_a_full_disk_ends_the_run_and_keeps_what_was_whole(job: WindowJob, small_disk: Callable[[str], Path]):
    job = moved(job, small_disk("64k") / "windows")
    with pytest.raises(OutputError, match="no space left"):
        compute_windows(job)
    kept = list(job.folder.glob("*.window"))
    assert 0 < len(kept) < 20
    small_disk("2m")
    model = counting(job)
    compute_windows(job, segmenter=model)
    assert model.calls >= with_tissue(job) - len(kept)
    assert job.store().read(job.plan.grid.box).any()


def test_a_damaged_slide_ends_the_run(job: WindowJob, tmp_path: Path):
    content = bytearray(job.slide.read_bytes())
    broken = tmp_path / "broken.tif"
    broken.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError):
        compute_windows(replace(job, slide=broken))


def test_seconds_add_up():
    assert PhaseSeconds(1, 2, 3) + PhaseSeconds(10, 20, 30) == PhaseSeconds(11, 22, 33)


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with local_cluster(2) as client:
        yield client


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Callable[[WindowJob], dict[str, bytes]]:
    def make(job: WindowJob) -> dict[str, bytes]:
        alone = moved(job, tmp_path_factory.mktemp("alone"))
        compute_windows(alone)
        return files(alone.folder)

    return make


def test_workers_give_the_same_to_the_bit(job: WindowJob, client: Any, expected: Any):
    steps = Steps()
    seconds = compute_windows(job, client=client, progress=steps)
    assert files(job.folder) == expected(job)
    assert steps.count == steps.total == with_tissue(job)
    assert min(seconds.read, seconds.network, seconds.write) > 0
    assert compute_windows(job, client=client) == PhaseSeconds()


@pytest.fixture
def border_job(job: WindowJob, tmp_path: Path) -> WindowJob:
    """The same slide for a network that tells a depth."""
    torch.manual_seed(0)
    spec = BorderUNetSpec(widths=(4, 8), context_cells=3, fine=4)
    network = spec.build()
    torch.nn.init.normal_(network.classifier.weight, std=60.0)
    save_model(tmp_path / "m", network, Settings(grouping=GroupingSettings(network=spec, mpp=MPP)), stain={})
    with open_slide(job.slide) as reader:
        plan = plan_windows(reader, mpp=MPP, reach_px=spec.reach_px, stride_px=spec.stride, window_px=100)
    return replace(job, load=SavedModel(tmp_path / "m", "cpu"), plan=plan, tells_depth=True)


@pytest.mark.parametrize(("in_half", "most"), [(False, 0.5 + 1e-2), (True, 8.0)])
def test_windows_of_a_network_that_tells_a_depth_are_its_answer_to_the_whole(
    border_job: WindowJob, in_half: bool, most: float
):
    segmenter = replace(border_job.load(), in_half=in_half)
    compute_windows(border_job, segmenter=segmenter)
    box = border_job.plan.grid.box
    depth = border_job.store().read_depth(box)
    assert depth is not None
    rgb, mask, believed = shown(border_job)
    whole = maps_of(segmenter, RgbImage(rgb, mpp=MPP))
    assert whole.depth is not None
    # Half precision rounds to eight bits behind every layer, and differently in windows of another size.
    assert np.abs(depth - np.where(believed, whole.depth * 255, 0)).max() < most
    assert np.ptp(depth[mask]) > 50
    assert not np.array_equal(depth, border_job.store().read(box))


def test_workers_tell_the_same_depth_to_the_bit(border_job: WindowJob, client: Any, expected: Any):
    compute_windows(border_job, client=client)
    assert files(border_job.folder) == expected(border_job)


def test_windows_without_a_depth_are_computed_again_for_a_job_that_needs_it(
    border_job: WindowJob, tmp_path: Path
):
    afresh = moved(border_job, tmp_path / "afresh")
    compute_windows(afresh)
    compute_windows(replace(border_job, tells_depth=False))
    model = counting(border_job)
    compute_windows(border_job)
    assert files(border_job.folder) == files(afresh.folder)
    compute_windows(border_job, segmenter=model)
    assert model.calls == 0


def test_the_error_of_a_worker_is_the_user_s(job: WindowJob, client: Any, tmp_path: Path):
    with pytest.raises(AcinusError, match="not a folder"):
        compute_windows(replace(job, load=SavedModel(tmp_path / "nowhere", "cpu")), client=client)


def test_workers_that_do_not_share_the_folder_are_noticed(
    job: WindowJob, client: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    elsewhere = job.store()
    monkeypatch.setattr(WindowJob, "store", lambda self: elsewhere)
    monkeypatch.setattr(workers, "_SHARED_FOLDER_S", 0.0)
    with pytest.raises(OutputError, match="choose an output folder on a shared disk"):
        compute_windows(moved(job, tmp_path / "other machine"), client=client)


def test_a_killed_worker_loses_nothing(job: WindowJob, client: Any, expected: Any):
    victim, *others = client.run(os.getpid).values()
    assert others

    def kill(count: int) -> None:
        if count == 2:
            os.kill(victim, signal.SIGKILL)

    compute_windows(job, client=client, progress=Steps(act=kill))
    left = {name: content for name, content in files(job.folder).items() if not name.endswith(".tmp.window")}
    assert left == expected(job)
    assert victim not in client.run(os.getpid).values()
