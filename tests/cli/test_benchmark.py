from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from PIL import Image

from acinus.benchmark.datasets import dataset_names
from acinus.cli import run

_DOCS = Path(__file__).resolve().parents[2] / "docs" / "adding-a-method.md"
_SETTINGS = {
    "fit": {
        "mining": {"shallow": {"steps": 1, "batch_crops": 1, "crop_px": 32}},
        "grouping": {
            "steps": 2,
            "rounds": 2,
            "batch_crops": 2,
            "crop_px": 32,
            "network": {"widths": [4, 8]},
        },
    },
    "synthetic": {"fit": 2, "held_out": 1, "side_px": 128},
    "device": "cpu",
}
_FAILS = """

class Fails(Grey):
    def fit(self, images, *, seed, device, folder):
        raise RuntimeError("not today")


METHODS.append(Fails(name="fails", title="Fails"))
"""


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A tiny benchmark with the method of the documentation, and its command; may be run again."""
    root = tmp_path_factory.mktemp("benchmark")
    (method,) = re.findall(r"```python\n(.*?)```", _DOCS.read_text(encoding="utf-8"), re.DOTALL)
    (root / "grey.py").write_text(method)
    (root / "settings.json").write_text(json.dumps(_SETTINGS))
    words = ["benchmark", "synthetic", "--out", str(root / "out"), "--settings", str(root / "settings.json")]
    words += ["--seeds", "1", "--methods", str(root / "grey.py"), "acinus,acinus+omission-off"]
    assert run(words) == 0
    return root, words


def _results(root: Path) -> dict[str, int]:
    found = (root / "out" / "results").glob("*/*/result.json")
    return {path.parent.parent.name: path.stat().st_mtime_ns for path in found}


def test_the_method_of_the_documentation_is_compared_without_a_change_to_the_package(compared):
    out = compared[0] / "out"
    for name in ("results.md", "results.csv", "results.html", "differences.csv", "chart-fit.svg", "grid.png"):
        assert (out / name).stat().st_size > 100
    lines = (out / "results.md").read_text(encoding="utf-8").splitlines()
    assert sum(line.startswith("| Darkest pixels |") for line in lines) >= 4
    assert sum(line.startswith("| acinus, after round 1 |") for line in lines) >= 4
    record = json.loads((out / "benchmark.json").read_text())
    assert record["settings"]["methods"]["grey"] == {"share": 0.4}


def test_methods_of_the_same_settings_are_computed_once(compared):
    results = compared[0] / "out" / "results"
    one, other = (
        json.loads((results / name / "seed0" / "result.json").read_text())
        for name in ("acinus", "acinus+omission-off")
    )
    assert (other["method"], other["title"]) == ("acinus+omission-off", "acinus, omission relabelling off")
    assert {**other, "method": "acinus", "title": "acinus"} == one  # seconds included: it is a copy
    lines = (compared[0] / "out" / "results.md").read_text(encoding="utf-8").splitlines()
    assert sum(line.startswith("| acinus, omission relabelling off |") for line in lines) >= 4


def test_what_is_there_is_not_computed_again_and_a_changed_method_alone_is(compared, capsys):
    root, words = compared
    before = _results(root)
    assert run(words) == 0
    assert _results(root) == before
    text = (root / "grey.py").read_text()
    (root / "grey.py").write_text(text + _FAILS)
    assert run(words) == 1
    errors = capsys.readouterr().err
    assert "acinus: fails, seed 0: RuntimeError: not today" in errors
    assert "not today" in (root / "out" / "failures.log").read_text()
    assert "<strong>fails, seed 0 has no result:</strong>" in (root / "out" / "results.html").read_text(
        encoding="utf-8"
    )
    after = _results(root)
    assert after["acinus"] == before["acinus"]
    assert after["grey"] != before["grey"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["glas"], "glas is read from a folder; pass --root"),
        (["glass"], "there is no data set 'glass'; choose one of glas, crag, ebhi, rings, synthetic, folder"),
        (["synthetic", "--methods", "picy"], "there is no method 'picy'"),
        (["synthetic", "--seeds", "0"], "--seeds is 0"),
        (["synthetic", "--workers", "0"], "--workers is 0"),
        (["synthetic", "--folds", "2"], "--folds is no longer an option; put {"),
        (["synthetic", "--patient-disjoint"], "--patient-disjoint is no longer an option; put {"),
        (["synthetic", "--method-file=a.py"], "no longer an option; name the file in --methods"),
        (["synthetic", "--fold", "2"], "Unknown option"),
        (["synthetic", "--methods", "none.py"], "none.py is not a file"),
        (["synthetic", "--root", "nowhere"], "--root is for images that are read"),
        (["glas", "--root", "nowhere", "--mpp", "0.6"], "--mpp is for folder"),
    ],
)
def test_wrong_usage_ends_with_two_and_one_line(words, message, tmp_path, error_lines):
    assert run(["benchmark", *words, "--out", str(tmp_path / "out")]) == 2
    [line] = error_lines()
    assert message in line
    assert not (tmp_path / "out").exists()


def test_a_command_that_cannot_begin_leaves_no_folder_and_a_finished_benchmark_as_it_is(
    compared, tmp_path, error_lines
):
    finished = compared[0] / "out" / "benchmark.json"
    before = finished.read_bytes()
    for out in (tmp_path / "new", finished.parent):
        assert run(["benchmark", "glas", "--root", str(tmp_path / "none"), "--out", str(out)]) == 1
        [line] = error_lines()
        assert "none is not a folder" in line
    assert list(tmp_path.iterdir()) == []
    assert finished.read_bytes() == before


def test_an_interrupted_benchmark_keeps_the_settings_that_its_tables_were_made_with(compared, monkeypatch):
    root, words = compared
    before = (root / "out" / "benchmark.json").read_bytes()

    def interrupt(*jobs: object, **how: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("acinus.benchmark.verb._compute", interrupt)
    assert run([*words, "--methods", "kmeans-rgb"]) == 130
    assert (root / "out" / "benchmark.json").read_bytes() == before


def test_labels_of_another_size_are_reported_once_and_before_anything_is_computed(
    tiles, tmp_path, error_lines
):
    root = shutil.copytree(tiles, tmp_path / "tiles")
    Image.new("L", (256, 200)).save(root / "tile_001_anno.png")
    words = ["benchmark", "folder", "--root", str(root), "--out", str(tmp_path / "out")]
    assert run([*words, "--methods", "kmeans-rgb", "kmeans-hed"]) == 1
    [line] = error_lines()
    assert re.search(r"tile_001_anno.png have 256 × 200 px, their image .*tile_001.png 256 × 256; give", line)
    assert not (tmp_path / "out").exists()


_WAITS = """
import os
import time
from pathlib import Path


class Waits:
    name, title, settings = "waits", "Waits", None

    def fit(self, images, *, seed, device, folder):
        (folder / "half-done").touch()
        noted = Path(__file__).with_name("pid.tmp")
        noted.write_text(str(os.getpid()))
        noted.rename(Path(__file__).with_name("pid"))
        time.sleep(1200)


METHODS = [Waits()]
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_what_computes_ends_with_the_benchmark_that_started_it(how, tiles, tmp_path):
    (tmp_path / "waits.py").write_text(_WAITS)
    (tmp_path / "temporary").mkdir()
    words = ["benchmark", "folder", "--root", tiles, "--seeds", "1", "--methods", tmp_path / "waits.py"]
    words += ["--out", tmp_path / "out"]
    process = subprocess.Popen(
        [sys.executable, "-m", "acinus", *map(str, words)],
        env={**os.environ, "TMPDIR": str(tmp_path / "temporary")},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 500  # a machine may be busy
        while not (tmp_path / "pid").exists():
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.05)
        worker = psutil.Process(int((tmp_path / "pid").read_text()))
        if how == signal.SIGINT:
            os.killpg(process.pid, how)  # as a terminal does, which signals workers too
        else:
            process.send_signal(how)
        _, errors = process.communicate(timeout=500)
        worker.wait(timeout=500)
    finally:
        process.kill()  # where something above failed
    lines = [line for line in errors.splitlines() if not line.startswith("Checking images")]
    if how == signal.SIGKILL:  # what is left is removed by the next workers of this machine
        assert [
            line for line in lines if "resource_tracker" not in line and "warnings.warn" not in line
        ] == []
    else:
        assert process.returncode == 130
        assert lines == ["acinus: interrupted; run the same command again to resume"]
        assert list((tmp_path / "temporary").rglob("half-done")) == []


def test_each_fold_is_stored_and_the_page_pools_them(tiles, tmp_path):
    out = tmp_path / "out"
    (tmp_path / "folds.toml").write_text("folds = 3")
    words = ["benchmark", "folder", "--root", str(tiles), "--settings", str(tmp_path / "folds.toml")]
    words += ["--seeds", "1", "--methods", "kmeans-rgb", "--out", str(out)]
    assert run(words) == 0
    kept = {path: path.stat().st_mtime_ns for path in out.glob("results/*/*/result.json")}
    assert sorted(path.parent.name for path in kept) == [f"seed0-fold{fold}" for fold in (1, 2, 3)]
    text = (out / "results.md").read_text(encoding="utf-8")
    assert "In 3 folds" in text
    assert "## 3 held-out images, label-free" in text
    assert "| method | fold 1 | fold 2 | fold 3 | difference |" in text
    lost = out / "results" / "kmeans-rgb" / "seed0-fold2" / "result.json"
    lost.unlink()  # as if the power had failed before this one was done
    assert run(words) == 0
    assert [path for path in kept if path.stat().st_mtime_ns != kept[path]] == [lost]


def test_a_folder_of_something_else_is_left_alone(tmp_path, error_lines):
    (tmp_path / "mine.txt").write_text("mine")
    assert run(["benchmark", "synthetic", "--out", str(tmp_path)]) == 2
    [line] = error_lines()
    assert "holds no benchmark" in line
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_the_help_names_every_data_set_and_at_most_eight_options(capsys):
    assert run(["benchmark", "--help"]) == 0
    text = capsys.readouterr().out
    assert all(re.search(rf"\b{name}\b", text) for name in dataset_names())
    assert len(set(re.findall(r"--[a-z][a-z-]+", text)) - {"--help", "--version", "--no-small"}) == 8
    assert "Example: acinus benchmark" in text


def test_workers_here_and_a_scheduler_elsewhere_are_one_too_many(tmp_path, error_lines):
    (tmp_path / "far.json").write_text('{"scheduler": "tcp://a:1"}')
    words = ["synthetic", "--workers", "1", "--settings", str(tmp_path / "far.json")]
    assert run(["benchmark", *words, "--out", str(tmp_path / "out")]) == 2
    [line] = error_lines()
    assert "--workers starts processes here" in line
