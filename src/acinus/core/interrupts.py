"""How a process answers signals: Ctrl-C, which a terminal sends to all processes, and being told to end."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType
from typing import NoReturn

__all__ = ["end_with_parent", "interrupts_ignored", "signal_answered", "sigterm_as_interrupt"]

_GRACE_SECONDS = 10.0
"""How long a process may take to put things in order before it is killed."""


@contextmanager
def signal_answered(
    number: signal.Signals, answer: Callable[[int, FrameType | None], object] | signal.Handlers
) -> Iterator[None]:
    """Answer a signal otherwise until the end of the block.

    Outside the main thread, which alone may change that, it does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(number, answer)
    try:
        yield
    finally:
        signal.signal(number, before)


def interrupts_ignored() -> AbstractContextManager[None]:
    """Let processes start deaf to Ctrl-C, before they can say so themselves."""
    return signal_answered(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def sigterm_as_interrupt() -> Iterator[None]:
    """Answer SIGTERM as Ctrl-C in the block: what was started is ended, half-written files are removed."""
    with signal_answered(signal.SIGTERM, _interrupt):
        yield


def end_with_parent(wait: Callable[[], object]) -> None:
    """Let this process end when the one that started it says so, or was killed, and not before.

    It ends as after Ctrl-C, and at the latest some seconds later.

    Parameters
    ----------
    wait : callable
        Returns when the process that started this one is gone.
    """
    # A terminal sends Ctrl-C to all; the process that started these tells them to end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _interrupt)
    threading.Thread(target=_end_after, args=(wait,), daemon=True).start()


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    """Answer the signal as Ctrl-C: half-written files are removed on the way out."""
    del number, frame
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough
    raise KeyboardInterrupt


def _end_after(wait: Callable[[], object]) -> None:
    wait()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)
