"""Which glands to look at in QuPath to be sure that outlines lie where they should.

    python examples/qupath_check.py results/slide

Takes the folder of one image or slide as `acinus segment` wrote it, checks that `glands.geojson` (or
`glands.geojson.gz`) is what QuPath reads and that it agrees with the label map, and prints the largest glands
with their place and size. In QuPath, select the gland of that name: place and area must be the same. See
`glands_into_qupath.md` for the steps.
"""

from __future__ import annotations

import argparse
import gzip
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import orjson
import shapely
from numpy.typing import NDArray

from acinus.core.errors import AcinusError, InputError
from acinus.core.files import read_json
from acinus.core.geometry import Box
from acinus.results.ngff import CHUNK_PX, open_labels
from acinus.slides import read_labels

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
        facts = read_json(folder / "image.json")
        packed = folder / "glands.geojson.gz"
        content = (
            gzip.decompress(packed.read_bytes())
            if packed.is_file()
            else (folder / "glands.geojson").read_bytes()
        )
        features = orjson.loads(content)["features"]
        sizes = areas_px(folder, facts)
    except (OSError, ValueError, KeyError, StopIteration) as error:
        raise InputError(f"{folder} is no folder of one image's results ({error})") from error
    found = []
    for feature in features:
        gland = shapely.geometry.shape(feature["geometry"])
        properties = feature["properties"]
        label = int(properties["name"].rsplit(" ", 1)[1])
        UUID(feature["id"])  # QuPath replaces ids that are none
        if not gland.is_valid or properties["objectType"] != "detection":
            raise InputError(f"{properties['name']} is no valid detection; run acinus segment again")
        if len(sizes) <= label or abs(gland.area / sizes[label] - 1) > MOST_DIFFERENCE:
            raise InputError(
                f"{properties['name']} is not the gland of the label map; run acinus segment again"
            )
        found.append((gland.area, properties["name"], gland.centroid, properties["measurements"]))
    mpp = facts["mpp"]
    size = f"{facts['width_px']} × {facts['height_px']} px"
    lines = [
        f"{facts['name']}: {size}, {mpp:.4g} µm/px, {len(found)} glands",
        f"{'name':<12}{'centroid x, y in px':>22}{'in µm':>20}{'area in µm²':>14}",
    ]
    for _, name, centre, measurements in sorted(found, key=lambda gland: -gland[0])[:count]:
        pixels, microns = f"{centre.x:.1f}, {centre.y:.1f}", f"{centre.x * mpp:.1f}, {centre.y * mpp:.1f}"
        lines.append(f"{name:<12}{pixels:>22}{microns:>20}{measurements['Area µm^2']:>14.1f}")
    return "\n".join(lines)


def areas_px(folder: Path, facts: dict[str, Any]) -> NDArray[Any]:
    """Return the area of each label in pixels of full resolution; of a slide, read strip by strip."""
    path = next(path for path in folder.iterdir() if path.stem == "labels")
    if path.suffix != ".zarr":
        return np.bincount(read_labels(path).ravel())
    labels = open_labels(path)
    counts = np.zeros(facts["gland_count"] + 1, dtype=np.int64)
    for y in range(0, labels.size.height, CHUNK_PX):
        strip = Box(0, y, labels.size.width, min(CHUNK_PX, labels.size.height - y))
        counts += np.bincount(labels.read(strip).ravel(), minlength=len(counts))
    return counts * (facts["working_mpp"] / facts["mpp"]) ** 2


if __name__ == "__main__":
    main()
