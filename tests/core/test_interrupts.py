from __future__ import annotations

import signal

import pytest

from acinus.core.interrupts import sigterm_as_interrupt


def test_sigterm_is_ctrl_c_in_the_block_and_what_it_was_before_after_it():
    heard = []

    def note(number: int, frame: object) -> None:
        heard.append(number)

    before = signal.signal(signal.SIGTERM, note)
    try:
        with pytest.raises(KeyboardInterrupt), sigterm_as_interrupt():
            signal.raise_signal(signal.SIGTERM)
        assert heard == []
        signal.raise_signal(signal.SIGTERM)
        assert heard == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)
