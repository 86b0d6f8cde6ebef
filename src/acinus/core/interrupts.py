"""Ctrl-C, which a terminal sends to every process of a command, is answered by the first one alone."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["interrupts_ignored"]


@contextmanager
def interrupts_ignored() -> Iterator[None]:
    """Let processes start deaf to Ctrl-C, before they can say so themselves.

    Outside the main thread, which alone may change that, it does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
