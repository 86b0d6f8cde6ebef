"""How a process answers signals: Ctrl-C, which a terminal sends to all processes, and SIGTERM."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from types import FrameType
from typing import NoReturn

__all__ = [
    "end_with_parent",
    "exit_with_parent",
    "interrupts_deferred",
    "interrupts_kept_from_children",
    "sigterm_as_interrupt",
]

_GRACE_SECONDS = 10.0
"""How long a process may take to put things in order before it is killed."""
_POLL_SECONDS = 0.5


@contextmanager
def interrupts_deferred() -> Iterator[None]:
    """Answer Ctrl-C and SIGTERM when the block has ended; what it starts is deaf to Ctrl-C.

    For starting processes: an exception half-way would leave some that nobody knows of, and each of them
    would print a traceback of its own when the terminal sends Ctrl-C to all. Outside the main thread, which
    alone answers signals, it does nothing.

    Examples
    --------
    >>> with interrupts_deferred():
    ...     pass  # start processes
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, lambda number, frame: came.append(number))
    try:
        with _blocked_in_new_processes(signal.SIGINT):
            yield
    finally:
        for number, answer in before.items():
            signal.signal(number, answer)
        if came:
            signal.raise_signal(came[0])


@contextmanager
def interrupts_kept_from_children() -> Iterator[None]:
    """Keep Ctrl-C from processes that start in the block; this one answers it, at most a moment later.

    For a block in which others start processes and wait for them: see `interrupts_deferred` for one that only
    starts them.
    """
    over = threading.Event()
    ear = threading.Thread(target=over.wait, daemon=True)  # the system interrupts this one instead
    ear.start()
    try:
        with _blocked_in_new_processes(signal.SIGINT):
            yield
    finally:
        over.set()
        ear.join()


@contextmanager
def _blocked_in_new_processes(number: signal.Signals) -> Iterator[None]:
    """Block a signal in processes and threads that start in the block, for ever, and here until its end."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # or multiprocessing would start it in the block, and unblock SIGINT
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {number})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def sigterm_as_interrupt() -> Iterator[None]:
    """Answer SIGTERM as Ctrl-C in the block: what was started is ended, half-written files are removed.

    Outside the main thread, which alone answers signals, it does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def end_with_parent(wait: Callable[[], object]) -> None:
    """Let this process end when the one that started it asks for it, or was killed, and not before.

    It ends as after Ctrl-C, and at the latest some seconds later.

    Parameters
    ----------
    wait : callable
        Returns when the process that started this one is gone.
    """
    # A terminal sends Ctrl-C to all; the process that started these ends them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _interrupt)
    threading.Thread(target=_end_after, args=(wait,), daemon=True).start()


def exit_with_parent(parent: int) -> None:
    """Let this process exit at once, whatever it does, when the one that started it is gone.

    Parameters
    ----------
    parent : int
        Process id of the one that started this one, which may be gone already.
    """
    threading.Thread(target=_exit_after, args=(parent,), daemon=True).start()


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    """Answer the signal as Ctrl-C: half-written files are removed on the way out."""
    del number, frame
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough
    raise KeyboardInterrupt


def _end_after(wait: Callable[[], object]) -> None:
    wait()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_SECONDS)
    os._exit(1)


def _exit_after(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_POLL_SECONDS)
    os._exit(1)
