"""Measure how long and with how much memory slides are looked at, and regions of them chosen and read.

Run ``python benchmarks/slides/learning.py --folder FOLDER``. One slide of 100,000 × 100,000 px with four
pieces of tissue is drawn into FOLDER once and kept; it then stands there under as many names as slides are
wanted. Each row is a process of its own with an empty cache. Memory is the largest sum over it and its
workers, looked at ten times a second; processor seconds count both, and hardly depend on what else the
machine does.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
from run import memory_of

from acinus.core.geometry import Box, Size
from acinus.core.image import RgbArray
from acinus.data.synthetic import synthetic_tile
from acinus.data.synthetic.pyramid import write_pyramid

MPP = 0.5
BLANK = (243, 243, 243)
BLOCK_PX = 1024
PIECES = ((8, 10), (30, 12), (60, 50), (20, 70))  # corners of pieces of 8 × 8 blocks, in blocks of 1024 px

CHILD = """
import sys
from pathlib import Path
import torch
from acinus.core.progress import SilentProgress
from acinus.data.folder import folder
from acinus.grouping.process_group import ProcessGroup
from acinus.pipeline.fit_inputs import read_fit_inputs
from acinus.pipeline.settings import Settings
from acinus.results.batch import BatchResult
read = read_fit_inputs(
    folder(Path(sys.argv[1])), Settings(), roi=None, processes=int(sys.argv[2]),
    result=BatchResult(Path(sys.argv[1])), progress=SilentProgress(), group=ProcessGroup(),
)
print(len(read.images), len(read.slides))
"""


def draw(path: Path, side_px: int) -> Path:
    """Return the slide, drawn unless it is there: one drawn block of tissue, turned from place to place."""
    if path.exists():
        return path
    block = synthetic_tile(seed=1, height_px=BLOCK_PX, width_px=BLOCK_PX).image.rgb

    def pixels(box: Box) -> RgbArray | None:
        column, row = box.x // BLOCK_PX, box.y // BLOCK_PX
        if not any(0 <= column - x < 8 and 0 <= row - y < 8 for x, y in PIECES):
            return None
        turned = np.rot90(block, (3 * column + row) % 4)
        y, x = box.y % BLOCK_PX, box.x % BLOCK_PX
        return np.ascontiguousarray(turned[y : y + box.height, x : x + box.width])

    write_pyramid(
        path,
        pixels,
        size=Size(side_px, side_px),
        tile_px=512,
        mpp=MPP,
        blank=BLANK,
        jpeg_quality=85,
        description="sparse tissue for benchmarks",
    )
    return path


def measure(slides: Path, processes: int) -> tuple[float, float, float, str]:
    """Return seconds, processor seconds, peak bytes and what was said of one choice of regions."""
    with tempfile.TemporaryDirectory() as cache:
        start = time.perf_counter()
        child = psutil.Popen(
            [sys.executable, "-c", CHILD, str(slides), str(processes)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "ACINUS_CACHE": cache},
        )
        peak, busy = 0, {}
        while child.poll() is None:
            try:
                peak = max(peak, memory_of(child))
                for one in (child, *child.children(recursive=True)):
                    times = one.cpu_times()
                    busy[one.pid] = times.user + times.system
            except psutil.NoSuchProcess:
                continue
            time.sleep(0.1)
        said = child.stdout.read().strip()
        if child.returncode != 0:
            raise SystemExit(f"the choice of regions ended with {child.returncode}")
        return time.perf_counter() - start, sum(busy.values()), peak, said


def main() -> None:
    """Draw, link, measure, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--counts", type=int, nargs="*", default=[10, 100, 1000])
    parser.add_argument("--side", type=int, default=100_000)
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    slide = draw(arguments.folder / f"sparse_{arguments.side}.tif", arguments.side)
    print(
        "| slides | s | processor s | processor s a slide | peak GB | regions, slides |\n" + "|---:" * 6 + "|"
    )
    for count in arguments.counts:
        with tempfile.TemporaryDirectory(dir=arguments.folder) as names:
            for number in range(count):
                os.link(slide, Path(names) / f"slide_{number}.tif")
            wall, busy, peak, said = measure(Path(names), arguments.processes)
        print(
            f"| {count} | {wall:.0f} | {busy:.0f} | {busy / count:.2f} | {peak / 1e9:.2f} | {said} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
