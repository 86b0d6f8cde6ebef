from __future__ import annotations

import pickle
import subprocess
import sys
import threading
from dataclasses import replace

import orjson
import pytest

from acinus.benchmark import job as job_module
from acinus.benchmark.catalogue import find_methods
from acinus.benchmark.datasets import Splits
from acinus.benchmark.job import Store, make_jobs
from acinus.core.errors import UsageError
from acinus.inference.instances import InstanceSettings

from ..loaded import modules_loaded_by


def test_a_changed_setting_invalidates_only_the_methods_it_touches(job_of, tiny):
    changes = {"baselines": {"PiCIE": {"epochs": 9}}, "fit": {"grouping": {"steps": 9}}}
    changed = tiny.changed(changes)
    names = ("kmeans-rgb", "picie", "stage1-shapes", "acinus")
    touched = [
        name for name in names if job_of(name).fingerprint != job_of(name, settings=changed).fingerprint
    ]
    assert touched == ["picie", "acinus"]
    assert job_of("picie").fingerprint != job_of("picie", seed=1).fingerprint


def test_how_glands_are_cut_out_touches_every_method(job_of, tiny):
    changed = tiny.changed({"fit": {"instances": {"threshold": 0.6}}})
    assert job_of("kmeans-rgb").fingerprint != job_of("kmeans-rgb", settings=changed).fingerprint


def test_other_code_of_the_package_touches_every_method(job_of, monkeypatch):
    before = {name: job_of(name).fingerprint for name in ("kmeans-rgb", "acinus")}
    monkeypatch.setattr(job_module, "code_digest", lambda *rooms: f"other {rooms}")
    assert not [name for name, own in before.items() if job_of(name).fingerprint == own]


def test_the_code_that_counts_is_all_that_a_job_loads_but_for_what_only_arranges_and_shows():
    loaded = modules_loaded_by("benchmark.fit_and_score")
    arrange_and_show = {"pipeline", "benchmark", "glands", "report", "results"}
    modules = {room for room in job_module._ROOMS if "." in room}
    assert {name.split(".")[0] for name in loaded} - arrange_and_show == set(job_module._ROOMS) - modules
    assert modules < loaded
    settles_nothing = {f"pipeline.{name}" for name in ("arguments", "fit_folder", "model", "parent")}
    settles_nothing |= {"pipeline.presets", "pipeline.settings"}  # which the fingerprint has themselves
    of_pipeline = {name for name in loaded if name.startswith("pipeline.")}
    assert of_pipeline - settles_nothing == {name for name in modules if name.startswith("pipeline.")}


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
    store, job, twin = Store(tmp_path), job_of("acinus"), job_of("acinus+omission-off")
    assert not store.adopt(twin)
    content = {"fingerprint": job.fingerprint, "method": "acinus", "title": "acinus", "rows": {}}
    store.save(job, {"result.json": orjson.dumps(content), "masks/0/a.png": b"png"})
    assert not store.adopt(job_of("acinus+omission-on"))
    assert not store.adopt(job_of("acinus+omission-off", seed=1))
    assert store.adopt(twin)
    title = "acinus, omission relabelling off"
    assert store.load(twin) == {**content, "method": "acinus+omission-off", "title": title}
    assert (store.path(twin) / "masks" / "0" / "a.png").read_bytes() == b"png"


def test_a_job_travels_with_the_classes_of_its_method_file(job_of, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(f"{METHOD}METHODS = [Mine('half', 0.5)]")
    content = job_of("half", files=(path,)).pickled()
    script = "import pickle, sys; job = pickle.load(sys.stdin.buffer); print(job.label, job.method.share)"
    path.unlink()  # as on a machine that has never seen the file
    said = subprocess.run([sys.executable, "-c", script], input=content, capture_output=True, check=True)
    assert said.stdout.split() == [b"half,", b"seed", b"0", b"0.5"]


def test_a_method_that_cannot_travel_is_reported_with_its_reason(job_of):
    job = job_of("iic")
    locked = replace(job.method, title=threading.Lock())
    with pytest.raises(UsageError, match=r"iic cannot be sent to another process \(TypeError: .*lock"):
        replace(job, method=locked).pickled()


def test_jobs_come_seed_by_seed_and_fold_by_fold_each_with_its_own_images(tiny, splits):
    catalogue = find_methods(tiny)
    methods = catalogue.select(["iic", "kmeans-rgb"])
    folds = [splits, Splits(splits.held_out, splits.fit, "")]
    jobs = make_jobs(methods, folds, catalogue, seeds=2, instances=InstanceSettings(), device="cpu")
    assert [job.label for job in jobs[:4]] == [
        "kmeans-rgb, seed 0, fold 1",
        "iic, seed 0, fold 1",
        "kmeans-rgb, seed 0, fold 2",
        "iic, seed 0, fold 2",
    ]
    assert len(jobs) == len({job.fingerprint for job in jobs}) == 8
    assert [job.splits for job in jobs] == 2 * [folds[0], folds[0], folds[1], folds[1]]
    alone = make_jobs(methods, folds[:1], catalogue, seeds=1, instances=InstanceSettings(), device="cpu")
    assert [job.fold for job in alone] == [0, 0]
    assert [job.fingerprint for job in alone] == [job.fingerprint for job in jobs[:2]]


def test_a_job_survives_its_journey(job_of):
    job = job_of("acinus", seed=1)
    again = pickle.loads(job.pickled())
    assert again == job
