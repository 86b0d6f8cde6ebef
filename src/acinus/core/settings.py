"""Settings as JSON: nested dataclasses to plain values and back, with errors that name the field.

A settings file holds only what differs from the defaults. Where a field takes one of several classes (a loss,
a cue, a network), the file names it: ``{"mining": {"cue": {"kind": "DarkestCluster", "closing_um": 5}}}``.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from acinus.core.errors import UsageError

__all__ = ["apply_settings", "settings_to_plain"]

T = TypeVar("T")


def settings_to_plain(settings: Any) -> Any:
    """Turn a (nested) settings dataclass into JSON values, each dataclass with its ``kind``.

    Examples
    --------
    >>> from acinus.core.geometry import Size
    >>> settings_to_plain(Size(2, 3))
    {'kind': 'Size', 'width': 2, 'height': 3}
    """
    if is_dataclass(settings) and not isinstance(settings, type):
        plain = {field.name: settings_to_plain(getattr(settings, field.name)) for field in fields(settings)}
        return {"kind": type(settings).__name__, **plain}
    if isinstance(settings, tuple):
        return [settings_to_plain(value) for value in settings]
    return settings


def apply_settings(
    settings: T, changes: Mapping[str, Any], *, kinds: Mapping[str, type], where: str = "settings"
) -> T:
    """Return `settings` with the changes of a settings file.

    Parameters
    ----------
    settings : frozen dataclass
        The defaults.
    changes : mapping
        What the file says, as `settings_to_plain` writes it or less.
    kinds : mapping of str to dataclass
        Classes that may be named by ``kind``.
    where : str
        Place in the file, for messages.

    Raises
    ------
    UsageError
        On an unknown field, an unknown kind, or a value of the wrong type.
    """
    if not isinstance(changes, Mapping):
        raise UsageError(f"{where}: expected an object with fields, got {changes!r}")
    kind = changes.get("kind", type(settings).__name__)
    if kind != type(settings).__name__:
        settings = _make(kind, kinds, where)
    hints = typing.get_type_hints(type(settings))
    known = {field.name for field in fields(settings)}  # type: ignore[arg-type]
    new: dict[str, Any] = {}
    for name, value in changes.items():
        if name == "kind":
            continue
        if name not in known:
            raise UsageError(f"{where}.{name} is not a setting; {where} has {', '.join(sorted(known))}")
        new[name] = _value(getattr(settings, name), value, hints[name], kinds, f"{where}.{name}")
    try:
        return replace(settings, **new)  # type: ignore[type-var]
    except ValueError as error:
        raise UsageError(f"{where}: {error}") from error


def _make(kind: str, kinds: Mapping[str, type], where: str) -> Any:
    if kind not in kinds:
        raise UsageError(f"{where}: there is no kind {kind!r}; choose one of {', '.join(sorted(kinds))}")
    try:
        return kinds[kind]()
    except TypeError as error:
        raise UsageError(f"{where}: {kind} cannot be used here ({error})") from error


def _value(current: Any, value: Any, hint: Any, kinds: Mapping[str, type], where: str) -> Any:
    """Check `value` against the type of the field and return it in that type."""
    choices = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if value is None:
        if type(None) in choices:
            return None
        raise UsageError(f"{where} cannot be null")
    if isinstance(value, Mapping):
        if current is None:
            kind = value.get("kind") or next(_name(c) for c in choices if is_dataclass(c))
            current = _make(kind, kinds, where)
        if not is_dataclass(current):
            raise UsageError(f"{where}: expected {_name(hint)}, got an object")
        return apply_settings(current, value, kinds=kinds, where=where)
    for choice in choices:
        if choice is float and isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        if choice in (int, bool, str) and type(value) is choice:
            return value
        if typing.get_origin(choice) is tuple and isinstance(value, list | tuple):
            item = typing.get_args(choice)[0]
            return tuple(_value(None, entry, item, kinds, f"{where}[{i}]") for i, entry in enumerate(value))
    raise UsageError(f"{where}: expected {_name(hint)}, got {value!r}")


def _name(hint: Any) -> str:
    return getattr(hint, "__name__", str(hint))
