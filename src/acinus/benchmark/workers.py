"""Jobs on Dask, each in a fresh process, so that its time and peak memory are its own.

Dask keeps its processes from task to task. Here a worker gets one job at a time and is restarted before the
next, and a job whose worker is lost (killed for want of memory, say) is a failure: it would be lost again.
"""

from __future__ import annotations

import importlib
import io
import os
import pickle
import tempfile
import threading
import time
import traceback
from collections.abc import Generator, Sequence
from concurrent.futures import CancelledError
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any

import orjson

from acinus.benchmark.job import Files, Job
from acinus.core.cluster import connect, local_cluster
from acinus.core.errors import AcinusError
from acinus.results.batch import Failure

__all__ = ["compute", "run_jobs"]

_JSON = orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY
_AGAIN = "run the same command again, what is done is kept"
_POLL_S = 0.1
_PATIENCE_S = 180.0  # in which a lost worker of this machine is replaced


def run_jobs(
    jobs: Sequence[Job], *, workers: int = 1, scheduler: str | None = None
) -> Generator[tuple[Job, Files | Failure], None, None]:
    """Yield each job with its result as it is done; close the iterator to end those that run.

    Parameters
    ----------
    jobs : sequence of Job
    workers : int
        Processes at a time on this machine, which share its cores.
    scheduler : str, optional
        Address of a Dask scheduler, such as ``tcp://10.0.0.1:8786``, whose workers compute instead.

    Raises
    ------
    UsageError
        When no scheduler answers, or a method cannot be sent to another process.
    AcinusError
        When all workers of this machine, or the scheduler, are lost.
    """
    if not jobs:
        return
    contents = {job.label: job.pickled() for job in jobs}
    with local_cluster(workers) if scheduler is None else connect(scheduler) as client:
        try:
            yield from _share_out(client, jobs, contents, local=scheduler is None)
        except (OSError, CancelledError) as error:
            raise AcinusError(f"the connection to the Dask scheduler was lost; {_AGAIN}") from error


def _share_out(
    client: Any, jobs: Sequence[Job], contents: dict[str, bytes], *, local: bool
) -> Generator[tuple[Job, Files | Failure], None, None]:
    """Give each free worker a job; `stale` has the addresses of those that computed something before."""
    waiting, running = list(jobs), dict[str, tuple[Job, Any]]()
    stale, ending = set[str]() if local else set(client.nthreads()), set[str]()
    seen = time.monotonic()
    try:
        while waiting or running:
            addresses = set(client.nthreads())
            if addresses or not local:  # workers of a queue may come hours later
                seen = time.monotonic()
            elif time.monotonic() - seen > _PATIENCE_S:
                raise AcinusError(f"all workers were lost; {_AGAIN}")
            for address in sorted(addresses - running.keys() - ending)[: len(waiting)]:
                fresh = address not in stale
                if not fresh and _ended(client, address):
                    ending.add(address)  # it comes back under another one
                    continue
                job = waiting.pop(0)
                task = client.submit(
                    compute, job.label, contents[job.label], fresh=fresh, workers=[address], pure=False
                )
                running[address] = job, task
                stale.add(address)
            for address, (job, task) in list(running.items()):
                if task.done() or address not in addresses:
                    del running[address]
                    yield job, _result(job, task)
            time.sleep(_POLL_S)
    finally:
        for address in () if local else running:  # what a thread computes cannot be cancelled
            _ended(client, address)


def _ended(client: Any, address: str) -> bool:
    """End a worker that starts again by itself; False where nothing would start it (it has no nanny).

    Dask's own ``restart_workers`` can lose a worker that takes its time to close.
    """
    worker = client.scheduler_info(n_workers=-1)["workers"].get(address)
    if worker is not None and not worker.get("nanny"):
        return False
    client.run(_end_soon, workers=[address], on_error="ignore")
    return True


def _end_soon() -> None:
    """End this process when it has answered."""
    threading.Timer(0.1, os._exit, (0,)).start()


def _result(job: Job, task: Any) -> Files | Failure:
    """Return what a task returned; that of a lost worker waits for it in vain."""
    killed = importlib.import_module("distributed").KilledWorker
    error: BaseException | None = None
    if task.done():
        error = task.exception()
        if error is None:
            files: Files | Failure = task.result()
            task.release()  # or it would be computed again when its worker is restarted
            return files
    task.cancel()
    if error is None or isinstance(error, killed):
        return Failure(job.label, "its process was lost, perhaps for want of memory", "")
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return Failure(job.label, f"its worker failed ({text})", text)


def compute(label: str, content: bytes, *, fresh: bool) -> Files | Failure:
    """Compute a job in this process, a Dask worker; what it prints is kept for the details of a failure.

    Parameters
    ----------
    label : str
        What logs call the job.
    content : bytes
        The pickled job.
    fresh : bool
        Whether the process has done nothing before, so that its peak memory is that of the job.
    """
    from acinus.benchmark.fit_and_score import fit_and_score

    said = io.StringIO()
    with (
        tempfile.TemporaryDirectory(dir=_own_folder()) as scratch,
        redirect_stdout(said),
        redirect_stderr(said),
    ):
        try:
            result, files = fit_and_score(pickle.loads(content), Path(scratch))
        except (Exception, SystemExit) as error:  # whatever a method does wrong, the other methods go on
            own = str(error) if isinstance(error, AcinusError) else f"{type(error).__name__}: {error}"
            return Failure(label, " ".join(own.split()), said.getvalue() + traceback.format_exc())
    if not fresh:
        result["peak_bytes"] = None
    return {**files, "result.json": orjson.dumps(result, option=_JSON)}


def _own_folder() -> str | None:
    """Return the folder that Dask removes with the worker, or with the next one if this one is killed."""
    with suppress(ValueError, ImportError):
        folder: str = importlib.import_module("distributed").get_worker().local_directory
        return folder
    return None
