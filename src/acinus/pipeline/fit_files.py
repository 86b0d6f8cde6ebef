"""Fit from files: read what can be read, learn, leave a model folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from acinus.core.errors import InputError
from acinus.core.image import RgbImage
from acinus.core.interrupts import sigterm_as_interrupt
from acinus.core.progress import Progress, SilentProgress
from acinus.core.run import checksum
from acinus.data.sample import Sample
from acinus.grouping.device import choose_device, choose_kind
from acinus.grouping.process_group import ProcessGroup
from acinus.grouping.torchrun import (
    count_processes,
    is_first_process,
    is_under_torchrun,
    joined_process_group,
    run_on_devices,
)
from acinus.pipeline.arguments import check_mpp_argument, check_processes, check_seed
from acinus.pipeline.fit import fit, reduced
from acinus.pipeline.fit_folder import check_folder
from acinus.pipeline.inputs import find_inputs
from acinus.pipeline.settings import Settings, load_settings, with_weights
from acinus.results.batch import BatchResult
from acinus.slides.images import whole_image
from acinus.slides.opening import open_slide
from acinus.slides.tissue import tissue_mask

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
    progress: Progress | None = None,
) -> BatchResult:
    """Learn from image files and write the model folder `out`.

    Images that cannot be read are noted in the result and left out.

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
    settings = with_weights(load_settings(settings_path, preset=preset), weights)
    if gland_size_um is not None:
        settings = replace(settings, gland_size_um=gland_size_um)
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
    device: torch.device,
    group: ProcessGroup,
    progress: Progress,
) -> BatchResult:
    result = BatchResult(folder=out)
    images, records = _read(inputs, settings, mpp=mpp, result=result, progress=progress)
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
        group=group,
    )
    if group.is_first:
        result.write_log()
    return result


def _read(
    inputs: Sequence[Path], settings: Settings, *, mpp: float | None, result: BatchResult, progress: Progress
) -> tuple[list[RgbImage], list[dict[str, str]]]:
    """Return the images that can be read and their entries in the run file; `result` notes the others."""
    images: list[RgbImage] = []
    records: list[dict[str, str]] = []
    samples = find_inputs(inputs, mpp=mpp, result=result)
    with progress.task("Reading", total=len(samples)) as advance:
        for sample in samples:
            try:
                images.append(_image(sample, settings, result))
            except Exception as error:  # whatever is wrong with one image, the others are read
                result.failed(str(sample.image_path), error)
            else:
                path = sample.image_path
                records.append({"name": sample.name, "path": str(path.resolve()), "sha256": checksum(path)})
                result.done.append(sample.name)
            advance(sample.name)
    result.warn_of_remarks()
    if not images:
        reasons = "; ".join(failure.reason for failure in result.failures[:3])
        raise InputError(f"no image could be read: {reasons}")
    return images, records


def _image(sample: Sample, settings: Settings, result: BatchResult) -> RgbImage:
    """Read an image at the resolution that fitting uses; `result` notes what there is to say of it."""
    with open_slide(sample.image_path, mpp=sample.mpp) as reader:
        whole = whole_image(reader)
        result.remark(sample.name, *reader.notes)
    image = reduced(RgbImage(whole.rgb, whole.mpp, sample.name), settings)
    if not tissue_mask(image.rgb, mpp=image.mpp).any():
        result.remark(sample.name, "no tissue was found, so no gland to learn from; check it and --mpp")
    return image
