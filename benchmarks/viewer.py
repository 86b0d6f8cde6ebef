"""Time the viewer's tiles, read from the file and encoded as JPEG, with the readers open and no tile cached.

Run ``OMP_NUM_THREADS=1 python benchmarks/viewer.py [slide ...]``; options: ``--tiles`` (most per level),
``--seed``, and ``--glands N``: instead of tiles, the outlines of N drawn glands at every zoom. Without a
slide a pyramidal TIFF of 8192 × 8192 px with JPEG tiles is written and used. Prints one line a level:
elapsed time, which is what a person waits for, and CPU time, which other load on the machine does not
change.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from pathlib import Path

import numpy as np
import orjson
import tifffile
from scipy import ndimage

from acinus.results.outlines import read_glands
from acinus.viewer.entries import find_entries
from acinus.viewer.layer import GlandLayer, View
from acinus.viewer.library import Library

SIDE_PX = 8192


def write_slide(path: Path, *, seed: int) -> None:
    """Write a slide of blurred noise in tissue colours with levels 1, 4 and 16, as scanners do."""
    rng = np.random.default_rng(seed)
    noise = ndimage.gaussian_filter(rng.standard_normal((1024, 1024)), 2.0, mode="wrap")
    shade = np.clip(0.5 + noise / (4 * noise.std()), 0, 1)[..., None]
    patch = (shade * (240, 190, 215) + (1 - shade) * (90, 50, 130)).astype(np.uint8)
    with tifffile.TiffWriter(path) as file:
        for step in (1, 4, 16):
            side = SIDE_PX // step
            level = np.tile(patch[::step, ::step], (SIDE_PX // 1024, SIDE_PX // 1024, 1))[:side, :side]
            file.write(
                level, tile=(256, 256), compression="jpeg", photometric="rgb", subfiletype=int(step > 1)
            )


def time_level(library: Library, name: str, *, level: int, most: int, rng: np.random.Generator) -> str:
    """Return one line: how long tiles of a level took, in random order."""
    zoom = library.slide(name).zoom
    downsample = zoom.downsample(level)
    columns, rows = (-(-side // (256 * downsample)) for side in (zoom.size.width, zoom.size.height))
    elapsed, busy = [], []
    for place in rng.permutation(columns * rows)[:most]:
        start, cpu = time.perf_counter(), time.process_time()
        library.tile(name, level=level, column=int(place) % columns, row=int(place) // columns)
        elapsed.append(1000 * (time.perf_counter() - start))
        busy.append(1000 * (time.process_time() - cpu))
    median, late, cpu_median = np.median(elapsed), np.percentile(elapsed, 95), np.median(busy)
    return f"{downsample:>10}{len(elapsed):>7}{median:>11.1f}{late:>9.1f}{cpu_median:>12.1f}"


def time_glands(count: int, *, rng: np.random.Generator) -> None:
    """Print how long the outlines of `count` glands take to read, and to pack for a screen at each zoom."""
    side = math.ceil(math.sqrt(count))
    angles = np.linspace(0, 2 * np.pi, 80, endpoint=False)
    radii = 60 * (1 + 0.1 * np.sin(7 * angles) + 0.02 * rng.standard_normal((count, 80)))
    rows, columns = np.divmod(np.arange(count), side)
    rings = np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=2)
    rings += 200.0 * np.stack([columns, rows], axis=1)[:, None] + 100.0
    closed = np.round(np.concatenate([rings, rings[:, :1]], axis=1), 2)
    features = [
        {
            "type": "Feature",
            "id": str(number),
            "geometry": {"type": "Polygon", "coordinates": [ring.tolist()]},
            "properties": {"measurements": {"Area µm^2": float(number)}},
        }
        for number, ring in enumerate(closed)
    ]
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "glands.geojson"
        path.write_bytes(orjson.dumps({"type": "FeatureCollection", "features": features}))
        start = time.perf_counter()
        layer = GlandLayer(read_glands(path))
        print(f"{count} glands of 80 vertices: read in {time.perf_counter() - start:.1f} s")
    print(f"{'downsample':>10}{'median ms':>11}{'95 % ms':>9}{'median kB':>11}")
    for downsample in (1, 2, 4, 8, 16, 32):
        width, height = 1920 * downsample, 1080 * downsample
        elapsed, sent = [], []
        for left, top in rng.uniform(0, max(1, 200 * side - height), (30, 2)):
            view = View(left, top, left + width, top + height, scale=float(downsample))
            start = time.perf_counter()
            sent.append(len(layer.in_view(view)) / 1000)
            elapsed.append(1000 * (time.perf_counter() - start))
        median, late, size = np.median(elapsed), np.percentile(elapsed, 95), np.median(sent)
        print(f"{downsample:>10}{median:>11.1f}{late:>9.1f}{size:>11.0f}")


def main() -> None:
    """Print a table per slide."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("slides", type=Path, nargs="*")
    parser.add_argument("--tiles", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--glands", type=int)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    if options.glands:
        time_glands(options.glands, rng=rng)
        return
    with tempfile.TemporaryDirectory() as scratch:
        if not options.slides:
            write_slide(Path(scratch) / "made.tif", seed=options.seed)
        for path in options.slides or [Path(scratch) / "made.tif"]:
            library = Library(find_entries(path))
            [name] = library.entries.by_name
            start = time.perf_counter()
            library.tile(name, level=0, column=0, row=0)
            print(f"{path.name}: first tile, slide opened, {1000 * (time.perf_counter() - start):.0f} ms")
            print(f"{'downsample':>10}{'tiles':>7}{'median ms':>11}{'95 % ms':>9}{'median CPU':>12}")
            for level in range(library.slide(name).zoom.top, -1, -1):
                print(time_level(library, name, level=level, most=options.tiles, rng=rng))
            library.close()


if __name__ == "__main__":
    main()
