"""A job in a fresh interpreter, so that its time and peak memory are its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import sleep

import orjson

from acinus.benchmark.job import Failed, Files, Job

__all__ = ["JobProcess", "run_job", "run_jobs_here"]

_POLL_SECONDS = 0.1
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class JobProcess:
    """A job that runs in a process started here, which ends with this one whatever becomes of it.

    Parameters
    ----------
    job : bytes
        The job as JSON.
    threads : int or None
        Threads of its libraries; None leaves them to the environment.
    """

    def __init__(self, job: bytes, *, threads: int | None) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="acinus-benchmark-")
        root = Path(self._folder.name)
        (root / "job.json").write_bytes(job)
        self._out = root / "out"
        self._out.mkdir()
        environment = {**os.environ, "TMPDIR": self._folder.name}
        # The process finds what this one could import, such as methods of the caller's own.
        environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        for name in _THREADS:
            if threads is not None:
                environment.setdefault(name, str(threads))
        words = [sys.executable, "-m", "acinus.benchmark.worker", root / "job.json", self._out]
        self._log = (root / "log.txt").open("w+", encoding="utf-8", errors="replace")
        self._process = subprocess.Popen(
            [str(word) for word in words],
            stdin=subprocess.PIPE,  # closed by the system when this process is killed, which ends that one
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env=environment,
        )

    def done(self) -> bool:
        """Whether it has ended."""
        return self._process.poll() is not None

    def result(self) -> Files | Failed:
        """Wait for its end and return what it left."""
        code = self._process.wait()
        if (self._out / "result.json").is_file():
            files = [path for path in self._out.rglob("*") if path.is_file()]
            return {path.relative_to(self._out).as_posix(): path.read_bytes() for path in files}
        if (self._out / "error.json").is_file():
            return Failed(**orjson.loads((self._out / "error.json").read_bytes()))
        self._log.seek(0)
        said = self._log.read()
        cause = "it was killed, perhaps for want of memory" if code < 0 else f"it ended with {code}"
        return Failed(reason=f"its process left no result: {cause}", details=said)

    def close(self) -> None:
        """End the process if it still runs, and remove its files."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._log.close()
        self._folder.cleanup()


def run_job(job: bytes) -> Files | Failed:
    """Compute a job in a fresh process and wait for it."""
    process = JobProcess(job, threads=None)
    try:
        return process.result()
    finally:
        process.close()


def run_jobs_here(jobs: Sequence[Job], *, workers: int) -> Iterator[tuple[Job, Files | Failed]]:
    """Yield each job with its result as it is done, `workers` at a time.

    The processes share the cores: with several, each gets its part of the threads.
    """
    threads = None if workers == 1 else max(1, (os.cpu_count() or 1) // workers)
    waiting = list(jobs)
    running: dict[str, tuple[Job, JobProcess]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                job = waiting.pop(0)
                running[job.label] = (job, JobProcess(job.as_bytes(), threads=threads))
            ended = [label for label, (_, process) in running.items() if process.done()]
            for label in ended:
                job, process = running.pop(label)
                try:
                    result = process.result()
                finally:
                    process.close()
                yield job, result
            if not ended:
                sleep(_POLL_SECONDS)
    finally:
        for _, process in running.values():
            process.close()
