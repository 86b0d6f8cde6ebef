"""Signals that come while the processes of stage 1 start: the moment is given, not a matter of luck."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest


def run(moment: int, name: str, target: str) -> tuple[int, str, list[int]]:
    """Run the script; return how it ended, what it said on stderr and the processes that it started."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("interrupted_mining.py")), str(moment), name, target],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        start_new_session=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        # A shell that starts the tests in the background leaves them deaf to this signal.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    return done.returncode, done.stderr, [int(line) for line in done.stdout.splitlines()]


def alive(pids: list[int]) -> list[psutil.Process]:
    """Return the processes that still run in a while."""
    found = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    return [process for process in psutil.wait_procs(found, timeout=30)[1] if process.status() != "zombie"]


@pytest.mark.parametrize(("moment", "target"), [(0, "one"), (1, "all"), (2, "one")])
def test_ctrl_c_while_the_processes_of_stage_1_start_ends_it_without_a_word_or_a_process_left(moment, target):
    code, errors, pids = run(moment, "SIGINT", target)
    assert errors == ""
    assert code == 130
    assert alive(pids) == []


def test_sigterm_while_the_processes_of_stage_1_start_ends_it_as_ctrl_c_does():
    code, errors, pids = run(1, "SIGTERM", "one")
    assert (code, errors) == (130, "")
    assert alive(pids) == []


def test_the_processes_of_stage_1_do_not_outlive_the_one_that_was_killed_while_they_started():
    code, _, pids = run(2, "SIGKILL", "one")
    assert code == -signal.SIGKILL
    assert len(pids) == 2
    assert alive(pids) == []
