"""``acinus measure``."""

from __future__ import annotations

from pathlib import Path

from acinus.cli.output import say
from acinus.core.naming import plural

__all__ = ["measure"]


def measure(labels: Path, image: Path, /, *, out: Path, mpp: float | None = None) -> int:
    """Measure the glands of any label map, including one made by another tool.

    Example: acinus measure labels.png tile.png --mpp 0.5 --out measured

    Writes OUT/glands.csv, OUT/glands.parquet, OUT/glands.geojson (opens in QuPath) and OUT/summary.json.
    docs/measurements.md defines every column.

    Parameters
    ----------
    labels
        Label map of the image's size: 0 background, one number per gland.
    image
        The stained image.
    out
        Folder for the results.
    mpp
        µm per pixel of the image; overrides what the file says.
    """
    from acinus.pipeline.measure import measure_files

    count = measure_files(labels, image, out=out, mpp=mpp)
    say(f"Measured {plural(count, 'gland')}; the tables are in {out}")
    return 0
