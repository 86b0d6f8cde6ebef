"""Fit from files: read what can be read, learn, leave a model folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch

from acinus.core.errors import InputError
from acinus.core.image import RgbImage
from acinus.core.progress import Progress, SilentProgress
from acinus.core.run import checksum
from acinus.grouping.ranks import OneRank, Ranks
from acinus.pipeline.arguments import check_mpp_argument, check_processes, check_seed
from acinus.pipeline.device import choose_device, choose_kind
from acinus.pipeline.fit import check_folder, fit, reduced
from acinus.pipeline.inputs import find_inputs
from acinus.pipeline.launch import launch
from acinus.pipeline.ranks import Plan, first_process, joined_ranks, plan_ranks
from acinus.pipeline.settings import Settings, load_settings, with_weights
from acinus.results.batch import BatchResult

__all__ = ["fit_files"]


def fit_files(
    inputs: Sequence[Path],
    *,
    out: Path,
    mpp: float | None = None,
    seed: int = 0,
    settings_path: Path | None = None,
    weights: str | None = None,
    device: str = "auto",
    devices: int = 1,
    processes: int | None = None,
    progress: Progress | None = None,
) -> BatchResult:
    """Learn from image files and write the model folder `out`.

    Images that cannot be read are noted in the outcome and left out.

    Parameters
    ----------
    devices : int
        So many processes on this machine train together, each on a GPU or CPU of its own. They are fresh
        interpreters, so a script that calls this guards its work with ``if __name__ == "__main__"``. Left
        at 1 under torchrun, the processes that it started train together.

    Raises
    ------
    InputError
        When no image can be read.
    UsageError, ModelError, OutputError
        When an argument, settings, weights or `out` cannot be used.
    """
    check_mpp_argument(mpp)
    check_seed(seed)
    check_processes(processes)
    settings = with_weights(load_settings(settings_path), weights)
    plan = plan_ranks(devices, batch_crops=settings.grouping.batch_crops)
    alone = choose_device(device) if plan.count == 1 else None
    kind = choose_kind(device, count=plan.here) if alone is None else ""
    if first_process():
        check_folder(out)
    learn = partial(
        _learn,
        list(inputs),
        out=out,
        mpp=mpp,
        seed=seed,
        settings=settings,
        weights=weights,
        processes=processes,
    )
    if alone is not None:
        return learn(device=alone, ranks=OneRank(), progress=progress)
    together = partial(_learn_together, learn, plan=plan, kind=kind, progress=progress)
    return together() if plan.torchrun else launch(together, count=plan.here)


def _learn_together(
    learn: Callable[..., BatchResult], *, plan: Plan, kind: str, progress: Progress | None
) -> BatchResult:
    """Be one of the processes that fit together; the first shows progress."""
    with joined_ranks(plan, kind=kind) as ranks:
        return learn(device=ranks.device, ranks=ranks, progress=progress if ranks.number == 0 else None)


def _learn(
    inputs: Sequence[Path],
    *,
    out: Path,
    mpp: float | None,
    seed: int,
    settings: Settings,
    weights: str | None,
    processes: int | None,
    device: torch.device,
    ranks: Ranks,
    progress: Progress | None,
) -> BatchResult:
    progress = progress or SilentProgress()
    outcome = BatchResult(folder=out)
    samples = find_inputs(inputs, mpp=mpp, result=outcome)
    images: list[RgbImage] = []
    records = []
    with progress.task("Reading", total=len(samples)) as advance:
        for sample in samples:
            try:
                images.append(reduced(sample.image(), settings))
            except Exception as error:  # whatever is wrong with one image, the others are read
                outcome.failed(str(sample.image_path), error)
            else:
                path = sample.image_path
                records.append({"name": sample.name, "path": str(path.resolve()), "sha256": checksum(path)})
                outcome.done.append(sample.name)
            advance(sample.name)
    if not images:
        reasons = "; ".join(failure.reason for failure in outcome.failures[:3])
        raise InputError(f"no image could be read: {reasons}")
    fit(
        images,
        settings,
        seed=seed,
        device=device,
        folder=out,
        weights=weights,
        processes=processes,
        inputs=records,
        progress=progress,
        ranks=ranks,
    )
    if ranks.number == 0:
        outcome.write_log()
    return outcome
