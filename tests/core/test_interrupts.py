from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from acinus.core.interrupts import (
    exit_with_parent,
    interrupts_deferred,
    interrupts_kept_from_children,
    sigterm_as_interrupt,
)

SAYS_WHETHER_DEAF = "import signal; print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))"

PARENT = """
import os, subprocess, sys, time
words = "import sys, time; from acinus.core.interrupts import exit_with_parent;"
words += "exit_with_parent(int(sys.argv[1])); print('held', flush=True); time.sleep(600)"
child = subprocess.Popen([sys.executable, "-c", words, str(os.getpid())])
print(child.pid, flush=True)
time.sleep(600)
"""


@contextmanager
def answered(number: signal.Signals, answer: object) -> Iterator[None]:
    before = signal.signal(number, answer)  # type: ignore[arg-type]
    try:
        yield
    finally:
        signal.signal(number, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("send", [signal.raise_signal, lambda number: os.kill(os.getpid(), number)])
def test_a_signal_that_comes_in_the_block_is_answered_once_after_it(number, send):
    events = []
    with answered(number, lambda number, frame: events.append(number)):
        with interrupts_deferred():
            send(number)
            send(number)
            time.sleep(0.05)
            events.append("end of the block")
        assert events == ["end of the block", number]
        signal.raise_signal(number)  # answered as before
        assert events == ["end of the block", number, number]


def test_ctrl_c_is_raised_also_where_the_block_fails():
    def fails() -> None:
        signal.raise_signal(signal.SIGINT)
        raise ValueError("mine")

    with pytest.raises(KeyboardInterrupt) as caught, interrupts_deferred():
        fails()
    assert isinstance(caught.value.__context__, ValueError)


def test_a_signal_that_was_ignored_stays_ignored():
    with answered(signal.SIGINT, signal.SIG_IGN):
        with interrupts_deferred():
            signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_processes_started_in_the_block_are_deaf_to_ctrl_c_and_others_are_not():
    def says() -> str:
        return subprocess.run(
            [sys.executable, "-c", SAYS_WHETHER_DEAF], capture_output=True, text=True, check=True
        ).stdout.strip()

    assert says() == "False"
    with interrupts_deferred():
        assert says() == "True"
    assert says() == "False"
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_ctrl_c_can_be_kept_from_new_processes_and_yet_be_answered_at_once():
    def deaf() -> str:
        words = [sys.executable, "-c", SAYS_WHETHER_DEAF]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()

    def wait() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000):
            time.sleep(0.01)

    with interrupts_kept_from_children():
        assert deaf() == "True"
    assert deaf() == "False"
    with pytest.raises(KeyboardInterrupt), interrupts_kept_from_children():
        wait()
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_another_thread_defers_nothing():
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def work() -> None:
        with interrupts_deferred(), sigterm_as_interrupt():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]


def test_sigterm_is_ctrl_c_in_the_block_and_what_it_was_before_after_it():
    heard = []
    with answered(signal.SIGTERM, lambda number, frame: heard.append(number)):
        with pytest.raises(KeyboardInterrupt), sigterm_as_interrupt():
            signal.raise_signal(signal.SIGTERM)
        assert heard == []
        signal.raise_signal(signal.SIGTERM)
        assert heard == [signal.SIGTERM]


def test_a_process_exits_when_its_parent_was_killed_whatever_it_does():
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        assert parent.stdout.readline() == "held\n"
        time.sleep(0.7)
        assert child.is_running()
        parent.kill()
        assert not psutil.wait_procs([child], timeout=60)[1]


def test_a_process_whose_parent_is_gone_already_exits_at_once():
    words = "import time; from acinus.core.interrupts import exit_with_parent; exit_with_parent(1 << 30);"
    done = subprocess.run([sys.executable, "-c", f"{words} time.sleep(600)"], timeout=60, check=False)
    assert done.returncode == 1


def test_a_process_lives_as_long_as_its_parent(capfd):
    exit_with_parent(os.getppid())
    time.sleep(0.1)
    assert capfd.readouterr().err == ""
