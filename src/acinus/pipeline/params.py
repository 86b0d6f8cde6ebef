"""Parameters of the estimator in scikit-learn's way: nested ones by ``stage__field``, and short to read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from acinus.core.errors import UsageError
from acinus.core.settings import apply_settings, is_settings

__all__ = ["changed_fields", "flattened", "with_params"]


def flattened(name: str, settings: Any) -> Iterator[tuple[str, Any]]:
    """Yield all fields of a settings class, and those of the classes in it, as ``name__field``.

    Examples
    --------
    >>> from acinus.core.geometry import Size
    >>> dict(flattened("size", Size(2, 3)))
    {'size__width': 2, 'size__height': 3}
    """
    for field in fields(settings):
        value = getattr(settings, field.name)
        yield f"{name}__{field.name}", value
        if is_settings(value):
            yield from flattened(f"{name}__{field.name}", value)


def with_params(current: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters with changes, of which ``stage__field`` reach into a settings class.

    Raises
    ------
    UsageError
        When there is no such parameter, or its value lies outside its limits.
    """
    changed = dict(current)
    for name, value in changes.items():
        stage, *path = name.split("__")
        if stage not in changed:
            raise UsageError(f"{stage} is not a parameter; there are {', '.join(sorted(changed))}")
        if not path:
            changed[stage] = value
        elif is_settings(changed[stage]):
            changed[stage] = apply_settings(changed[stage], _nested(path, value), where=stage)
        else:
            raise UsageError(f"{name} is not a parameter; {stage} has no fields")
    return changed


def changed_fields(settings: Any) -> str:
    """Return a settings class as code would make it, without the fields that have their defaults.

    Examples
    --------
    >>> from acinus.inference.instances import InstanceSettings
    >>> changed_fields(InstanceSettings(threshold=0.4)), changed_fields(InstanceSettings())
    ('InstanceSettings(threshold=0.4)', 'InstanceSettings()')
    """
    if not is_settings(settings):
        return repr(settings)
    try:
        default = type(settings)()
    except UsageError:  # fields without a default
        return repr(settings)
    values = ((field.name, getattr(settings, field.name)) for field in fields(settings))
    shown = [f"{name}={changed_fields(value)}" for name, value in values if value != getattr(default, name)]
    return f"{type(settings).__name__}({', '.join(shown)})"


def _nested(path: list[str], value: Any) -> dict[str, Any]:
    head, *rest = path
    return {head: _nested(rest, value) if rest else value}
