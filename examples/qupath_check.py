"""Which glands to look at in QuPath to be sure that outlines lie where they should.

    python examples/qupath_check.py results/slide

Takes the folder of one image or slide as `acinus segment` wrote it, checks that `glands.geojson` (or
`glands.geojson.gz`) is what QuPath reads and that it agrees with the label map, and prints the largest glands
with their place and size. In QuPath, select the gland of that name: place and area must be the same. See
`docs/qupath.md` for the steps.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import shapely
from numpy.typing import NDArray

from acinus.core.errors import AcinusError, InputError
from acinus.core.geometry import Box
from acinus.glands.features import read_features
from acinus.results.folder import ImageResult, read_results
from acinus.results.labels import open_label_file
from acinus.results.ngff import CHUNK_PX

MOST_DIFFERENCE = 0.02  # of a gland's area: outlines are smooth, pixels are not


def main() -> None:
    """Print the table, or one line that says what is wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("folder", type=Path, help="one image's folder of results")
    parser.add_argument("--count", type=int, default=5, help="how many glands are printed")
    options = parser.parse_args()
    try:
        print(check(options.folder, count=options.count))
    except AcinusError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)


def check(folder: Path, *, count: int) -> str:
    """Return a table of the largest glands; raise where the outlines are not those of the label map."""
    try:
        [result] = read_results(folder).images
        record, outlines = result.record, result.outlines_file
        sizes = areas_px(result)
    except (TypeError, ValueError) as error:
        raise InputError(f"{folder} is no folder of one image's results ({error})") from error
    if outlines is None:
        raise InputError(f"{folder} has no outlines; run acinus segment again")
    found = []
    for feature in read_features(outlines):
        gland = shapely.geometry.shape(feature["geometry"])
        properties = feature["properties"]
        label = int(properties["name"].rsplit(" ", 1)[1])
        UUID(feature["id"])  # QuPath replaces ids that are none
        if not gland.is_valid or properties["objectType"] != "detection":
            raise InputError(f"{properties['name']} is no valid detection; run acinus segment again")
        if len(sizes) <= label or abs(gland.area - sizes[label]) > MOST_DIFFERENCE * sizes[label]:
            raise InputError(
                f"{properties['name']} is not the gland of the label map; run acinus segment again"
            )
        found.append((gland.area, properties["name"], gland.centroid, properties["measurements"]))
    mpp = record.mpp
    size = f"{record.width_px} × {record.height_px} px"
    lines = [
        f"{record.name}: {size}, {mpp:.4g} µm/px, {len(found)} glands",
        f"{'name':<12}{'centroid x, y in px':>22}{'in µm':>20}{'area in µm²':>14}",
    ]
    for _, name, centre, measurements in sorted(found, key=lambda gland: -gland[0])[:count]:
        pixels, microns = f"{centre.x:.1f}, {centre.y:.1f}", f"{centre.x * mpp:.1f}, {centre.y * mpp:.1f}"
        lines.append(f"{name:<12}{pixels:>22}{microns:>20}{measurements['Area µm^2']:>14.1f}")
    return "\n".join(lines)


def areas_px(result: ImageResult) -> NDArray[Any]:
    """Return the area of each label in pixels of full resolution, read strip by strip."""
    if result.labels_file is None:
        raise ValueError("no label map")
    labels = open_label_file(result.labels_file)
    counts = np.zeros(result.record.gland_count + 1, dtype=np.int64)
    for y in range(0, labels.size.height, CHUNK_PX):
        strip = Box(0, y, labels.size.width, min(CHUNK_PX, labels.size.height - y))
        counts += np.bincount(labels.read(strip).ravel(), minlength=len(counts))
    return counts / result.record.pixels_per_level0**2


if __name__ == "__main__":
    main()
