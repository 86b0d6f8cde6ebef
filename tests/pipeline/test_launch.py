from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from acinus.core.errors import AcinusError, UsageError
from acinus.pipeline import launch as launch_module
from acinus.pipeline.launch import launch


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """The function of a module that launched processes find too."""
    monkeypatch.syspath_prepend(Path(__file__).parent)
    function: Callable[..., Any] = importlib.import_module("launch_work").work
    return function


def alive(folder: Path) -> list[int]:
    """Processes that still run; one that nobody has asked for its end does not."""
    found = [int(path.read_text()) for path in folder.glob("pid*")]
    return [
        pid
        for pid in found
        if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    ]


def test_the_result_of_the_first_process_comes_back_however_long_it_is(tmp_path, work):
    assert launch(partial(work, "result", tmp_path), count=2) == "0" * 1_000_000
    assert len({path.read_text() for path in tmp_path.glob("pid*")} - {str(os.getpid())}) == 2
    assert alive(tmp_path) == []


@pytest.mark.parametrize(
    ("how", "kind", "reason"),
    [
        ("usage", UsageError, "^there is no such thing; choose another$"),
        ("bug", RuntimeError, "in process 1:(.|\n)*in go_wrong(.|\n)*ZeroDivisionError: a mistake of ours"),
        ("killed", AcinusError, "^process 1 of 2 was killed, perhaps for want of memory; run the same"),
        ("told", AcinusError, "^process 1 was told to end; run the same command again to go on$"),
        ("quits", AcinusError, "^process 1 of 2 ended with 3; run the same command again to go on$"),
    ],
)
def test_what_goes_wrong_in_one_process_is_told_and_ends_the_others_in_good_order(
    tmp_path, work, how, kind, reason, monkeypatch
):
    monkeypatch.setattr(launch_module, "_NEWS_SECONDS", 0.2)
    with pytest.raises(kind, match=reason) as caught:
        launch(partial(work, how, tmp_path), count=2)
    assert isinstance(caught.value, AcinusError) == (how != "bug")
    assert alive(tmp_path) == []
    assert (tmp_path / "tidy0").exists()


def test_that_a_process_was_killed_explains_what_the_others_say_of_it(tmp_path, work):
    with pytest.raises(AcinusError, match="process 1 of 2 was killed"):
        launch(partial(work, "lost", tmp_path), count=2)


@pytest.mark.parametrize("to_all", [True, False])
def test_ctrl_c_ends_all_in_good_order_whether_a_terminal_sends_it_to_all_or_not(tmp_path, to_all):
    process = started(tmp_path)
    if to_all:
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors == ""
    assert alive(tmp_path) == []
    assert {path.name for path in tmp_path.glob("tidy*")} == {"tidy0", "tidy1"}


def test_no_process_outlives_the_one_that_started_it(tmp_path):
    process = started(tmp_path)
    process.kill()
    _, errors = process.communicate(timeout=60)  # of all of them: they have it from the one that is gone
    assert errors == ""
    assert alive(tmp_path) == []
    assert {path.name for path in tmp_path.glob("tidy*")} == {"tidy0", "tidy1"}


def started(folder: Path) -> subprocess.Popen[str]:
    """Launch processes that wait, from one of their own, and return it when they do."""
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("launch_work.py")), "waits", str(folder)],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell that starts the tests in the background leaves them deaf to this signal.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    deadline = time.monotonic() + 60
    while not all((folder / f"pid{number}").exists() for number in range(2)):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return process
