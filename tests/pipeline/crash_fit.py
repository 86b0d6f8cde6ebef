"""Run fits that are killed (SIGKILL) at given moments and go on afterwards; a script for `test_resume`.

    python -m tests.pipeline.crash_fit IMAGES SETTINGS OUT MOMENT...

A moment is ``TASK:COUNT``, when a task of the progress has counted so many units, or ``rename:COUNT``, when
so many files are about to get their final names. Each fit is a process of its own, forked from this one so
that PyTorch is imported once. Prints one JSON object: for each moment the signal that ended the first fit,
the temporary files it left, and the exit code of the second.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import torch._dynamo  # noqa: F401  (the optimisers do, which takes longer than a fit: once, before the forks)

from acinus.pipeline.fit_files import fit_files

from .killing import Killer, kill_before_rename


def fit_in_fork(images: Path, settings: Path, out: Path, moment: str | None) -> int:
    """Fit in a forked process and return what `os.waitpid` says of its end."""
    pid = os.fork()
    if pid == 0:
        progress = None
        if moment is not None:
            task, _, count = moment.rpartition(":")
            if task == "rename":
                kill_before_rename(int(count))
            else:
                progress = Killer(task, int(count))
        try:
            fit_files([images], out=out, seed=3, settings_path=settings, processes=1, progress=progress)
        finally:
            sys.stderr.flush()
            os._exit(0 if (out / "model.json").exists() else 1)
    return os.waitpid(pid, 0)[1]


def main(images: Path, settings: Path, out: Path, moments: list[str]) -> None:
    report = {}
    for moment in moments:
        folder = out / moment
        first = fit_in_fork(images, settings, folder, moment)
        left = sorted(path.name for path in folder.rglob(".*") if path.name != ".acinus.json")
        second = fit_in_fork(images, settings, folder, None)
        report[moment] = {
            "signal": os.WTERMSIG(first),
            "left": left,
            "code": os.waitstatus_to_exitcode(second),
        }
    print(json.dumps(report))  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:])
