"""``acinus segment``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from acinus.cli.numbers import Whole
from acinus.cli.output import console_progress, say, say_error

__all__ = ["segment"]


def segment(
    inputs: Annotated[list[Path], Parameter(negative=())],
    /,
    *,
    model: Path,
    out: Path,
    mpp: float | None = None,
    origin: Literal["level0", "bounds"] = "level0",
    workers: Whole | None = None,
    scheduler: str | None = None,
    device: str = "auto",
) -> int:
    """Segment glands on images and slides with a fitted model.

    Example: acinus segment tiles/ slide.svs --model model --out results

    Writes for each image OUT/<stem>/: labels.png (0 background, 1..N one number a gland), probability.png,
    overlay.png, glands.geojson (opens in QuPath), glands.csv and image.json. Slides (scanners' files, files
    with several resolutions, and what exceeds 100 megapixels) may have any size; for each OUT/<stem>/ holds
    labels.zarr (OME-NGFF, at the model's resolution), glands.geojson.gz, glands.parquet, glands.csv,
    overlay.jpg, image.json and run.json. Of all together OUT/glands.csv has one row a gland and
    OUT/summary.csv one row an image or slide. What is there already is skipped, and an interrupted slide goes
    on where it was. Inputs that fail are listed at the end, with tracebacks in OUT/failures.log.

    Parameters
    ----------
    inputs
        Images and slides, or folders of them.
    model
        The folder that acinus fit wrote.
    out
        Folder for the results.
    mpp
        µm per pixel of the images; overrides what the files say.
    origin
        From where coordinates on slides count: level0 is the corner of the whole slide, bounds that of the
        scanned part, from which QuPath counts where a slide has one.
    workers
        Share out slides among so many processes on this machine, with Dask.
    scheduler
        Share out slides among the workers of a Dask cluster, whose scheduler has this address.
    device
        auto, cpu, cuda or mps.
    """
    from acinus.pipeline.estimator import GlandSegmenter
    from acinus.pipeline.segment import segment_files

    outcome = segment_files(
        inputs,
        GlandSegmenter.load(model, device=device),
        model_name=str(model),
        out=out,
        mpp=mpp,
        origin=origin,
        workers=workers,
        scheduler=scheduler,
        progress=console_progress(),
    )
    for warning in outcome.warnings:
        say_error(warning)
    for failure in outcome.failures:
        say_error(failure.reason)
    skipped = f", {len(outcome.skipped)} were there already" if outcome.skipped else ""
    say(f"Segmented {len(outcome.done)} images{skipped}; the results are in {out}")
    if outcome.failures:
        say(f"{len(outcome.failures)} failed; tracebacks are in {out / 'failures.log'}")
    if outcome.done or outcome.skipped:
        say(f"Next: acinus report {out}   or   acinus view {out}")
    return outcome.exit_code
