"""Where the processor's time goes when a slide is segmented, whatever else the machine does meanwhile.

Run ``OMP_NUM_THREADS=1 python benchmarks/slides/phases.py --model MODEL --out FOLDER SLIDE``. The slide is
segmented anew in this process, ``--repeats`` times. Printed are medians of processor seconds: of the
phases that ``image.json`` lists (there, time that passed, and phases that overlap), of judging how familiar
the slide looks, and of what is left, such as finding the tissue; and the most memory this process ever had.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

from acinus import GlandSegmenter
from acinus.pipeline import segment_slide as verb
from acinus.pipeline.familiarity import Familiarity, judged

PHASES = ("read", "network", "write", "lumina", "colours", "refine", "label", "measure", "output")


@contextmanager
def timed(seconds: dict[str, float], phase: str) -> Iterator[None]:
    """Note the processor seconds of a block, as `acinus.core.progress.timed` does the time that passed."""
    start = time.process_time()
    yield
    seconds[phase] = time.process_time() - start


def segment(model: GlandSegmenter, slide: Path, out: Path) -> dict[str, float]:
    """Segment a slide and return the processor seconds of its parts, and its number of glands."""
    shutil.rmtree(out, ignore_errors=True)
    seconds: dict[str, float] = {}

    def judged_in_time(*args: object, **options: object) -> Familiarity:
        with timed(seconds, "judge"):
            return judged(*args, **options)  # type: ignore[arg-type]

    start = time.process_time()
    with (
        # Windows are read and written by threads of their own, while the network computes.
        patch("acinus.inference.slide.one_process.time", SimpleNamespace(perf_counter=time.thread_time)),
        patch("acinus.inference.slide.finding.timed", timed),
        patch("acinus.results.writing.timed", timed),
        patch.object(verb, "judged", judged_in_time),
    ):
        record = verb.segment_slide(slide, model, out=out)
    whole = time.process_time() - start
    seconds |= {phase: record.seconds[phase] for phase in PHASES}
    return {"glands": record.gland_count, **seconds, "rest": whole - sum(seconds.values()), "all": whole}


def main() -> None:
    """Print the medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("slide", type=Path)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    model = GlandSegmenter.load(arguments.model, device="cpu")
    runs = [segment(model, arguments.slide, arguments.out) for _ in range(arguments.repeats)]
    names = ("glands", *PHASES, "judge", "rest", "all")
    row = {name: statistics.median(run.get(name, 0.0) for run in runs) for name in names}
    around = sum(row[name] for name in (*PHASES, "judge", "rest")) - row["network"]
    print(f"| {' | '.join(names)} | around the network, of it | peak GB |")
    peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    cells = [f"{row['glands']:.0f}", *(f"{row[name]:.1f}" for name in names[1:])]
    print(f"| {' | '.join(cells)} | {100 * around / row['network']:.0f} % | {peak_gb:.2f} |")


if __name__ == "__main__":
    main()
