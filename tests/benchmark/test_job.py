from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import orjson
import psutil
import pytest

from acinus.benchmark import job as job_module
from acinus.benchmark.dask import run_jobs_on_dask
from acinus.benchmark.job import Failed, Store
from acinus.benchmark.plan import Plan
from acinus.benchmark.process import run_jobs_here
from acinus.core.errors import UsageError


def test_a_changed_setting_invalidates_only_the_methods_it_touches(job_of, tiny_plan):
    changes = {"baselines": {"PiCIE": {"epochs": 9}}, "fit": {"grouping": {"steps": 9}}}
    changed = Plan.from_plain(changes, base=tiny_plan)
    names = ("kmeans-rgb", "picie", "stage1-shapes", "acinus")
    touched = [name for name in names if job_of(name).fingerprint != job_of(name, plan=changed).fingerprint]
    assert touched == ["picie", "acinus"]
    assert job_of("picie").fingerprint != job_of("picie", seed=1).fingerprint


def test_how_glands_are_cut_out_touches_every_method(job_of, tiny_plan):
    changed = Plan.from_plain({"fit": {"instances": {"threshold": 0.6}}}, base=tiny_plan)
    assert job_of("kmeans-rgb").fingerprint != job_of("kmeans-rgb", plan=changed).fingerprint


def test_other_code_of_the_package_touches_every_method(job_of, monkeypatch):
    before = {name: job_of(name).fingerprint for name in ("kmeans-rgb", "acinus")}
    monkeypatch.setattr(job_module, "code_digest", lambda *rooms: f"other {rooms}")
    assert not [name for name, own in before.items() if job_of(name).fingerprint == own]


def test_the_code_that_counts_is_all_that_a_job_loads_but_for_what_only_arranges_and_shows():
    script = (
        "import sys, acinus.benchmark.compute; "
        "print(*(name for name in sys.modules if name.startswith('acinus.')))"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    loaded = {name.removeprefix("acinus.") for name in said.split()}
    rooms = {name.split(".")[0] for name in loaded} - {
        "pipeline",
        "benchmark",
        "glands",  # for pictures
        "results",  # the files of a model's user, not of the benchmark
    }
    modules = {room for room in job_module._ROOMS if "." in room}
    assert rooms == set(job_module._ROOMS) - modules
    assert modules < loaded


METHOD = """
from dataclasses import dataclass


@dataclass(frozen=True)
class Mine:
    name: str
    share: float
    title: str = "Mine"
    settings: None = None  # of share nothing is said

    def fit(self, images, *, seed, device, folder):
        raise NotImplementedError


"""


def test_methods_whose_settings_say_too_little_are_not_taken_for_each_other(job_of, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(f"{METHOD}METHODS = [Mine('half', 0.5), Mine('all', 1.0)]")
    half, whole = (job_of(name, files=(path,)) for name in ("half", "all"))
    store = Store(tmp_path)
    store.save(half, {"result.json": orjson.dumps({"fingerprint": half.fingerprint, "method": "half"})})
    assert not store.adopt(whole)


def test_a_change_to_a_method_file_touches_its_methods_alone_whatever_the_files_are_called(job_of, tmp_path):
    files = tuple(tmp_path / folder / "mine.py" for folder in ("a", "b"))
    for path in files:
        path.parent.mkdir()
        path.write_text(f"{METHOD}METHODS = [Mine({path.parent.name!r}, 0.5)]")
    before = {name: job_of(name, files=files).fingerprint for name in ("a", "b", "iic")}
    files[0].write_text(files[0].read_text() + "\n")
    assert [name for name, own in before.items() if job_of(name, files=files).fingerprint != own] == ["a"]
    moved = files[1].rename(tmp_path / "moved.py")
    assert job_of("b", files=(moved,)).fingerprint == before["b"]


def test_a_result_is_found_again_unless_it_is_damaged_or_of_another_job(tmp_path, job_of):
    store, job = Store(tmp_path), job_of("iic")
    assert store.load(job) is None
    content = orjson.dumps({"fingerprint": job.fingerprint, "method": "iic"})
    store.save(job, {"result.json": content, "masks/0/a.png": b"png"})
    assert store.load(job) == {"fingerprint": job.fingerprint, "method": "iic"}
    assert (store.path(job) / "masks" / "0" / "a.png").read_bytes() == b"png"
    store.save(job, {"result.json": content.replace(job.fingerprint.encode(), b"other")})
    assert store.load(job) is None
    assert not (store.path(job) / "masks").exists()
    (store.path(job) / "result.json").write_bytes(content[:10])
    assert store.load(job) is None


def test_a_result_serves_every_method_of_the_same_settings_but_no_other_seed(tmp_path, job_of):
    store, job, twin = Store(tmp_path), job_of("acinus"), job_of("acinus+omission-on")
    assert not store.adopt(twin)
    content = {"fingerprint": job.fingerprint, "method": "acinus", "title": "acinus", "rows": {}}
    store.save(job, {"result.json": orjson.dumps(content), "masks/0/a.png": b"png"})
    assert not store.adopt(job_of("acinus+omission-off"))
    assert not store.adopt(job_of("acinus+omission-on", seed=1))
    assert store.adopt(twin)
    title = "acinus, omission relabelling on"
    assert store.load(twin) == {**content, "method": "acinus+omission-on", "title": title}
    assert (store.path(twin) / "masks" / "0" / "a.png").read_bytes() == b"png"


def test_a_killed_process_is_a_failure_and_leaving_early_ends_those_that_run(monkeypatch, tmp_path, job_of):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(
        "acinus.benchmark.process.sys",
        SimpleNamespace(executable=_script(tmp_path, 'kill -9 "$$"'), path=[]),
    )
    [(_, failed)] = run_jobs_here([job_of("iic")], workers=1)
    assert isinstance(failed, Failed)
    assert "killed, perhaps for want of memory" in failed.reason
    # The first of two ends at once when the other one is there, which then waits.
    waits = 'echo "$$" > pid; exec sleep 60'
    script = f"if mkdir first; then while [ ! -s pid ]; do sleep 0.1; done; else {waits}; fi"
    monkeypatch.setattr(
        "acinus.benchmark.process.sys",
        SimpleNamespace(executable=_script(tmp_path, script), path=[]),
    )
    monkeypatch.chdir(tmp_path)
    running = run_jobs_here([job_of("iic"), job_of("picie")], workers=2)
    next(running)
    waiting = psutil.Process(int((tmp_path / "pid").read_text()))
    assert waiting.is_running()
    running.close()
    assert not waiting.is_running()
    assert not list(tmp_path.glob("acinus-benchmark-*"))


def test_dask_is_asked_for_in_one_line_when_it_is_absent(monkeypatch, job_of):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError, match=r"pip install 'acinus\[cluster\]'"):
        list(run_jobs_on_dask([job_of("iic")], scheduler="tcp://nowhere:1"))


def test_results_come_back_from_the_scheduler_and_a_lost_machine_is_a_failure(monkeypatch, job_of):
    class Future:
        def __init__(self, value: object) -> None:
            self.value = value

        def exception(self) -> object:
            return self.value if isinstance(self.value, Exception) else None

        def result(self) -> object:
            return self.value

        def done(self) -> bool:
            return True

    class Client:
        loop = None

        def __init__(self, scheduler: str, *, set_as_default: bool) -> None:
            if scheduler != "tcp://here:1":
                raise OSError("timed out")

        def __enter__(self) -> Client:
            return self

        def __exit__(self, *error: object) -> None:
            pass

        def submit(self, function: object, job: bytes, *, pure: bool, retries: int) -> Future:
            assert function.__name__ == "run_job"
            name = orjson.loads(job)["method"]
            return Future(RuntimeError("lost") if name == "iic" else {"result.json": name.encode()})

        def cancel(self, futures: object) -> None:
            pass

    fake = SimpleNamespace(Client=Client, as_completed=lambda futures, *, loop: futures)
    monkeypatch.setitem(sys.modules, "distributed", fake)
    jobs = [job_of("picie"), job_of("iic")]
    results = dict(zip(("picie", "iic"), run_jobs_on_dask(jobs, scheduler="tcp://here:1"), strict=True))
    assert results["picie"] == (jobs[0], {"result.json": b"picie"})
    assert results["iic"][1].reason == "its machine failed it: RuntimeError: lost"
    with pytest.raises(UsageError, match=r"no Dask scheduler answers at tcp://away:1 \(timed out\)"):
        list(run_jobs_on_dask(jobs, scheduler="tcp://away:1"))


def _script(folder, text: str) -> str:
    path = folder / "interpreter.sh"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)
