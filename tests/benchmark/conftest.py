"""What the tests of the benchmark share: tiny settings, images and a job that is computed in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from acinus.benchmark.catalogue import Catalogue, find_methods
from acinus.benchmark.job import Job, make_job
from acinus.benchmark.plan import Plan
from acinus.benchmark.splits import Splits, find_splits

TINY: dict[str, Any] = {
    "fit": {
        "mining": {"shallow": {"steps": 1, "batch_crops": 1, "crop_px": 32}},
        "grouping": {
            "steps": 2,
            "rounds": 2,
            "batch_crops": 2,
            "crop_px": 32,
            "network": {"widths": [4, 8]},
        },
    },
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
def tiny_plan() -> Plan:
    return Plan.from_plain(TINY)


@pytest.fixture(scope="session")
def splits(tiny_plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Splits:
    """Two drawn images to learn from and two held out; not to be changed."""
    drawn = tmp_path_factory.mktemp("drawn")
    [parts] = find_splits(
        "synthetic",
        None,
        synthetic=tiny_plan.synthetic,
        drawn=lambda: drawn,
        mpp=None,
        patient_disjoint=False,
    )
    return parts


@pytest.fixture(scope="session")
def catalogue(tiny_plan: Plan) -> Catalogue:
    return find_methods(tiny_plan)


@pytest.fixture(scope="session")
def job_of(tiny_plan: Plan, splits: Splits) -> Callable[..., Job]:
    """Makes the job of a method's name."""

    def make(name: str, *, seed: int = 0, plan: Plan = tiny_plan, files: tuple[Path, ...] = ()) -> Job:
        catalogue = find_methods(plan, files=files)
        return make_job(
            catalogue.methods[name],
            seed,
            splits=splits,
            splits_fingerprint="images",
            plan=plan,
            files=files,
            catalogue=catalogue,
            device="cpu",
        )

    return make


@pytest.fixture
def computed(tmp_path: Path) -> Callable[[Job], dict[str, Any]]:
    """Computes a job in this process and returns its result as a reader of its file would."""
    from acinus.benchmark.compute import compute

    def run(job: Job) -> dict[str, Any]:
        folder = tmp_path / job.method
        folder.mkdir()
        result, _ = compute(orjson.loads(job.as_bytes()), folder)
        plain: dict[str, Any] = orjson.loads(orjson.dumps(result))
        return plain

    return run
