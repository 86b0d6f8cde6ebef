from __future__ import annotations

import os
import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import CancelledError
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import dask
import pytest
from distributed import KilledWorker
from distributed.versions import VersionMismatchWarning

from acinus.core.cluster import connect, local_cluster, results_on
from acinus.core.errors import AcinusError, InputError, UsageError


@pytest.mark.parametrize(("own", "expected"), [(None, "2"), ("7", "7")])
def test_workers_share_the_cores_unless_the_user_says_otherwise(own, expected, monkeypatch):
    monkeypatch.setattr("joblib.cpu_count", lambda: 6)
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    if own is None:
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    else:
        monkeypatch.setenv("OMP_NUM_THREADS", own)
    started = {}

    @contextmanager
    def cluster(**how):
        started.update(how)
        yield

    monkeypatch.setattr("distributed.LocalCluster", cluster)
    monkeypatch.setattr("distributed.Client", lambda *cluster, **how: nullcontext())
    with local_cluster(3):
        assert started["n_workers"] == 3
        assert started["env"] == {"OMP_NUM_THREADS": expected, "MKL_NUM_THREADS": "2"}


def test_a_package_installed_while_workers_of_this_machine_start_is_not_warned_of(monkeypatch):
    def client(*cluster, **how):
        warnings.warn(VersionMismatchWarning("pandas"), stacklevel=1)
        return nullcontext("client")

    monkeypatch.setattr("distributed.LocalCluster", lambda **how: nullcontext())
    monkeypatch.setattr("distributed.Client", client)
    with local_cluster(1) as connected:
        assert connected == "client"
    with pytest.warns(VersionMismatchWarning, match="pandas"), connect("tcp://far:1"):
        pass


def test_a_worker_that_is_lost_again_when_dask_looks_for_the_first_one_comes_back():
    def lose_it(client) -> None:
        there = set(client.nthreads())
        client.run(lambda: threading.Timer(0.05, os._exit, (0,)).start())
        wait_until(lambda: set(client.nthreads()) != there)

    with dask.config.set({"distributed.deploy.lost-worker-timeout": "6 s"}), local_cluster(1) as client:
        began = time.monotonic()
        lose_it(client)
        wait_until(client.nthreads)
        time.sleep(max(0.0, began + 5.8 - time.monotonic()))
        lose_it(client)  # when the six seconds end, the next one is starting
        time.sleep(max(0.0, began + 7.0 - time.monotonic()))
        wait_until(client.nthreads)


def wait_until(holds: Callable[[], object]) -> None:
    """Wait up to a minute."""
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("own", [None, "4096"])
def test_workers_keep_the_memory_that_they_will_need_again_unless_the_user_says_otherwise(own, monkeypatch):
    if own is None:
        monkeypatch.delenv("MALLOC_TRIM_THRESHOLD_", raising=False)
    else:
        monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", own)
    with local_cluster(1) as client:
        assert client.submit(os.environ.get, "MALLOC_TRIM_THRESHOLD_").result(timeout=60) == own


@pytest.mark.parametrize("workers", [0, -1])
def test_a_cluster_has_workers(workers: int):
    with pytest.raises(UsageError, match="choose 1 or more"):
        local_cluster(workers).__enter__()


@pytest.mark.parametrize("address", ["nonsense://here", "tcp://127.0.0.1"])
def test_an_address_without_a_scheduler_is_said_in_one_line(address: str):
    with pytest.raises(UsageError, match=r"no Dask scheduler answers at .*; check --scheduler"):
        connect(address).__enter__()


class StubFuture:
    def __init__(self, outcome: Any) -> None:
        self.outcome = outcome

    def result(self) -> Any:
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    def done(self) -> bool:
        return self.outcome is not None


class StubClient:
    """A client of this machine's workers: futures without an outcome never finish."""

    def __init__(self, *, workers: dict[str, Any]) -> None:
        self.cluster, self.workers, self.cancelled = object(), workers, []

    def as_current(self) -> AbstractContextManager[None]:
        return nullcontext()

    def scheduler_info(self) -> dict[str, Any]:
        return {"workers": self.workers}

    def cancel(self, futures: list[StubFuture]) -> None:
        self.cancelled = futures


@pytest.fixture
def without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `distributed.wait` return at once."""

    def wait(futures: set[StubFuture], *, timeout: float, return_when: str) -> Any:
        done = {future for future in futures if future.done()}
        if not done:
            raise TimeoutError
        return done, futures - done

    monkeypatch.setattr("distributed.wait", wait)


@pytest.mark.usefixtures("without_waiting")
def test_results_come_as_they_are_done():
    futures = [StubFuture(1), StubFuture(2)]
    assert sorted(results_on(StubClient(workers={}), futures)) == [1, 2]


@pytest.mark.usefixtures("without_waiting")
@pytest.mark.parametrize(
    ("error", "line"),
    [
        (KilledWorker("task", None, 3), "one task lost several workers"),
        (CancelledError("scheduler-connection-lost"), "connection to the Dask scheduler was lost"),
        (InputError("slide.svs is empty"), "slide.svs is empty"),
    ],
)
def test_what_a_cluster_loses_ends_in_one_line_and_the_rest_is_cancelled(error: Exception, line: str):
    client, left = StubClient(workers={"a": {}}), StubFuture(None)
    with pytest.raises(AcinusError, match=line):
        list(results_on(client, [StubFuture(error), left]))
    assert client.cancelled == [left]


@pytest.mark.usefixtures("without_waiting")
def test_workers_of_this_machine_that_do_not_come_back_are_not_waited_for():
    with pytest.raises(AcinusError, match="all workers were lost"):
        list(results_on(StubClient(workers={}), [StubFuture(None)]))
