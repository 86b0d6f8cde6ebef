from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from acinus import __version__
from acinus.cli import run

VERBS = (
    "demo",
    "fit",
    "segment",
    "evaluate",
    "benchmark",
    "measure",
    "compare",
    "report",
    "view",
    "info",
    "settings",
    "doctor",
)


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_every_verb_shows_an_example(verb, capsys):
    assert run([verb, "--help"]) == 0
    assert f"Example: acinus {verb}" in capsys.readouterr().out


def test_the_help_names_every_verb_and_where_to_start(capsys):
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    assert "acinus demo" in shown
    assert all(f" {verb} " in shown for verb in VERBS)


@pytest.mark.parametrize(("known", "said"), [("0123abc", " (commit 0123abc)"), (None, "")])
def test_the_version_is_that_of_the_package_with_the_commit_where_it_is_known(
    capsys, monkeypatch, known, said
):
    monkeypatch.setattr("acinus.cli.commit", lambda: known)
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"acinus {__version__}{said}\n"


@pytest.mark.parametrize(
    "words",
    [
        ["segmnt", "a.png"],
        ["--colour"],
        ["fit", "a.png"],
        ["segment", "a.png", "--out", "b"],
        ["segment", "a.png", "--model", "m", "--out", "b", "--threshold", "0.4"],
        ["fit", "a.png", "--out", "m", "--mpp", "half"],
        ["fit", "a.png", "--out", "m", "--seed", "one"],
        ["fit", "a.png", "--out", "m", "--seed", "1.5"],
        ["demo", "--seed", "1.5"],
        ["demo", "--images", "2.5"],
        ["evaluate", "a"],
        ["evaluate", "a", "b", "c"],
        ["info"],
        ["report"],
    ],
)
def test_wrong_usage_ends_with_two_and_one_line_that_points_to_the_help(words, error_lines):
    assert run(words) == 2
    [line] = error_lines()
    assert line.endswith("see acinus --help")


def test_a_number_of_images_for_a_demo_on_slides_is_wrong_usage(error_lines):
    assert run(["demo", "--slides", "--images", "5"]) == 2
    [line] = error_lines()
    assert line == "acinus: --slides draws three slides and no images; leave out --images, or --slides"


def test_nothing_but_the_verbs_that_compute_loads_torch(tiles):
    script = f"""
import sys
import acinus
from acinus.cli import run
for words in (["--help"], ["report", "--help"], ["fit", "--help"], ["--version"], ["nonsense"]):
    run(words)
assert run(["info", {str(tiles / "tile_000.png")!r}]) == 0
assert "torch" not in sys.modules
assert acinus.GlandSegmenter.__name__ == "GlandSegmenter"
assert "torch" in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_terminal_without_micrometres_and_a_closed_pipe_end_no_command_in_a_traceback(tiles, acinus):
    image = tiles / "tile_000.png"
    done = acinus("fit", "--help", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert "?m per pixel" in done.stdout
    assert done.stderr == ""
    piped = subprocess.run(
        f'{sys.executable} -m acinus info {image} | true; exit "${{PIPESTATUS[0]}}"',
        shell=True,
        executable="/bin/bash",
        capture_output=True,
        text=True,
        check=False,
    )
    assert piped.returncode == 1
    assert piped.stderr == ""


def test_ctrl_c_ends_a_fit_with_130_and_one_line_and_leaves_no_temporary_file(tmp_path, tiles, tiny_settings):
    out = tmp_path / "model"
    settings = json.loads(tiny_settings.read_text())
    settings["grouping"]["steps"] = 100_000  # however slow the machine is, the signal comes before the end
    endless = tmp_path / "endless.json"
    endless.write_text(json.dumps(settings))
    words = ["fit", str(tiles), "--out", str(out), "--settings", str(endless), "--processes", "2"]
    process = subprocess.Popen(
        [sys.executable, "-m", "acinus", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        start_new_session=True,
        # A shell that starts the tests in the background leaves them deaf to this signal.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    deadline = time.monotonic() + 120
    while not (out / "shallow.safetensors").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.3)  # into the start of the other processes
    errors = ""
    for _ in range(6):  # on a busy machine one comes while all are deaf, and is given again as a user would
        os.killpg(process.pid, signal.SIGINT)  # what a terminal does: to the command and its helpers alike
        with suppress(subprocess.TimeoutExpired):
            _, errors = process.communicate(timeout=20)
            break
    assert process.returncode == 130
    assert "Traceback" not in errors
    told = [line for line in errors.splitlines() if line.startswith("acinus: ")]
    assert told == ["acinus: interrupted; run the same command again to resume"]
    assert {path.name for path in out.rglob(".*")} <= {".acinus.json"}


def test_ctrl_c_in_this_process_is_one_line_and_130(monkeypatch, tmp_path, error_lines):
    def interrupted(folder: Path, out: Path | None, **more: object) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr("acinus.report.write_report", interrupted)
    assert run(["report", str(tmp_path)]) == 130
    assert error_lines() == ["acinus: interrupted; run the same command again to resume"]
