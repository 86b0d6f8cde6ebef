"""What the tests of the benchmark share: tiny settings, images and a job that is computed in this process."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from acinus.benchmark.catalogue import Catalogue, find_methods
from acinus.benchmark.datasets import Splits, find_splits
from acinus.benchmark.job import Job, make_jobs
from acinus.benchmark.settings import BenchmarkSettings
from acinus.pipeline.presets import PRESETS
from acinus.pipeline.settings import settings_from_plain

TINY_PRESET = {
    "mining": {"shallow": {"steps": 1, "batch_crops": 1, "crop_px": 32}},
    "grouping": {"steps": 2, "batch_crops": 2, "crop_px": 32, "network": {"width": 8, "features": 8}},
}
TINY: dict[str, Any] = {
    "fit": {
        "mining": {"shallow": {"steps": 1, "batch_crops": 1, "crop_px": 32}},
        "grouping": {
            "steps": 2,
            "rounds": 2,
            "batch_crops": 2,
            "crop_px": 32,
            "mpp": 2.5,
            "network": {"widths": [4, 8]},
        },
    },
    "presets": dict.fromkeys(PRESETS, TINY_PRESET),
    "baselines": {
        "IIC": {"steps": 2, "crop_px": 32, "batch_crops": 2},
        "DeepCluster": {"epochs": 1, "steps_per_epoch": 1, "crop_px": 32, "batch_crops": 2},
        "PiCIE": {"epochs": 1, "pool_crops": 2, "crop_px": 32, "batch_crops": 2},
        "DifferentiableFeatureClustering": {"steps": 2},
        "UntrainedNetwork": {"crop_px": 32},
    },
    "synthetic": {"fit": 2, "held_out": 2, "side_px": 128},
}


@pytest.fixture(scope="session")
def tiny() -> BenchmarkSettings:
    return BenchmarkSettings().changed(TINY)


@pytest.fixture(scope="session")
def splits(tiny: BenchmarkSettings, tmp_path_factory: pytest.TempPathFactory) -> Splits:
    """Two synthetic images to learn from and two held out; not to be changed."""
    folder = tmp_path_factory.mktemp("synthetic")
    [parts] = find_splits("synthetic", None, tiny, images_folder=lambda: folder)
    return parts


@pytest.fixture(scope="session")
def catalogue(tiny: BenchmarkSettings) -> Catalogue:
    return find_methods(tiny)


@pytest.fixture(scope="session")
def job_of(tiny: BenchmarkSettings, splits: Splits) -> Callable[..., Job]:
    """Makes the job of a method's name."""

    def make(
        name: str, *, seed: int = 0, settings: BenchmarkSettings = tiny, files: tuple[Path, ...] = ()
    ) -> Job:
        catalogue = find_methods(settings, files=files)
        instances = settings_from_plain(settings.fit).instances
        jobs = make_jobs(
            [catalogue.methods[name]], [splits], catalogue, seeds=seed + 1, instances=instances, device="cpu"
        )
        return jobs[seed]

    return make


@pytest.fixture
def computed(tmp_path: Path) -> Callable[[Job], dict[str, Any]]:
    """Computes a job in this process, as a worker would read it, and returns its result."""
    from acinus.benchmark.fit_and_score import fit_and_score

    def run(job: Job) -> dict[str, Any]:
        folder = tmp_path / job.method.name
        folder.mkdir()
        result, _ = fit_and_score(pickle.loads(job.pickled()), folder)
        return result

    return run
