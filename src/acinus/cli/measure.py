"""``acinus measure``."""

from __future__ import annotations

from pathlib import Path

from acinus.cli.output import console_progress, say, say_error
from acinus.core.naming import plural

__all__ = ["measure"]


def measure(labels: Path, image: Path, /, *, out: Path, mpp: float | None = None) -> int:
    """Measure the glands of any label map, including one made by another tool.

    Example: acinus measure labels.png tile.png --mpp 0.5 --out measured

    Writes OUT/glands.csv, OUT/glands.parquet, OUT/glands.geojson (opens in QuPath), OUT/summary.json and
    OUT/image.json. Of two folders every label map is measured on the image of its name and gets a folder
    OUT/<stem>/; acinus report and acinus compare read OUT then. docs/measurements.md defines every column.

    Parameters
    ----------
    labels
        Label map of the image's size: 0 background, one number per gland; or a folder of <stem>_anno.png,
        <stem>.png or <stem>/labels.png.
    image
        The stained image, or the folder of the images.
    out
        Folder for the results.
    mpp
        µm per pixel of the image; overrides what the file says.
    """
    from acinus.pipeline.measure import measure_files, measure_folders

    if not (labels.is_dir() and image.is_dir()):
        measured = measure_files(labels, image, out=out, mpp=mpp)
        for notice in measured.notices:
            say_error(notice)
        say(f"Measured {plural(measured.glands, 'gland')}; the tables are in {out}")
        return 0
    result = measure_folders(labels, image, out=out, mpp=mpp, progress=console_progress())
    for warning in result.warnings:
        say_error(warning)
    for failure in result.failures:
        say_error(failure.reason)
    say(f"Measured {plural(len(result.done), 'image')}; the tables are in {out}")
    return result.exit_code
