"""Jobs on the machines of a Dask cluster, which see the same files under the same paths."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from typing import Any

from acinus.benchmark.job import Failed, Files, Job
from acinus.benchmark.process import run_job
from acinus.core.cluster import connect

__all__ = ["run_jobs_on_dask"]


def run_jobs_on_dask(jobs: Sequence[Job], *, scheduler: str) -> Iterator[tuple[Job, Files | Failed]]:
    """Yield each job with its result as it is done.

    Results travel to this process, which stores them; each job is a fresh process on its machine too.

    Parameters
    ----------
    scheduler : str
        Address of the scheduler, such as ``tcp://10.0.0.1:8786``.

    Raises
    ------
    UsageError
        When Dask is not installed or no scheduler answers.
    """
    with connect(scheduler) as client:
        distributed: Any = importlib.import_module("distributed")
        futures = {client.submit(run_job, job.as_bytes(), pure=False, retries=0): job for job in jobs}
        try:
            for future in distributed.as_completed(list(futures), loop=client.loop):
                cause = future.exception()
                job = futures[future]
                if cause is None:
                    yield job, future.result()
                else:
                    text = " ".join(f"{type(cause).__name__}: {cause}".split())
                    yield job, Failed(reason=f"its machine failed it: {text}", details=text)
        finally:
            if left := [future for future in futures if not future.done()]:
                client.cancel(left)
