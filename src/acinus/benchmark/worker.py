"""The process that computes one job: ``python -m acinus.benchmark.worker JOB FOLDER``."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from pathlib import Path

from acinus.benchmark.job import reason_of
from acinus.core.files import read_json, write_json
from acinus.core.interrupts import end_with_parent

__all__ = ["main"]


def main(words: list[str]) -> int:
    """Read a job from a file and write its result, or why there is none, into a folder."""
    from acinus.benchmark.compute import compute

    job, folder = Path(words[0]), Path(words[1])
    try:
        with tempfile.TemporaryDirectory(prefix="acinus-benchmark-") as scratch:
            result, files = compute(read_json(job), Path(scratch))
    except Exception as error:  # whatever a method does wrong, the other methods go on
        write_json(folder / "error.json", {"reason": reason_of(error), "details": traceback.format_exc()})
        return 1
    for name, content in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    write_json(folder / "result.json", result)
    return 0


def _hold_on_to_parent() -> None:
    """End with the process that started this one: it holds the other end of the standard input, unused."""
    line = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)  # a method that asks for input must not wait for it
    os.close(nothing)
    end_with_parent(lambda: os.read(line, 1))


if __name__ == "__main__":
    _hold_on_to_parent()
    sys.exit(main(sys.argv[1:]))
