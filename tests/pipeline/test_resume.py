from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from acinus.pipeline.fit_files import fit_files

from .killing import Interrupting

# Steps enough for a checkpoint, which is written after 25.
STEPS = 28
MOMENTS = [
    "Stage 1:1",
    "Stage 2: round 1:5",
    "Stage 2: round 1:26",
    "Stage 2: round 2:0",
    "Stage 2: round 2:27",
]
# Of 20 files: run.json, the shallow network, six of proposals, ... weights and model.json.
RENAMES = [f"rename:{count}" for count in (1, 4, 9, 10, 14, 20)]


@pytest.fixture(scope="module", autouse=True)
def as_the_forked_fits_do(one_thread: None) -> None:
    """Compute with one thread here, too."""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, tiny_settings: Path) -> Path:
    plain = json.loads(tiny_settings.read_text())
    plain["grouping"]["steps"] = STEPS
    path = tmp_path_factory.mktemp("resume") / "settings.json"
    path.write_text(json.dumps(plain))
    return path


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, tiles: Path, settings: Path) -> Path:
    out = tmp_path_factory.mktemp("undisturbed") / "model"
    fit_files([tiles], out=out, seed=3, settings_path=settings, processes=1)
    return out


@pytest.fixture(scope="module")
def crashes(
    tmp_path_factory: pytest.TempPathFactory, tiles: Path, settings: Path
) -> tuple[Path, dict[str, Any]]:
    """Fits that were killed and went on, one folder for each moment, and what became of them."""
    out = tmp_path_factory.mktemp("crashes")
    words = [sys.executable, "-m", "tests.pipeline.crash_fit", str(tiles), str(settings), str(out)]
    done = subprocess.run(
        [*words, *MOMENTS, *RENAMES],
        cwd=Path(__file__).resolve().parents[2],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return out, json.loads(done.stdout)


def same_model(one: Path, other: Path) -> bool:
    names = ("weights.safetensors", "model.json")
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in names)


def steps_of(model: Path) -> list[tuple[int, int, float]]:
    lines = [json.loads(line) for line in (model / "metrics.jsonl").read_text().splitlines()]
    return [(line["round"], line["step"], line["loss"]) for line in lines]


@pytest.mark.parametrize("moment", [*MOMENTS, *RENAMES])
def test_a_fit_that_was_killed_goes_on_to_the_model_of_an_undisturbed_one(crashes, undisturbed, moment):
    out, report = crashes
    assert report[moment]["signal"] == signal.SIGKILL
    assert report[moment]["code"] == 0
    assert same_model(out / moment, undisturbed)


@pytest.mark.parametrize("moment", [*MOMENTS, *RENAMES])
def test_the_metrics_of_a_fit_that_was_killed_hold_each_step_once_as_computed(crashes, undisturbed, moment):
    out, _ = crashes
    assert steps_of(out / moment) == steps_of(undisturbed)


def test_a_fit_that_was_killed_while_it_wrote_cleans_up_when_it_goes_on(crashes):
    out, report = crashes
    assert all(report[moment]["left"] for moment in RENAMES)
    assert {path.name for path in out.rglob(".*")} <= {".acinus.json"}


def test_a_fit_that_was_interrupted_leaves_no_temporary_file_and_goes_on(
    tmp_path, tiles, settings, undisturbed
):
    out = tmp_path / "model"
    with pytest.raises(KeyboardInterrupt):
        fit_files(
            [tiles],
            out=out,
            seed=3,
            settings_path=settings,
            processes=1,
            progress=Interrupting("Stage 2: round 2 of 2", 2),
        )
    assert not (out / "model.json").exists()
    assert {path.name for path in out.rglob(".*")} <= {".acinus.json"}
    fit_files([tiles], out=out, seed=3, settings_path=settings, processes=1)
    assert same_model(out, undisturbed)


def test_the_number_of_processes_does_not_change_the_model(tmp_path, tiles, settings, undisturbed):
    fit_files([tiles], out=tmp_path / "model", seed=3, settings_path=settings, processes=2)
    assert same_model(tmp_path / "model", undisturbed)
