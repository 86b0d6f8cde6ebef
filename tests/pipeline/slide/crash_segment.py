"""Segment a slide in processes that are killed (SIGKILL) at given moments and go on; for `test_kill`.

    python -m tests.pipeline.slide.crash_segment SLIDE OUT MOMENT...

A moment is ``TASK:COUNT``, when a task of the progress has counted so many units, or ``rename:COUNT``, when
so many files are about to get their final names (``rename:-1``: the last one). Each run is a process of its
own, forked from this one so that PyTorch is imported once, and works in ``OUT/MOMENT``; the first one,
``OUT/none``, is not killed. Prints one JSON object: for each moment the signal that ended the first run, what
was there then, how many windows were computed before and after, and the exit code of the second run.
"""

from __future__ import annotations

import functools
import json
import os
import sys
from pathlib import Path

from acinus.core.image import RgbImage
from acinus.core.segmenter import ProbabilityMap
from acinus.pipeline import segment_slide
from acinus.pipeline.segment import segment_files

from ..killing import Killer, kill_before_rename
from .drawn import SeesPurple, purple_model

WINDOW_PX = 128  # several windows on a small slide


def count_windows(log: Path) -> None:
    """Write how many windows the model has seen."""
    see = SeesPurple.probability

    def probability(segmenter: SeesPurple, image: RgbImage) -> ProbabilityMap:
        count_in(log)
        return see(segmenter, image)

    SeesPurple.probability = probability  # type: ignore[method-assign]


def segment_in_fork(slide: Path, out: Path, moment: str, log: Path) -> int:
    """Segment in a forked process and return what `os.waitpid` says of its end."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            task, _, count = moment.rpartition(":")
            kill_before_rename(
                int(count) if task == "rename" else None,
                after=functools.partial(count_in, log.with_suffix(".renames")),
            )
            count_windows(log.with_suffix(".windows"))
            progress = Killer(task, int(count)) if task not in ("", "rename") else None
            segment_slide.plan_windows = functools.partial(segment_slide.plan_windows, window_px=WINDOW_PX)
            outcome = segment_files([slide], purple_model(), model_name="purple", out=out, progress=progress)
            code = outcome.exit_code
        finally:
            sys.stderr.flush()
            os._exit(code)
    return os.waitpid(pid, 0)[1]


def count_in(log: Path) -> None:
    """Add a byte: it is there or not, even if another thread has the process killed meanwhile."""
    with log.open("ab", buffering=0) as file:
        file.write(b".")


def number_in(log: Path) -> int:
    return log.stat().st_size if log.is_file() else 0


def main(slide: Path, out: Path, moments: list[str]) -> None:
    report = {}
    renames = 0
    for moment in ("none", *moments):
        folder, log = out / moment, out / f"log-{moment}"
        task, _, count = moment.rpartition(":")
        counted = int(count) + (renames + 1 if int(count) < 0 else 0) if task else 0
        first = segment_in_fork(slide, folder, f"{task}:{counted}", log)
        entry = {
            "signal": os.WTERMSIG(first),
            "left": sorted(path.name for path in folder.iterdir()),
            "windows": [number_in(log.with_suffix(".windows"))],
        }
        if moment == "none":
            renames = number_in(log.with_suffix(".renames"))
        else:
            again = out / f"log-again-{moment}"
            second = segment_in_fork(slide, folder, ":0", again)
            entry["code"] = os.waitstatus_to_exitcode(second)
            entry["windows"].append(number_in(again.with_suffix(".windows")))
        report[moment] = entry
    print(json.dumps(report))  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
