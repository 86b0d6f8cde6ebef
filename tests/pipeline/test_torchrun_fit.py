"""Processes that fit together; they take seconds to start, so few are started and asked for much."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from acinus import GlandSegmenter
from acinus.core.errors import AcinusError, InputError, UsageError
from acinus.core.image import RgbImage
from acinus.grouping.device import choose_kind
from acinus.grouping.process_group import ProcessGroup
from acinus.grouping.torchrun import count_processes, is_first_process, run_on_devices
from acinus.pipeline.fit import fit
from acinus.pipeline.fit_files import fit_files
from acinus.pipeline.settings import Settings

# Of the loss of each step, relative to the single process: batch normalisation sees half a batch.
TOLERANCE = 0.03


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, tiny_settings: Path) -> Path:
    """Steps enough for a checkpoint, which is written after 25.

    Rounds start afresh and pass on pixels of the network alone: what two processes compute otherwise grows
    from step to step of one network, and by which pixels colours are learnt from.
    """
    plain = json.loads(tiny_settings.read_text())
    plain["grouping"] |= {"steps": 28, "batch_crops": 4, "warm_start": False}
    plain["grouping"]["self_training"] = {"refined": False}
    plain["grouping"]["network"] = {"kind": "UNetSpec", "widths": [4, 8]}
    path = tmp_path_factory.mktemp("torchrun") / "settings.json"
    path.write_text(json.dumps(plain))
    return path


@pytest.fixture(scope="module")
def work() -> Any:
    """A module that launched processes find too, which compute with one thread each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).parent)
        patch.setenv("OMP_NUM_THREADS", "1")
        yield importlib.import_module("torchrun_fit_work")


@pytest.fixture(scope="module")
def together(
    tmp_path_factory: pytest.TempPathFactory, work: ModuleType, tiles: Path, settings: Path
) -> tuple[Path, list[Any]]:
    """The model of an undisturbed fit by two processes, and what each of them trained."""
    out = tmp_path_factory.mktemp("together") / "model"
    run_on_devices(partial(work.train_and_fit, tiles, settings, out), count=2)
    return out, [work.Trained(*torch.load(out.with_name(f"trained{number}"))) for number in range(2)]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, tiles: Path, settings: Path) -> Path:
    out = tmp_path_factory.mktemp("alone") / "model"
    fit_files([tiles], out=out, seed=3, settings_path=settings, processes=1)
    return out


def steps_of(model: Path) -> list[tuple[int, int]]:
    return [(line["round"], line["step"]) for line in metrics_of(model)]


def metrics_of(model: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (model / "metrics.jsonl").read_text().splitlines()]


def test_two_processes_train_as_one_does(together, work):
    """But for batch normalisation: the same losses, terms over the whole batch included, the same weights."""
    expected = work.train()
    assert min(record["depth"] for record in expected.records) > 0.0
    for trained in together[1]:
        for term in ("loss", "mask", "depth", "diffusion"):
            values, others = ([record[term] for record in t.records] for t in (trained, expected))
            assert values == pytest.approx(others, rel=1e-5)
        for name, value in expected.state.items():
            assert torch.allclose(trained.state[name], value, atol=1e-5)


def test_both_processes_keep_one_network(together):
    first, second = (trained.state for trained in together[1])
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_the_losses_of_a_fit_by_two_processes_follow_those_of_one(together, alone):
    losses, expected = ([line["loss"] for line in metrics_of(model)] for model in (together[0], alone))
    assert losses == pytest.approx(expected, rel=TOLERANCE)
    assert losses != expected


def test_each_step_is_logged_once_and_stage_1_is_that_of_one_process(together, alone):
    assert steps_of(together[0]) == [(number, step) for number in range(2) for step in range(28)]
    proposals = {path.name: path.read_bytes() for path in (alone / "proposals").iterdir()}
    assert {path.name: path.read_bytes() for path in (together[0] / "proposals").iterdir()} == proposals
    assert {path.name for path in together[0].rglob(".*")} <= {".acinus.json"}


def test_the_model_of_two_processes_segments_like_that_of_one(together, alone, tiles):
    image = tiles / "tile_000.png"
    result, expected = (GlandSegmenter.load(m, device="cpu").segment(image) for m in (together[0], alone))
    assert np.abs(result.probability - expected.probability).max() < 0.05
    assert result.labels.shape == (256, 256)


def test_a_fit_whose_process_was_killed_goes_on_under_torchrun_to_the_model_of_an_undisturbed_one(
    tmp_path, tiles, settings, together, work
):
    out = tmp_path / "model"
    with pytest.raises(AcinusError, match="process 0 of 2 was killed, perhaps for want of memory; run"):
        fit_files(
            [tiles],
            out=out,
            seed=3,
            settings_path=settings,
            devices=2,
            device="cpu",
            processes=1,
            progress=work.Killer(),
        )
    assert steps_of(out)[-1] == (1, 25)
    assert not (out / "model.json").exists()
    words = ["fit", tiles, "--out", out, "--seed", "3", "--settings", settings, "--processes", "1"]
    words += ["--device", "cpu"]
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "acinus", *words],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("the model is in") == 1
    assert done.stderr.count("Stage 2: round 2 of 2: 28/28") == 1
    assert not [line for line in done.stderr.splitlines() if "arning" in line]
    for name in ("weights.safetensors", "model.json"):
        assert (out / name).read_bytes() == (together[0] / name).read_bytes()
    assert steps_of(out) == steps_of(together[0])


class Second(ProcessGroup):
    """Process 1 of 2, whose first has found something else."""

    def broadcast(self, compute: Any, *arguments: object) -> Any:
        return "another fingerprint"


def test_a_process_that_found_other_images_than_the_first_says_so(tmp_path):
    image = RgbImage(np.zeros((64, 64, 3), np.uint8), mpp=0.5, name="a")
    with pytest.raises(InputError, match="process 1 found other images or settings than process 0"):
        fit(
            [image],
            Settings(),
            seed=0,
            device=torch.device("cpu"),
            folder=tmp_path,
            group=Second(rank=1, size=2),
        )
    assert list(tmp_path.iterdir()) == []


def torchrun_says(monkeypatch: pytest.MonkeyPatch, *, here: int, count: int, rank: int = 0) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    for name, value in (("LOCAL_WORLD_SIZE", here), ("WORLD_SIZE", count), ("RANK", rank)):
        monkeypatch.setenv(name, str(value))


def test_the_number_of_processes_is_that_of_torchrun_or_of_devices(monkeypatch):
    assert count_processes(1, batch_crops=5) == (1, 1)
    assert count_processes(4, batch_crops=8) == (4, 4)
    torchrun_says(monkeypatch, here=4, count=8)
    assert count_processes(1, batch_crops=16) == count_processes(4, batch_crops=16) == (4, 8)
    torchrun_says(monkeypatch, here=4, count=6)  # fewer on another machine
    assert count_processes(1, batch_crops=12) == (4, 6)


def test_what_cannot_be_shared_out_is_wrong_usage(monkeypatch):
    with pytest.raises(UsageError, match="16 crops a step cannot be shared out among 3 devices"):
        count_processes(3, batch_crops=16)
    torchrun_says(monkeypatch, here=4, count=8)
    with pytest.raises(UsageError, match="--devices is 2, but torchrun started 4 processes here; leave"):
        count_processes(2, batch_crops=16)
    with pytest.raises(UsageError, match="12 crops a step cannot be shared out among 8 devices"):
        count_processes(1, batch_crops=12)


def test_a_pytorch_without_torch_distributed_fits_on_one_device_alone(monkeypatch):
    monkeypatch.setattr(torch.distributed, "is_available", lambda: False)
    assert count_processes(1, batch_crops=16) == (1, 1)
    with pytest.raises(UsageError, match=r"cannot use several devices .*; leave --devices out"):
        count_processes(2, batch_crops=16)


def test_one_of_the_processes_of_torchrun_speaks(monkeypatch):
    assert is_first_process()
    for rank in (0, 1):
        torchrun_says(monkeypatch, here=2, count=2, rank=rank)
        assert is_first_process() == (rank == 0)


@pytest.mark.parametrize(
    ("gpus", "name", "kind"),
    [(0, "auto", "cpu"), (0, "cpu", "cpu"), (2, "auto", "cuda"), (2, "cuda", "cuda")],
)
def test_several_devices_are_gpus_where_there_are_any(monkeypatch, gpus, name, kind):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    assert choose_kind(name, count=2) == kind


@pytest.mark.parametrize(("gpus", "name"), [(1, "auto"), (1, "cuda"), (0, "cuda"), (2, "cuda:1"), (2, "mps")])
def test_devices_that_are_not_there_or_not_alike_are_wrong_usage(monkeypatch, gpus, name):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    with pytest.raises(UsageError, match="--device"):
        choose_kind(name, count=2)
