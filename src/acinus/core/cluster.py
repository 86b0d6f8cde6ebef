"""Dask: the cluster that the user names, or one of processes on this machine."""

from __future__ import annotations

import importlib
import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import Any

from acinus.core.cores import usable_cores
from acinus.core.errors import AcinusError, UsageError

__all__ = ["connect", "local_cluster", "results_on"]

_AGAIN = "run the same command again, what is done is kept"
_PATIENCE_S = 30.0  # in which a local worker that was lost is replaced
# By default Dask has the GNU C library give back what is free at once, and every step of a training asks for
# it anew: a fit took 1.7 times as long.
_TRIMMED = "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_"
# So long after a worker was lost Dask gives its place up for good if there is none in it at that moment: also
# when another one has come and gone since, and the next is starting.
_GIVEN_UP_AFTER = "distributed.deploy.lost-worker-timeout"


@contextmanager
def connect(scheduler: str) -> Iterator[Any]:
    """Yield a `distributed.Client` of the scheduler at an address such as ``tcp://10.0.0.1:8786``.

    Raises
    ------
    UsageError
        When no scheduler answers.
    """
    distributed = _distributed()
    try:
        client = distributed.Client(scheduler, set_as_default=False)
    except (OSError, ValueError, ImportError) as error:  # a timeout is an OSError; ValueError a bad address
        reason = " ".join(str(error).split())[:200]
        raise UsageError(f"no Dask scheduler answers at {scheduler} ({reason}); check --scheduler") from error
    with client:
        yield client


@contextmanager
def local_cluster(workers: int) -> Iterator[Any]:
    """Yield a `distributed.Client` of so many processes on this machine, which share its cores.

    Raises
    ------
    UsageError
        When `workers` is below 1.
    """
    if workers < 1:
        raise UsageError(f"--workers is {workers}; choose 1 or more")
    distributed = _distributed()
    with (
        importlib.import_module("dask.config").set({_TRIMMED: None, _GIVEN_UP_AFTER: "365 days"}),
        distributed.LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            dashboard_address=":0",  # not 8787, which another cluster may have
            # A window's memory is bounded by the plan; Dask's own limit would stop workers on small machines.
            memory_limit=0,
            # What fails is raised; a nanny would also tell of workers that Ctrl-C ended.
            silence_logs=logging.CRITICAL,
            env=_threads(workers),
        ) as cluster,
        _client_of(cluster) as client,
    ):
        yield client


def _threads(workers: int) -> dict[str, str]:
    """Return the variables that share the cores among processes; those that the user has set are kept."""
    cores = str(max(1, usable_cores() // workers))
    return {name: os.environ.get(name, cores) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}


def _client_of(cluster: Any) -> Any:
    """Connect to workers of this machine.

    They have our versions. Dask warns of others when a package is installed while they start.
    """
    distributed = _distributed()
    mismatch = importlib.import_module("distributed.versions").VersionMismatchWarning
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", mismatch)
        return distributed.Client(cluster, set_as_default=False)


def results_on(client: Any, futures: Sequence[Any]) -> Iterator[Any]:
    """Yield the result of each future as it comes; those that are left are cancelled in the end.

    A task whose worker is lost runs again on another one: tasks must bear that.

    Raises
    ------
    AcinusError
        When a task raised it, when one lost several workers, all workers of this machine or the scheduler.
    """
    distributed = _distributed()
    pending, lonely = set(futures), False
    try:
        while pending:
            try:
                with client.as_current():
                    done, pending = distributed.wait(
                        pending, timeout=_PATIENCE_S, return_when="FIRST_COMPLETED"
                    )
            except TimeoutError:
                # Workers of a queue may come hours later; those of this machine would be there.
                without_workers = client.cluster is not None and not client.scheduler_info()["workers"]
                if without_workers and lonely:
                    raise AcinusError(f"all workers were lost; {_AGAIN}") from None
                lonely = without_workers
                continue
            lonely = False
            for future in done:
                yield future.result()
    except distributed.KilledWorker as error:
        raise AcinusError(f"one task lost several workers; give them more memory and {_AGAIN}") from error
    except CancelledError as error:
        raise AcinusError(f"the connection to the Dask scheduler was lost; {_AGAIN}") from error
    finally:
        client.cancel([future for future in futures if not future.done()])


def _distributed() -> Any:
    """Load Dask when it is needed: it takes its time."""
    return importlib.import_module("distributed")
