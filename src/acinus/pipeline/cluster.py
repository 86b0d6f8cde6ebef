"""Dask: the cluster that the user names, or one of processes on this machine."""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from acinus.core.errors import UsageError

__all__ = ["connect", "local_cluster"]


@contextmanager
def connect(scheduler: str) -> Iterator[Any]:
    """Yield a `distributed.Client` of the scheduler at an address such as ``tcp://10.0.0.1:8786``.

    Raises
    ------
    UsageError
        When Dask is not installed or no scheduler answers.
    """
    distributed = _distributed("--scheduler")
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
        When Dask is not installed or `workers` is below 1.
    """
    if workers < 1:
        raise UsageError(f"--workers is {workers}; choose 1 or more")
    distributed = _distributed("--workers")
    cores = max(1, (os.cpu_count() or 1) // workers)
    with (
        distributed.LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            # A window's memory is bounded by the plan; Dask's own limit would stop workers on small machines.
            memory_limit=0,
            silence_logs=logging.ERROR,
            env={"OMP_NUM_THREADS": cores, "MKL_NUM_THREADS": cores},
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield client


def _distributed(option: str) -> Any:
    try:
        return importlib.import_module("distributed")
    except ImportError as error:
        raise UsageError(
            f"{option} needs Dask, which is not installed; run pip install 'acinus[cluster]', "
            f"or leave {option} out"
        ) from error
