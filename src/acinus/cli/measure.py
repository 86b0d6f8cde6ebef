"""``acinus measure``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from acinus.cli.output import as_word, console_progress, say, say_error
from acinus.core.errors import UsageError
from acinus.core.naming import plural

if TYPE_CHECKING:
    from acinus.results.batch import BatchResult

__all__ = ["measure"]


def measure(
    labels: Path,
    image: Path | None = None,
    /,
    *,
    out: Path,
    mpp: float | None = None,
    corrections: Path | None = None,
    by: str | None = None,
) -> int:
    """Measure the glands of any label map, including one made by another tool; or corrected results again.

    Example: acinus measure labels.png tile.png --mpp 0.5 --out measured

    Example: acinus measure results --corrections exported --out corrected

    Writes OUT/glands.csv, OUT/glands.parquet, OUT/glands.geojson (opens in QuPath), OUT/summary.json,
    OUT/image.json and OUT/run.json. Of two folders every label map is measured on the image of its name and
    gets a folder OUT/<stem>/; acinus report and acinus compare read OUT then. docs/measurements.md defines
    every column.

    Of a folder of results alone, what people corrected takes the place of what was found: glands marked as
    wrong in acinus view are left out, and outlines drawn in QuPath replace those that they cover. OUT is a
    folder of results, with OUT/<stem>/changes.csv for who changed what. docs/correcting.md has the rules.

    Parameters
    ----------
    labels
        Label map of the image's size: 0 background, one number per gland; or a folder of <stem>_anno.png,
        <stem>.png or <stem>/labels.png; or, without an image, the folder that acinus segment wrote.
    image
        The stained image, or the folder of the images.
    out
        Folder for the results.
    mpp
        µm per pixel of the image; overrides what the file says.
    corrections
        Folder of <stem>.geojson files with corrected outlines, as QuPath exports them.
    by
        Who drew the corrections; by default your user name.
    """
    if image is None:
        if mpp is not None:
            raise UsageError("--mpp goes with a label map and its image; results know their resolution")
        return _measure_corrected(labels, out=out, corrections=corrections, by=by)
    if corrections is not None or by is not None:
        raise UsageError("--corrections and --by go with a folder of results and no image")
    from acinus.pipeline.measure import measure_files, measure_folders

    if not (labels.is_dir() and image.is_dir()):
        measured = measure_files(labels, image, out=out, mpp=mpp)
        for notice in measured.notices:
            say_error(notice)
        say(f"Measured {plural(measured.glands, 'gland')}; the tables are in {out}")
        return 0
    return _say(measure_folders(labels, image, out=out, mpp=mpp, progress=console_progress()), out)


def _measure_corrected(results: Path, *, out: Path, corrections: Path | None, by: str | None) -> int:
    from acinus.pipeline.correct import measure_corrected
    from acinus.results.files import CORRECTIONS

    done = measure_corrected(results, out=out, corrections=corrections, by=by, progress=console_progress())
    code = _say(done, out)
    if any(out.glob(f"*/{CORRECTIONS}")):
        say(f"Next: acinus fit --from MODEL --corrections {as_word(out)} --out NEW_MODEL")
    return code


def _say(result: BatchResult, out: Path) -> int:
    for warning in result.warnings:
        say_error(warning)
    for failure in result.failures:
        say_error(failure.reason)
    say(f"Measured {plural(len(result.done), 'image')}; the tables are in {out}")
    return result.exit_code
