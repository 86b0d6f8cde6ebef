"""A slide whose segmentation is killed at any moment ends as one that was left in peace."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

TASKS = ["Windows:0", "Windows:3", "Learning:5", "Measuring:0", "Measuring:1", "Segmenting:1"]
EARLY = [f"rename:{count}" for count in (1, 2, 6)]  # the note of the work folder, tissue, windows
LATE = [
    f"rename:-{count}" for count in (10, 7, 6, 5, 4, 1)
]  # tables, the folder of results, files of the batch
MOMENTS = [*TASKS, *EARLY, *LATE]
WINDOWS = 6


@pytest.fixture(scope="module")
def crashes(tmp_path_factory: pytest.TempPathFactory, disc_slide: Path) -> tuple[Path, dict[str, Any]]:
    """Runs that were killed and went on, one folder for each moment, and what became of them."""
    out = tmp_path_factory.mktemp("crashes")
    script = "tests.pipeline.slide.crash_segment"
    done = subprocess.run(
        [sys.executable, "-m", script, str(disc_slide), str(out), *MOMENTS],
        cwd=Path(__file__).resolve().parents[3],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return out, json.loads(done.stdout)


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file but for what differs from run to run: times, the command, the commit of the code."""
    files = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        if path.name in ("image.json", "run.json"):
            plain = json.loads(content)
            for varying in ("seconds", "command", "commit"):
                plain.pop(varying, None)
            content = json.dumps(plain).encode()
        files[str(path.relative_to(folder))] = content
    return files


def test_a_run_left_in_peace_computes_every_window_and_finds_the_glands(crashes):
    out, report = crashes
    assert report["none"]["windows"] == [WINDOWS]
    assert report["none"]["left"] == [".acinus.json", "discs", "glands.csv", "run.json", "summary.csv"]
    assert json.loads((out / "none" / "discs" / "image.json").read_text())["gland_count"] == 6


@pytest.mark.parametrize("moment", MOMENTS)
def test_whatever_the_moment_of_the_kill_the_same_files_are_there_in_the_end(crashes, moment):
    out, report = crashes
    assert report[moment]["signal"] == signal.SIGKILL
    assert report[moment]["code"] == 0
    assert contents(out / moment) == contents(out / "none")


def test_windows_that_were_computed_are_not_computed_again(crashes):
    _, report = crashes
    assert report["Windows:3"]["windows"][1] <= WINDOWS - 3
    for moment in ("Learning:5", "Measuring:0", "Measuring:1", "Segmenting:1", *LATE):
        assert report[moment]["windows"] == [WINDOWS, 0]


def test_results_appear_as_a_whole(crashes):
    _, report = crashes
    for moment in MOMENTS:
        whole = moment == "Segmenting:1" or moment in LATE[3:]  # "rename:-6" is the folder of results itself
        assert ("discs" in report[moment]["left"]) == whole, moment
        assert (".discs.work" in report[moment]["left"]) == (not whole), moment
