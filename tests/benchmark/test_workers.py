"""Jobs on real workers of this machine, and what happens when a cluster lets them down."""

from __future__ import annotations

import os
import time
from contextlib import closing
from typing import Any

import orjson
import psutil
import pytest

from acinus.benchmark import workers as module
from acinus.benchmark.workers import compute, run_jobs
from acinus.core.errors import AcinusError, UsageError
from acinus.results.batch import Failure

METHOD = """
import os
import signal
import sys
import time
from pathlib import Path


class Mine:
    settings, title = None, "Mine"

    def __init__(self, name):
        self.name = name

    def fit(self, images, *, seed, device, folder):
        print("a word of", self.name)
        print("and a warning", file=sys.stderr)
        getattr(self, self.name)(folder)

    def killed(self, folder):
        os.kill(os.getpid(), signal.SIGKILL)

    def fails(self, folder):
        raise RuntimeError(f"not\\ntoday, {os.getpid()}")

    def fails_too(self, folder):
        raise RuntimeError(f"not today, {os.getpid()}")

    def exits(self, folder):
        raise SystemExit(3)

    def waits(self, folder):
        (folder / "half-done").touch()
        noted = Path(__file__).with_name("pid.tmp")
        noted.write_text(str(os.getpid()))
        noted.rename(Path(__file__).with_name("pid"))
        time.sleep(300)


METHODS = [Mine(name) for name in ("killed", "fails", "fails_too", "exits", "waits")]
"""


@pytest.fixture
def mine(job_of, tmp_path):
    """Makes the job of one of the methods above."""
    path = tmp_path / "mine.py"
    path.write_text(METHOD)
    return lambda name: job_of(name, files=(path,))


def test_a_killed_worker_and_a_failing_method_cost_their_own_jobs_alone_and_each_job_has_a_new_process(mine):
    jobs = [mine("fails"), mine("killed"), mine("fails_too")]
    results = {job.method.name: result for job, result in run_jobs(jobs, workers=1)}
    assert list(results) == ["fails", "killed", "fails_too"]
    assert results["killed"] == Failure(
        "killed, seed 0", "its process was lost, perhaps for want of memory", ""
    )
    numbers = {results[name].reason.split(", ")[1] for name in ("fails", "fails_too")} | {str(os.getpid())}
    assert len(numbers) == 3


def test_leaving_early_ends_those_that_run_and_removes_their_files(mine, tmp_path, monkeypatch):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr("tempfile.tempdir", None)
    with closing(run_jobs([mine("waits"), mine("killed")], workers=2)) as results:
        next(results)
        while not (tmp_path / "pid").exists():
            time.sleep(0.1)
        worker = psutil.Process(int((tmp_path / "pid").read_text()))
        assert list(tmp_path.rglob("half-done"))
    assert not worker.is_running()
    assert not list(tmp_path.rglob("half-done"))


def test_what_a_method_raises_and_prints_is_kept_and_the_reason_is_one_line(mine, capfd):
    failure = compute("mine", mine("fails").pickled(), fresh=True)
    assert failure.reason == f"RuntimeError: not today, {os.getpid()}"
    assert failure.details.startswith("a word of fails\nand a warning\nTraceback")
    assert compute("mine", mine("exits").pickled(), fresh=True).reason == "SystemExit: 3"
    assert capfd.readouterr() == ("", "")


def test_peak_memory_of_a_process_that_did_other_things_before_is_not_given(job_of):
    for fresh in (True, False):
        files = compute("kmeans", job_of("kmeans-rgb").pickled(), fresh=fresh)
        result = orjson.loads(files["result.json"])
        assert (result["peak_bytes"] is not None) == fresh
        assert result["fit_seconds"] > 0


def test_without_jobs_nothing_is_started(monkeypatch):
    monkeypatch.setattr(module, "local_cluster", lambda workers: pytest.fail("started"))
    assert list(run_jobs([])) == []


class StubTask:
    """A task that is done with an outcome, or never."""

    def __init__(self, outcome: Any) -> None:
        self.outcome = outcome

    def done(self) -> bool:
        return self.outcome is not None

    def exception(self) -> Any:
        return self.outcome if isinstance(self.outcome, Exception) else None

    def result(self) -> Any:
        return self.outcome

    def cancel(self) -> None:
        pass

    def release(self) -> None:
        pass


class StubCluster:
    """A cluster far away: what workers there are at each look, and what each job comes to."""

    def __init__(self, *looks: set[str], outcomes: dict[str, Any], nanny: bool = True) -> None:
        self.looks, self.outcomes, self.nanny = list(looks), outcomes, nanny
        self.calls: list[Any] = []

    def __enter__(self) -> StubCluster:
        return self

    def __exit__(self, *error: object) -> None:
        self.calls.append("closed")

    def nthreads(self) -> dict[str, int]:
        look = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        return dict.fromkeys(look, 1)

    def scheduler_info(self, n_workers: int) -> dict[str, Any]:
        nanny = "tcp://nanny:1" if self.nanny else None
        return {"workers": {address: {"nanny": nanny} for address in "abc"}}

    def run(self, function: Any, *, workers: list[str], on_error: str) -> None:
        assert function is module._end_soon
        self.calls.append(("restarted", *workers))

    def submit(
        self, function: Any, label: str, content: bytes, *, fresh: bool, workers: Any, pure: bool
    ) -> Any:
        assert function is compute
        assert not pure
        self.calls.append((label.split(",")[0], *workers, fresh))
        return StubTask(self.outcomes[label.split(",")[0]])


@pytest.fixture
def far(monkeypatch):
    """Lets ``tcp://far:1`` be a stub."""
    monkeypatch.setattr(module, "_POLL_S", 0.0)

    def use(cluster: StubCluster) -> StubCluster:
        monkeypatch.setattr(module, "connect", lambda scheduler: cluster)
        return cluster

    return use


def _far(jobs: list[Any]) -> dict[str, Any]:
    return {job.method.name: result for job, result in run_jobs(jobs, scheduler="tcp://far:1")}


def test_a_worker_of_a_cluster_is_restarted_before_each_job_and_comes_back_under_another_address(job_of, far):
    cluster = far(
        StubCluster(
            {"a"}, {"a"}, {"b"}, {"b"}, {"c"}, outcomes={"iic": {"iic": b""}, "picie": {"picie": b""}}
        )
    )
    assert _far([job_of("iic"), job_of("picie")]) == {"iic": {"iic": b""}, "picie": {"picie": b""}}
    assert cluster.calls == [
        ("restarted", "a"),
        ("iic", "b", True),
        ("restarted", "b"),
        ("picie", "c", True),
        "closed",
    ]


def test_a_worker_that_nothing_restarts_computes_without_a_peak_of_its_own(job_of, far):
    cluster = far(StubCluster({"a"}, outcomes={"iic": {}, "picie": {"picie": b""}}, nanny=False))
    _far([job_of("iic"), job_of("picie")])
    assert cluster.calls == [("iic", "a", False), ("picie", "a", False), "closed"]


def test_a_worker_that_is_gone_is_not_waited_for(job_of, far):
    cluster = far(StubCluster(set(), {"a"}, set(), {"b"}, outcomes={"iic": None, "picie": {"picie": b""}}))
    results = _far([job_of("iic"), job_of("picie")])
    assert results["iic"].reason == "its process was lost, perhaps for want of memory"
    assert results["picie"] == {"picie": b""}
    assert cluster.calls[:2] == [("iic", "a", True), ("picie", "b", True)]


def test_what_a_worker_cannot_even_begin_is_a_failure_with_the_reason(job_of, far):
    far(StubCluster(set(), {"a"}, outcomes={"iic": ModuleNotFoundError("No module named 'acinus'")}))
    reason = _far([job_of("iic")])["iic"].reason
    assert reason == "its worker failed (ModuleNotFoundError: No module named 'acinus')"


def test_a_cluster_that_is_left_early_has_its_running_jobs_ended(job_of, far):
    cluster = far(StubCluster(set(), {"a", "b"}, outcomes={"iic": {"iic": b""}, "picie": None}))
    with closing(run_jobs([job_of("iic"), job_of("picie")], scheduler="tcp://far:1")) as results:
        next(results)
    assert cluster.calls[2:] == [("restarted", "b"), "closed"]


def test_a_lost_scheduler_ends_the_benchmark_in_one_line(job_of, far, monkeypatch):
    cluster = far(StubCluster({"a"}, outcomes={"iic": None}))
    monkeypatch.setattr(cluster, "nthreads", lambda: (_ for _ in ()).throw(OSError("closed")))
    with pytest.raises(AcinusError, match="connection to the Dask scheduler was lost; run the same command"):
        _far([job_of("iic")])


def test_workers_of_this_machine_that_never_come_back_are_not_waited_for(job_of, monkeypatch):
    cluster = StubCluster({"a"}, set(), outcomes={"iic": None})
    monkeypatch.setattr(module, "_POLL_S", 0.0)
    monkeypatch.setattr(module, "_PATIENCE_S", 0.05)
    monkeypatch.setattr(module, "local_cluster", lambda workers: cluster)
    results = run_jobs([job_of("iic"), job_of("picie")])
    assert next(results)[1].reason.startswith("its process was lost")
    with pytest.raises(AcinusError, match="all workers were lost"):
        next(results)


def test_an_address_without_a_scheduler_is_reported_in_one_line(job_of):
    with pytest.raises(UsageError, match="no Dask scheduler answers at nonsense://here"):
        list(run_jobs([job_of("iic")], scheduler="nonsense://here"))
