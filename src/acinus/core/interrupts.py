"""How a process answers signals: Ctrl-C, which a terminal sends to all processes, and being told to end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType

__all__ = ["interrupts_ignored", "signal_answered"]


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
