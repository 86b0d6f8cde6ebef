"""``acinus segment``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from acinus.cli.numbers import Whole
from acinus.cli.output import as_word, console_progress, say, say_error
from acinus.core.naming import plural

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
    roi: Path | None = None,
    keep_artefacts: Annotated[bool, Parameter(negative=())] = False,
    device: str = "auto",
    settings: Path | None = None,
) -> int:
    """Segment glands on images and slides with a fitted model.

    Example: acinus segment tiles/ slide.svs --model model --out results

    Writes OUT/<stem>/ for each image: labels.png (0 background, 1..N one number per gland), probability.png,
    overlay.jpg, glands.geojson (opens in QuPath), glands.csv and glands.parquet (one row per gland),
    image.json and run.json. Slides (scanners' files, files with several resolutions, and images of more than
    100 megapixels) may have any size; they get labels.zarr (OME-NGFF, at the model's resolution) in place of
    labels.png and probability.png, glands.geojson.gz, and artefacts.geojson where there are artefacts, which
    are left out. OUT/glands.csv has one row per gland of all
    results, OUT/summary.csv one row per image. Finished results are skipped, and an interrupted slide is
    resumed. Inputs that fail are listed at the end, with tracebacks in OUT/failures.log.

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
        Where the coordinates of slides start: level0, the corner of the whole slide, or bounds, that of the
        scanned part, where QuPath starts on slides that record it.
    workers
        Compute slides with so many processes on this machine, through Dask.
    scheduler
        Compute slides on the workers of a Dask cluster; the address of its scheduler.
    roi
        Folder of GeoJSON files from QuPath, each named after its slide or image: segment only where outlines
        of class Region* are (or of any class without a star), and not where those of Ignore* are.
    keep_artefacts
        Segment slides also where pen, folds, bubbles, edges, foreign stain or blur were found.
    device
        auto, cpu, cuda or mps.
    settings
        JSON or TOML file with changes to the model's refinement and instances, which
        acinus settings MODEL/model.json prints.
    """
    from acinus.pipeline.estimator import GlandSegmenter
    from acinus.pipeline.segment import segment_files
    from acinus.pipeline.settings import segment_settings
    from acinus.results.files import FAILURES

    segmenter = GlandSegmenter.load(model, device=device)
    segmenter.settings = segment_settings(segmenter.settings, settings)
    result = segment_files(
        inputs,
        segmenter,
        model_name=str(model),
        out=out,
        mpp=mpp,
        origin=origin,
        workers=workers,
        scheduler=scheduler,
        roi=roi,
        artefacts=not keep_artefacts,
        progress=console_progress(),
    )
    for warning in result.warnings:
        say_error(warning)
    for failure in result.failures:
        say_error(failure.reason)
    skipped = f" ({plural(len(result.skipped), 'other')} had results already)" if result.skipped else ""
    say(f"Segmented {plural(len(result.done), 'image')}{skipped}; the results are in {out}")
    if result.failures:
        say(f"{len(result.failures)} failed; tracebacks are in {out / FAILURES}")
    if result.done or result.skipped:
        say(f"Next: acinus report {as_word(out)}   or   acinus view {as_word(out)}")
    return result.exit_code
