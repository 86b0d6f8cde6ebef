"""The process that computes one job: ``python -m acinus.pipeline.benchmark.worker JOB FOLDER``."""

from __future__ import annotations

import sys
import tempfile
import traceback
from pathlib import Path

from acinus.core.files import read_json, write_json
from acinus.pipeline.benchmark.job import reason_of

__all__ = ["main"]


def main(words: list[str]) -> int:
    """Read a job from a file and write its result, or why there is none, into a folder."""
    from acinus.pipeline.benchmark.compute import compute

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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
