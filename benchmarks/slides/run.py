"""Measure ``acinus segment`` on drawn slides of growing size: time by phase, throughput, memory, workers.

Run ``python benchmarks/slides/run.py --model MODEL --slides FOLDER --out FOLDER``. Slides are drawn into
``--slides`` once and kept (about two seconds for each square of 1024 px of tissue). Every segmentation is a
process of its own, started as a user would start it; its memory is the largest sum over it and its workers,
looked at ten times a second. Prints the table that stands in ``README.md`` beside this file.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from acinus.data.synthetic import write_synthetic_slide
from acinus.results.record import read_record

PHASES = ("read", "network", "write", "lumina", "colours", "refine", "label", "output", "measure")
AROUND_THE_NETWORK = ("read", "write", "lumina", "colours", "refine", "label", "output")


@dataclass(frozen=True)
class Drawn:
    """A slide to draw: its side in pixels and the share of it that is tissue."""

    side_px: int
    tissue_fraction: float

    def draw(self, folder: Path) -> Path:
        """Return the slide's file, drawn now unless it is there."""
        path = folder / f"drawn_{self.side_px}_{100 * self.tissue_fraction:g}.tif"
        if not path.exists():
            unfinished = path.with_suffix(".part.tif")
            write_synthetic_slide(
                unfinished,
                seed=1,
                width_px=self.side_px,
                height_px=self.side_px,
                tissue_fraction=self.tissue_fraction,
            )
            unfinished.replace(path)
        return path


SLIDES = (Drawn(4096, 0.5), Drawn(8192, 0.5), Drawn(16384, 0.5), Drawn(32768, 0.1), Drawn(100_000, 0.01))
SLIDE_FOR_WORKERS = SLIDES[2]


def memory_of(process: psutil.Process) -> int:
    """Return the bytes in memory of a process and of all it started; pages they share count for each."""
    total = 0
    for one in (process, *process.children(recursive=True)):
        try:
            total += one.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


def segment(slide: Path, *, model: Path, out: Path, workers: int, threads: int) -> dict[str, float]:
    """Segment a slide in a fresh process and return what was measured."""
    shutil.rmtree(out, ignore_errors=True)
    words = [sys.executable, "-m", "acinus", "segment", str(slide), "--model", str(model), "--out", str(out)]
    if workers > 1:
        words += ["--workers", str(workers)]
    start = time.perf_counter()
    child = psutil.Popen(
        words, stdout=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": str(threads)}
    )
    peak = 0
    while child.poll() is None:
        try:
            peak = max(peak, memory_of(child))
        except psutil.NoSuchProcess:
            break
        time.sleep(0.1)
    if child.wait() != 0:
        raise SystemExit(f"{' '.join(words)} ended with {child.returncode}")
    wall = time.perf_counter() - start
    image = read_record(out / slide.stem)
    seconds = image.seconds
    return {
        "wall": wall,
        "peak_gb": peak / 1e9,
        "mpx": image.width_px * image.height_px / 1e6,
        "tissue_mm2": (image.tissue_area_um2 or 0.0) / 1e6,
        "glands": image.gland_count,
        "rest": sum(seconds[phase] for phase in AROUND_THE_NETWORK) / seconds["network"],
        **{phase: seconds[phase] for phase in PHASES},
    }


def line(name: str, row: dict[str, float]) -> str:
    """Return one line of the table."""
    phases = " | ".join(f"{row[phase]:.1f}" for phase in PHASES)
    rates = f"{row['tissue_mm2'] / row['wall']:.2f} | {row['mpx'] / row['wall']:.0f}"
    return (
        f"| {name} | {row['tissue_mm2']:.1f} | {row['glands']:.0f} | {row['wall']:.0f} | {rates} | "
        f"{row['peak_gb']:.2f} | {phases} | {100 * row['rest']:.0f} % |"
    )


def main() -> None:
    """Draw what lacks, segment, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--slides", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sides", type=int, nargs="*", help="only slides of these sides")
    parser.add_argument("--draw-only", action="store_true")
    arguments = parser.parse_args()
    arguments.slides.mkdir(parents=True, exist_ok=True)
    wanted = [slide for slide in SLIDES if not arguments.sides or slide.side_px in arguments.sides]
    paths = {slide: slide.draw(arguments.slides) for slide in wanted}
    if arguments.draw_only:
        return
    print(
        "| slide | tissue mm² | glands | wall s | mm²/s | Mpx/s | peak GB | read s | network s | write s | "
        "colours s | label s | output s | measure s | read to output without network, of network |"
    )
    print("|" + "---|" * 15)
    for slide, path in paths.items():
        row = segment(path, model=arguments.model, out=arguments.out, workers=1, threads=1)
        print(line(f"{slide.side_px}², one process, 1 thread", row), flush=True)
    if SLIDE_FOR_WORKERS in paths:
        for workers, threads in ((1, 2), (2, 1)):
            row = segment(
                paths[SLIDE_FOR_WORKERS],
                model=arguments.model,
                out=arguments.out,
                workers=workers,
                threads=threads,
            )
            shared = "one process, 2 threads" if workers == 1 else f"{workers} workers, 1 thread each"
            print(line(f"{SLIDE_FOR_WORKERS.side_px}², {shared}", row), flush=True)


if __name__ == "__main__":
    main()
