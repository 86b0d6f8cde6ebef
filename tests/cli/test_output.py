from __future__ import annotations

import contextlib
import io
import re

import pytest

from acinus.cli.output import console_progress, say_error


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def on_a_terminal(monkeypatch: pytest.MonkeyPatch, **variables: str) -> str:
    """Count with stderr on a terminal of 120 columns and return what it shows."""
    screen = Terminal()
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with contextlib.redirect_stderr(screen):
        count_to_three()
    return screen.getvalue()


def count_to_three() -> None:
    with console_progress().task("Counting", total=3) as advance:
        for note in ("one", "two", "three"):
            advance(note)


COLOUR = re.compile(r"\x1b\[[0-9;]*[34]\d[0-9;]*m")


def test_a_terminal_gets_a_coloured_bar_with_the_time_left(monkeypatch):
    shown = on_a_terminal(monkeypatch)
    assert "Counting" in shown
    assert "3/3" in shown
    assert "left" in shown
    assert "three" in shown
    assert COLOUR.search(shown)


def test_a_task_within_another_has_a_bar_of_its_own_that_goes_away(monkeypatch):
    def windows_of_two_slides() -> None:
        progress = console_progress()
        with progress.task("Segmenting", total=2) as advance:
            for slide in ("a", "b"):
                with progress.task(f"Windows of {slide}", total=3) as one:
                    for _ in range(3):
                        one()
                advance(slide)
        with progress.task("Afterwards", total=1) as advance:
            advance()

    monkeypatch.setitem(globals(), "count_to_three", windows_of_two_slides)
    shown = on_a_terminal(monkeypatch)
    last = shown.rsplit("Segmenting", 1)[1]
    assert "Windows of a" in shown or "Windows of b" in shown
    assert "2/2" in last
    assert "Windows" not in last
    assert "Afterwards" in last


def test_no_color_takes_the_colours_out_of_the_bar(monkeypatch):
    plain = on_a_terminal(monkeypatch, NO_COLOR="1")
    assert "3/3" in plain
    assert not COLOUR.search(plain)


def test_elsewhere_there_are_plain_lines_on_stderr_and_nothing_on_stdout(capsys):
    count_to_three()
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "Counting: 3/3, 0 s, 0 s left, three\n"


def test_lines_come_every_thirty_seconds_with_the_time_left(capsys, monkeypatch):
    clock = iter([0.0, 10.0, 31.0, 40.0, 62.0, 70.0])
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    with console_progress().task("Counting", total=6, done=1) as advance:
        for _ in range(5):
            advance()
    assert capsys.readouterr().err.splitlines() == [
        "Counting: 3/6, 31 s, 46 s left",
        "Counting: 5/6, 62 s, 16 s left",
        "Counting: 6/6, 70 s, 0 s left",
    ]


def test_an_error_is_one_line_whatever_it_says(capsys):
    say_error("first\n  second")
    assert capsys.readouterr().err == "acinus: first second\n"
