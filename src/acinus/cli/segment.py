"""``acinus segment``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from acinus.cli.output import console_progress, say, say_error

__all__ = ["segment"]


def segment(
    inputs: Annotated[list[Path], Parameter(negative=())],
    /,
    *,
    model: Path,
    out: Path,
    mpp: float | None = None,
    device: str = "auto",
) -> int:
    """Segment glands with a fitted model.

    Example: acinus segment tiles/ --mpp 0.5 --model model --out results

    Writes for each image OUT/<stem>/: labels.png (0 background, 1..N one number a gland), probability.png,
    overlay.png, glands.geojson (opens in QuPath), glands.csv and image.json; of all images together
    OUT/glands.csv (one row a gland) and OUT/summary.csv (one row an image). Images whose results are there
    already are skipped; those that fail are listed at the end, with tracebacks in OUT/failures.log.

    Parameters
    ----------
    inputs
        Image files, or folders of them.
    model
        The folder that acinus fit wrote.
    out
        Folder for the results.
    mpp
        µm per pixel of the images; overrides what the files say.
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
        progress=console_progress(),
    )
    for failure in outcome.failures:
        say_error(failure.reason)
    skipped = f", {len(outcome.skipped)} were there already" if outcome.skipped else ""
    say(f"Segmented {len(outcome.done)} images{skipped}; the results are in {out}")
    if outcome.failures:
        say(f"{len(outcome.failures)} failed; tracebacks are in {out / 'failures.log'}")
    if outcome.done or outcome.skipped:
        say(f"Next: acinus report {out}   or   acinus view {out}")
    return outcome.exit_code
