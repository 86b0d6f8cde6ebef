"""Fit from files: read what can be read, learn, leave a model folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from acinus.core.cores import usable_cores
from acinus.core.errors import UsageError
from acinus.core.interrupts import sigterm_as_interrupt
from acinus.core.progress import Progress, SilentProgress
from acinus.grouping.device import choose_device, choose_kind
from acinus.grouping.process_group import ProcessGroup
from acinus.grouping.torchrun import (
    count_processes,
    is_first_process,
    is_under_torchrun,
    joined_process_group,
    run_on_devices,
)
from acinus.pipeline.arguments import check_mpp_argument, check_processes, check_regions, check_seed
from acinus.pipeline.fit import fit
from acinus.pipeline.fit_folder import check_folder
from acinus.pipeline.fit_inputs import read_fit_inputs
from acinus.pipeline.inputs import find_inputs
from acinus.pipeline.parent import continued_settings, load_parent, parent_settings
from acinus.pipeline.settings import Settings, load_settings, with_weights
from acinus.results.batch import BatchResult

__all__ = ["fit_files"]


@sigterm_as_interrupt()
def fit_files(
    inputs: Sequence[Path],
    *,
    out: Path,
    mpp: float | None = None,
    seed: int = 0,
    settings_path: Path | None = None,
    preset: str | None = None,
    weights: str | None = None,
    device: str = "auto",
    devices: int = 1,
    processes: int | None = None,
    gland_size_um: tuple[float, float] | None = None,
    regions: int | None = None,
    roi: Path | None = None,
    from_model: Path | None = None,
    corrections: Path | None = None,
    progress: Progress | None = None,
) -> BatchResult:
    """Learn from image files and slides, and write the model folder `out`.

    Images are learnt from whole. Of slides regions are chosen, over all of them together; ``regions/`` in
    `out` shows which. Inputs that cannot be read are noted in the result and left out.

    Parameters
    ----------
    preset : str, optional
        A published method as a whole, see `acinus.pipeline.presets`; the settings file changes it.
    devices : int
        Number of processes on this machine that train together, each on a GPU or CPU of its own. They are
        fresh interpreters, so a script that calls this guards its work with ``if __name__ == "__main__"``.
        Left at 1 under torchrun, the processes that it started train together.
    gland_size_um : (smallest, largest), optional
        Diameters of glands in µm; overrides the settings. Without either they are estimated.
    regions : int, optional
        Number of regions of slides, all together; overrides the settings.
    roi : Path, optional
        Folder of GeoJSON files named after slides, which say where to learn: `acinus.glands.roi.read_roi`.
    from_model : Path, optional
        Folder of a fitted model to go on from; its settings are inherited, and `settings_path` changes them.
    corrections : Path, optional
        Folder of corrected results, as `measure_corrected` writes it, to learn from; without `inputs` from
        all of its images.

    Raises
    ------
    InputError
        When there is nothing to learn from.
    UsageError, ModelError, OutputError
        When an argument, settings, weights or `out` cannot be used.
    """
    if not inputs and corrections is None:
        raise UsageError(
            "nothing to learn from; give images and slides, or corrected results (--corrections)"
        )
    check_mpp_argument(mpp)
    check_seed(seed)
    check_processes(processes)
    check_regions(regions)
    if from_model is None:
        settings = with_weights(load_settings(settings_path, preset=preset), weights)
    else:
        _check_inherited(from_model, out, preset=preset, weights=weights, gland_size_um=gland_size_um)
        settings = continued_settings(parent_settings(from_model), settings_path)
    if gland_size_um is not None:
        settings = replace(settings, gland_size_um=gland_size_um)
    if regions is not None:
        chosen = replace(settings.mining.regions, count=regions)
        settings = replace(settings, mining=replace(settings.mining, regions=chosen))
    progress = progress or SilentProgress()
    learn: Callable[..., BatchResult] = partial(
        _learn,
        list(inputs),
        out=out,
        mpp=mpp,
        seed=seed,
        settings=settings,
        weights=weights,
        processes=processes,
        roi=roi,
        from_model=from_model,
        corrections=corrections,
        progress=progress,
    )
    here, count = count_processes(devices, batch_crops=settings.grouping.batch_crops)
    if count == 1:
        learn = partial(learn, device=choose_device(device), group=ProcessGroup())
    else:
        learn = partial(_learn_together, learn, kind=choose_kind(device, count=here))
    if is_first_process():
        check_folder(out)
    return learn() if count == 1 or is_under_torchrun() else run_on_devices(learn, count=count)


def _check_inherited(from_model: Path, out: Path, **given: object) -> None:
    """Refuse what a fit that goes on from a model takes from it."""
    names = {"preset": "--preset", "weights": "--weights", "gland_size_um": "--gland-size"}
    for name, value in given.items():
        if value is not None:
            raise UsageError(f"{names[name]} cannot change the model that --from names; leave one out")
    if out.resolve() == from_model.resolve():
        raise UsageError(f"{out} holds the model to go on from; give another folder with --out")


def _learn_together(learn: Callable[..., BatchResult], *, kind: str) -> BatchResult:
    """Be one of the processes that torchrun started; the first shows progress."""
    with joined_process_group(kind) as (group, device):
        if not group.is_first:
            learn = partial(learn, progress=SilentProgress())
        return learn(device=device, group=group)


def _learn(
    inputs: Sequence[Path],
    *,
    out: Path,
    mpp: float | None,
    seed: int,
    settings: Settings,
    weights: str | None,
    processes: int | None,
    roi: Path | None,
    from_model: Path | None,
    corrections: Path | None,
    device: torch.device,
    group: ProcessGroup,
    progress: Progress,
) -> BatchResult:
    result = BatchResult(folder=out)
    parent = None if from_model is None else load_parent(from_model, device=device)
    samples = find_inputs(inputs, mpp=mpp, result=result)
    read = read_fit_inputs(
        samples,
        settings,
        roi=roi,
        processes=processes or usable_cores(),
        result=result,
        progress=progress,
        group=group,
        corrections=corrections,
    )
    fit(
        read.images,
        settings,
        seed=seed,
        device=device,
        folder=out,
        weights=weights,
        processes=processes,
        inputs=read.records,
        sources=read.sources,
        progress=progress,
        group=group,
        on_claim=lambda: read.write_regions(out),
        parent=parent,
        corrections=read.corrections,
    )
    if group.is_first:
        result.write_log()
    return result
