from __future__ import annotations

import importlib
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import psutil
import pytest

from acinus.core.errors import AcinusError, UsageError
from acinus.grouping.torchrun import _reason, run_on_devices


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """The function of a module that the processes find too."""
    monkeypatch.syspath_prepend(Path(__file__).parent)
    function: Callable[..., Any] = importlib.import_module("torchrun_work").work
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
    assert run_on_devices(partial(work, "result", tmp_path), count=2) == "0" * 1_000_000
    assert len({path.read_text() for path in tmp_path.glob("pid*")} - {str(os.getpid())}) == 2
    assert alive(tmp_path) == []


@pytest.mark.parametrize(
    ("how", "kind", "reason"),
    [
        ("usage", UsageError, "^there is no such thing; choose another$"),
        ("bug", RuntimeError, "in process 1:(.|\n)*in go_wrong(.|\n)*ZeroDivisionError: a mistake of ours"),
        ("stopped", AcinusError, "^process 1 was stopped; run the same command again to resume$"),
        # The other one fails for want of it, a moment before its end is known.
        ("lost", AcinusError, "^process 1 of 2 was killed, perhaps for want of memory; run the same command"),
    ],
)
def test_what_goes_wrong_in_one_process_is_told_and_ends_the_others_in_good_order(
    tmp_path, work, how, kind, reason
):
    with pytest.raises(kind, match=reason) as caught:
        run_on_devices(partial(work, how, tmp_path), count=2)
    assert isinstance(caught.value, AcinusError) == (how != "bug")
    assert alive(tmp_path) == []
    assert (tmp_path / "tidy0").exists()


class Failed(NamedTuple):
    """What torchrun says of a process that failed."""

    local_rank: int
    exitcode: int


@pytest.mark.parametrize(
    ("failed", "reported", "reason"),
    [
        (
            Failed(1, -9),
            [],
            "process 1 of 4 was killed, perhaps for want of memory; run the same command again",
        ),
        (Failed(1, -9), [ValueError("connection closed")], "process 1 of 4 was killed"),
        (Failed(3, 1), [UsageError("wrong"), ValueError("connection closed")], "^wrong$"),
        (Failed(2, 3), [], "^process 2 of 4 ended with 3; run the same command again to resume$"),
    ],
)
def test_a_process_that_was_killed_explains_most_then_the_error_that_came_first(failed, reported, reason):
    errors = multiprocessing.SimpleQueue()
    for error in reported:
        errors.put(error)
    found = _reason(SimpleNamespace(failures={7: failed}), errors, count=4)  # type: ignore[arg-type]
    assert re.search(reason, str(found))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_of_a_terminal_and_sigterm_to_the_first_end_all_in_good_order(tmp_path, number):
    process = started(tmp_path)
    if number == signal.SIGINT:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 130
    assert errors == ""
    assert alive(tmp_path) == []
    assert {path.name for path in tmp_path.glob("tidy*")} == {"tidy0", "tidy1"}


def test_no_process_outlives_the_one_that_started_it(tmp_path):
    process = started(tmp_path)
    process.kill()
    _, errors = process.communicate(timeout=300)  # of all of them: they have it from the one that is gone
    assert "Traceback" not in errors
    assert alive(tmp_path) == []
    assert {path.name for path in tmp_path.glob("tidy*")} == {"tidy0", "tidy1"}


def test_ctrl_c_of_a_terminal_while_the_processes_start_ends_all_without_a_word(tmp_path):
    process = start(tmp_path)
    parent = psutil.Process(process.pid)
    while sum("spawn_main" in " ".join(child.cmdline()) for child in parent.children()) < 2:
        assert process.poll() is None
        time.sleep(0.02)
    children = parent.children()
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=300)
    assert (process.returncode, errors) == (130, "")
    assert psutil.wait_procs(children, timeout=60)[1] == []


def start(folder: Path) -> subprocess.Popen[str]:
    """Have processes that wait started from one of their own."""
    return subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("torchrun_work.py")), "waits", str(folder)],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell that starts the tests in the background leaves them deaf to this signal.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def started(folder: Path) -> subprocess.Popen[str]:
    """Have processes that wait started from one of their own, which is returned when they do."""
    process = start(folder)
    deadline = time.monotonic() + 300
    while not all((folder / f"pid{number}").exists() for number in range(2)):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return process
