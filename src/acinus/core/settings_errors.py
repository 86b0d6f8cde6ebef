"""A mistake in settings in one line: where it is, what was expected, and the value."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from pydantic import ValidationError

__all__ = ["in_one_line", "shown"]


def in_one_line(error: ValidationError, cls: Any, *, file: str = "") -> str:
    """Return the first mistake in one line: its path, what was expected, and the value.

    Parameters
    ----------
    cls : settings class
        Which was to be made; paths begin with its name where no file is named.
    file : str
        Name of the file that was read, if any.
    """
    mistakes = error.errors(include_url=False)
    first = mistakes[0]
    kind, context, path = first["type"], first.get("ctx", {}), list(first["loc"])
    if path and isinstance(path[0], int):  # an argument by its position
        path[0] = fields(cls)[path[0]].name
    where = f"{file}: " if file else ""
    root = [] if file else [cls.__name__]
    place, above = _joined([*root, *path]), _joined([*root, *path[:-1]])
    if kind in ("missing", "missing_argument"):
        lacking = [str(mistake["loc"][-1]) for mistake in mistakes if mistake["type"] == kind]
        return f"{where}{above} has no default for {', '.join(lacking)}; give a value"
    if kind == "unknown":
        return where + _unknown(place, context["name"], context["known"])
    if kind == "unexpected_keyword_argument":
        return where + _unknown(above, str(path[-1]), [field.name for field in fields(cls)])
    if kind == "relation":
        place = _joined([*root, *path, context["name"]])
        return f"{where}{place} is {shown(context['value'])}; expected {context['expected']}"
    if kind in ("wrong", "value_error"):
        return f"{where}{place}{': ' if place else ''}{context.get('text', context.get('error'))}"
    expected = context.get("expected", "a table of settings")
    more = f" (and {len(mistakes) - 1} more)" if len(mistakes) > 1 else ""
    return f"{where}{place or 'all of it'} is {shown(first['input'])}; expected {expected}{more}"


def _unknown(place: str, name: str, known: list[str]) -> str:
    owner, verb = (place, "has") if place else ("there", "are")
    full = f"{place}.{name}" if place else name
    return f"{full} is not a setting; {owner} {verb} {', '.join(sorted(known))}"


def _joined(path: list[int | str]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def shown(value: Any) -> str:
    """Return a value as a settings file would say it, shortened."""
    if isinstance(value, Mapping):
        return "a table"
    if is_dataclass(value) and not isinstance(value, type):
        return type(value).__name__
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}…"
