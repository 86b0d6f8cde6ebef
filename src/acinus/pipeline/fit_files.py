"""Fit from files: read what can be read, learn, leave a model folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from acinus.core.errors import InputError
from acinus.core.image import RgbImage
from acinus.core.progress import Progress, SilentProgress
from acinus.core.run import checksum
from acinus.pipeline.arguments import check_mpp_argument, check_processes, check_seed
from acinus.pipeline.device import choose_device
from acinus.pipeline.fit import fit, reduced
from acinus.pipeline.inputs import find_inputs
from acinus.pipeline.outcome import Outcome
from acinus.pipeline.settings import load_settings, with_weights

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
    processes: int | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Learn from image files and write the model folder `out`.

    Images that cannot be read are noted in the outcome and left out.

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
    progress = progress or SilentProgress()
    settings = with_weights(load_settings(settings_path), weights)
    chosen = choose_device(device)
    outcome = Outcome(folder=out)
    samples = find_inputs(inputs, mpp=mpp, outcome=outcome)
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
        device=chosen,
        folder=out,
        weights=weights,
        processes=processes,
        inputs=records,
        progress=progress,
    )
    outcome.write_log()
    return outcome
