"""Docstrings as the help of the command line: paragraphs that the terminal breaks, not the source."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["reflowed", "with_reflowed_help"]

Verb = TypeVar("Verb", bound=Callable[..., Any])


def with_reflowed_help(verb: Verb) -> Verb:
    """Give a verb a docstring with one line for each paragraph, and return it."""
    verb.__doc__ = reflowed(verb.__doc__ or "")
    return verb


def reflowed(docstring: str) -> str:
    r"""Return a docstring with one line for each paragraph.

    Examples
    --------
    >>> reflowed("A sentence\nin two lines.\n\nParameters\n----------\nout\n    Where to\n    write.")
    'A sentence in two lines.\n\nParameters\n----------\nout\n    Where to write.'
    """
    lines = [""]
    for line in inspect.cleandoc(docstring).splitlines():
        before = lines[-1]
        if _is_text(before) and _is_text(line) and _indent(before) == _indent(line):
            lines[-1] += " " + line.strip()
        else:
            lines.append(line)
    return "\n".join(lines[1:])


def _is_text(line: str) -> bool:
    """Say whether a line is neither empty nor the rule under a heading."""
    return bool(line.strip("- "))


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
