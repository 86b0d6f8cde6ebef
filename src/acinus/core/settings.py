"""Settings as JSON: nested dataclasses to plain values and back, with errors that name the field.

A settings file holds only what differs from the defaults. Where a field takes one of several classes (a loss,
a cue, a network), the file names it: ``{"mining": {"cue": {"kind": "DarkestCluster", "closing_um": 5}}}``.
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
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
        On an unknown field, an unknown kind or one that does not belong there, or a value of the wrong type.
    """
    if not isinstance(changes, Mapping):
        raise UsageError(f"{where}: expected an object with fields, got {changes!r}")
    changed: T = _object(settings, changes, (type(settings),), kinds, where)
    return changed


def _object(
    current: Any, changes: Mapping[str, Any], choices: tuple[Any, ...], kinds: Mapping[str, type], where: str
) -> Any:
    """Return an instance of one of `choices`: `current` changed, or another kind with its own defaults."""
    cls = _class(current, changes, choices, kinds, where)
    if type(current) is cls:
        values = {field.name: getattr(current, field.name) for field in fields(cls)}
    else:
        values = _defaults(cls)
    known = sorted(field.name for field in fields(cls))
    hints = typing.get_type_hints(cls)
    for name, value in changes.items():
        if name == "kind":
            continue
        if name not in known:
            raise UsageError(f"{where}.{name} is not a setting; {where} has {', '.join(known)}")
        values[name] = _value(values.get(name), value, hints[name], kinds, f"{where}.{name}")
    missing = [name for name in known if name not in values]
    if missing:
        raise UsageError(f"{where}: {cls.__name__} has no default for {', '.join(missing)}; give a value")
    try:
        return cls(**values)
    except ValueError as error:
        raise UsageError(f"{where}: {error}") from error


def _class(
    current: Any, changes: Mapping[str, Any], choices: tuple[Any, ...], kinds: Mapping[str, type], where: str
) -> Any:
    """Return the class that ``kind`` names, without it that of `current`, or the only one there is."""
    fitting = {name: kind for name, kind in kinds.items() if any(_fits(kind, c) for c in choices)}
    if current is not None:
        fitting[type(current).__name__] = type(current)
    default = next(iter(fitting)) if len(fitting) == 1 else None
    name = changes.get("kind", default if current is None else type(current).__name__)
    if not isinstance(name, str) or name not in fitting:
        absent = "it needs a kind" if name is None else f"there is no kind {name!r}"
        raise UsageError(f"{where}: {absent}; choose one of {', '.join(sorted(fitting))}")
    return fitting[name]


def _fits(kind: type, choice: Any) -> bool:
    """Say whether a field of type `choice` takes a `kind`: a subclass, or called as the protocol is."""
    if not _is_protocol(choice):
        return isinstance(choice, type) and issubclass(kind, choice)
    return callable(kind) and _parameters(kind) == _parameters(choice)


def _parameters(kind: type) -> list[str]:
    return list(inspect.signature(kind.__call__).parameters)


def _is_protocol(choice: Any) -> bool:
    return bool(getattr(choice, "_is_protocol", False))


def _defaults(cls: Any) -> dict[str, Any]:
    values = {}
    for field in fields(cls):
        if field.default is not MISSING:
            values[field.name] = field.default
        elif field.default_factory is not MISSING:
            values[field.name] = field.default_factory()
    return values


def _value(current: Any, value: Any, hint: Any, kinds: Mapping[str, type], where: str) -> Any:
    """Check `value` against the type of the field and return it in that type."""
    choices = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if value is None:
        if type(None) in choices:
            return None
        raise UsageError(f"{where} cannot be null")
    if isinstance(value, Mapping):
        objects = tuple(choice for choice in choices if is_dataclass(choice) or _is_protocol(choice))
        if not objects:
            raise UsageError(f"{where}: expected {_name(hint)}, got an object")
        return _object(current, value, objects, kinds, where)
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
    """Name a type as somebody who writes JSON would."""
    if isinstance(hint, types.UnionType):
        return " or ".join(_name(choice) for choice in typing.get_args(hint))
    if typing.get_origin(hint) is tuple:
        return f"a list of {_name(typing.get_args(hint)[0])}"
    return "null" if hint is type(None) else getattr(hint, "__name__", str(hint))
