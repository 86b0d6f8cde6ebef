"""Measure ``acinus evaluate`` and ``acinus measure`` on label maps that are larger than memory.

Run ``python benchmarks/large_maps.py FOLDER``; options: ``--side-px`` (40,000) and ``--pitch-px`` (40, which
makes a million glands). Draws into ``FOLDER``, once, a truth, a prediction (other outlines, a twentieth of
the glands lost, some merged with their neighbours, some invented) and the stained image of the truth, all
tiled and compressed, written in bands. Each verb is a process of its own; prints its time and its memory: the
peak of what it holds itself, and of that with the pages of files that it has mapped, which the system takes
back when others need room.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import tifffile
from numpy.typing import NDArray

TILE_PX = 512
SHAPES = 64
MPP = 0.5


def shapes(pitch_px: int) -> NDArray[np.bool_]:
    """Return wavy discs that leave a border of a pixel and more free, (SHAPES, pitch, pitch)."""
    rng = np.random.default_rng(0)
    dy, dx = np.mgrid[:pitch_px, :pitch_px] - (pitch_px - 1) / 2
    radius = rng.uniform(0.25, 0.4, (SHAPES, 1, 1)) * pitch_px
    wave = 0.12 * np.sin(3 * np.arctan2(dy, dx) + rng.uniform(0, 2 * np.pi, (SHAPES, 1, 1)))
    return np.hypot(dy, dx) < radius * (1 + wave)


class Map:
    """A label map with one gland, or none, to each square of a grid, drawn row by row of it.

    Parameters
    ----------
    side_px, pitch_px : int
        Of the map and of a square.
    lost, merged : float
        Shares of the glands that are missing, or bear the number of the one on their left.
    seed : int
        Of all of this, and of the outlines.
    """

    def __init__(self, side_px: int, pitch_px: int, *, lost: float, merged: float, seed: int) -> None:
        self.side_px, self.pitch_px = side_px, pitch_px
        cells = side_px // pitch_px
        rng = np.random.default_rng(seed)
        self._shape = rng.integers(0, SHAPES, (cells, cells))
        numbers = 1 + np.arange(cells * cells).reshape(cells, cells)
        taken = rng.random((cells, cells)) < merged
        numbers[:, 1:][taken[:, 1:]] = numbers[:, :-1][taken[:, 1:]]
        numbers[rng.random((cells, cells)) < lost] = 0
        self._numbers = numbers.astype(np.int32)
        self._shapes = shapes(pitch_px)

    def rows(self) -> Iterator[NDArray[np.int32]]:
        """Yield the map in bands of one square's height."""
        width = self._numbers.shape[0] * self.pitch_px
        for numbers, shape in zip(self._numbers, self._shape, strict=True):
            band = np.zeros((self.pitch_px, self.side_px), np.int32)
            band[:, :width] = self._shapes[shape].transpose(1, 0, 2).reshape(self.pitch_px, width)
            band[:, :width] *= np.repeat(numbers, self.pitch_px)
            yield band

    def tiles(self) -> Iterator[NDArray[np.int32]]:
        """Yield the tiles of the map, row by row, cut at its sides."""
        waiting = np.zeros((0, self.side_px), np.int32)
        for band in self.rows():
            waiting = np.concatenate([waiting, band])
            while len(waiting) >= TILE_PX:
                yield from self._cut(waiting[:TILE_PX])
                waiting = waiting[TILE_PX:]
        rest = self.side_px % TILE_PX
        if rest:
            yield from self._cut(np.pad(waiting, ((0, max(0, rest - len(waiting))), (0, 0)))[:rest])

    def _cut(self, band: NDArray[np.int32]) -> Iterator[NDArray[np.int32]]:
        yield from (band[:, left : left + TILE_PX] for left in range(0, self.side_px, TILE_PX))


def stained(tile: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Return pink where there is no gland and purple where there is one, padded to a whole tile."""
    noise = np.random.default_rng(int(tile.max())).normal(0, 6, (*tile.shape, 1))
    colours = np.where(tile[..., None] > 0, (130, 70, 150), (230, 160, 195)) + noise
    sides = [(0, TILE_PX - side) for side in tile.shape]
    return np.pad(np.clip(colours, 0, 255).astype(np.uint8), (*sides, (0, 0)), mode="edge")


def drawn(folder: Path, *, side_px: int, pitch_px: int) -> tuple[Path, Path, Path]:
    """Return the files of prediction, truth and image, drawn now unless they are there."""
    folder.mkdir(parents=True, exist_ok=True)
    truth = Map(side_px, pitch_px, lost=0.02, merged=0.0, seed=1)
    prediction = Map(side_px, pitch_px, lost=0.05, merged=0.02, seed=2)
    common = {"tile": (TILE_PX, TILE_PX), "bigtiff": True}
    deflated = {"compression": "zlib", "predictor": True, "dtype": np.int32, "shape": (side_px, side_px)}
    jpeg = {"compression": "jpeg", "photometric": "rgb", "dtype": np.uint8, "shape": (side_px, side_px, 3)}
    jpeg |= {"resolution": (10000 / MPP, 10000 / MPP), "resolutionunit": "CENTIMETER"}
    found = []
    for name, tiles, how in (
        ("prediction", prediction.tiles(), deflated),
        ("truth", truth.tiles(), deflated),
        ("image", map(stained, truth.tiles()), jpeg),
    ):
        path = folder / f"{name}_{side_px}_{pitch_px}.tif"
        if not path.exists():
            unfinished = path.with_suffix(".part.tif")
            tifffile.imwrite(unfinished, tiles, **common, **how)
            unfinished.replace(path)
        found.append(path)
    return found[0], found[1], found[2]


def memory_of(process: psutil.Process) -> tuple[int, int]:
    """Return the bytes that a process holds: without mapped files, and with them."""
    info = process.memory_info()
    return info.rss - info.shared, info.rss


def run(*words: str) -> None:
    """Run a verb of acinus and print what it took."""
    start, before = time.perf_counter(), os.times()
    child = psutil.Popen([sys.executable, "-m", "acinus", *words])
    own = mapped = 0
    while child.poll() is None:
        try:
            now = memory_of(child)
            own, mapped = max(own, now[0]), max(mapped, now[1])
        except psutil.NoSuchProcess:
            break
        time.sleep(0.5)
    if child.wait() != 0:
        raise SystemExit(f"acinus {words[0]} failed")
    after = os.times()
    took = after.children_user + after.children_system - before.children_user - before.children_system
    print(
        f"acinus {words[0]}: {took:.0f} s of processor time, {time.perf_counter() - start:.0f} s passed, "
        f"{own / 1e9:.2f} GB, with mapped files {mapped / 1e9:.2f} GB",
        flush=True,
    )


def main() -> None:
    """Draw the maps, and run both verbs on them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--side-px", type=int, default=40_000)
    parser.add_argument("--pitch-px", type=int, default=40)
    parser.add_argument("--verb", choices=("evaluate", "measure"), action="append")
    options = parser.parse_args()
    prediction, truth, image = drawn(options.folder, side_px=options.side_px, pitch_px=options.pitch_px)
    verbs = options.verb or ["evaluate", "measure"]
    if "evaluate" in verbs:
        run("evaluate", str(prediction), str(truth), "--mpp", str(MPP))
    if "measure" in verbs:
        out = options.folder / "measured"
        run("measure", str(truth), str(image), "--out", str(out))


if __name__ == "__main__":
    main()
