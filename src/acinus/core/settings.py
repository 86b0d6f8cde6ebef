"""Settings: classes that check what they are given, plain values to write them, and changes read from a file.

A settings file holds only what differs from the defaults. Where a field takes one of several classes (a loss,
a cue, a network), ``kind`` names it: ``{"mining": {"cue": {"kind": "DarkestCluster", "closing_um": 5}}}``.

Values are checked by pydantic. The open list of kinds, and messages of one line, are ours.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, TypeVar, dataclass_transform

import pydantic
from pydantic import AliasChoices, ConfigDict, Field, GetCoreSchemaHandler, ValidationError
from pydantic.dataclasses import dataclass as validated
from pydantic_core import ArgsKwargs, CoreSchema, PydanticCustomError, core_schema

from acinus.core.errors import UsageError
from acinus.core.settings_errors import in_one_line, shown

__all__ = [
    "OneOf",
    "apply_settings",
    "formerly",
    "is_settings",
    "refuse",
    "settings_class",
    "settings_to_plain",
]

T = TypeVar("T")

_CONFIG = ConfigDict(
    extra="forbid",
    arbitrary_types_allowed=True,
    validate_by_name=True,
    validate_by_alias=True,
    loc_by_alias=False,
)


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def settings_class(cls: type[T]) -> type[T]:
    """Make a frozen dataclass that checks its fields against their types when it is made.

    A wrong value ends in a `UsageError` of one line. Relations between fields are checked in
    ``__post_init__``, which raises what `refuse` returns.

    Examples
    --------
    >>> from acinus.inference.instances import InstanceSettings  # of which the first field is a `Share`
    >>> InstanceSettings(threshold=0.4).threshold
    0.4
    >>> InstanceSettings(threshold=5)
    Traceback (most recent call last):
    ...
    acinus.core.errors.UsageError: InstanceSettings.threshold is 5; expected a number from 0 to 1
    """
    own_names: Any = classmethod(_checked_names)
    setattr(cls, "_own_names", pydantic.model_validator(mode="before")(own_names))  # noqa: B010
    made: Any = validated(frozen=True, config=_CONFIG)(cls)
    construct = made.__init__

    @functools.wraps(construct)
    def checked_init(self: Any, *args: Any, **values: Any) -> None:
        try:
            construct(self, *args, **values)
        except ValidationError as error:
            raise UsageError(in_one_line(error, made)) from None

    made.__init__ = checked_init
    checked: type[T] = made
    return checked


@dataclass(frozen=True)
class OneOf:
    """Marks a field that takes any class deriving from its type, which files choose by ``kind``.

    Attributes
    ----------
    package : str
        All its modules are imported before kinds are looked up, so that a new kind is a new file there and
        no other change. Kinds from elsewhere are known once their module is imported.
    """

    package: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return a validator that takes an object as it is and makes one from a file's content."""
        del handler
        return core_schema.no_info_plain_validator_function(
            lambda value: self._chosen(source, value),
            metadata={"pydantic_js_functions": [lambda schema, handler: {"x-one-of": source.__name__}]},
        )

    def kinds(self, family: type) -> dict[str, type]:
        """Return the classes to choose from by name, sorted."""
        package = importlib.import_module(self.package)
        for module in pkgutil.iter_modules(package.__path__, f"{self.package}."):
            importlib.import_module(module.name)
        return {kind.__name__: kind for kind in sorted(_derived(family), key=lambda kind: kind.__name__)}

    def _chosen(self, family: type, value: Any) -> Any:
        if not isinstance(value, Mapping):
            if isinstance(value, type) or not isinstance(value, family):
                raise PydanticCustomError(
                    "expected",
                    "expected {expected}",
                    {"expected": f"one of {', '.join(self.kinds(family))}, with its settings"},
                )
            return value
        name, kinds = value.get("kind"), self.kinds(family)
        if not isinstance(name, str) or name not in kinds:
            absent = "it needs a kind" if name is None else f"there is no kind {shown(name)}"
            raise PydanticCustomError(
                "wrong", "{text}", {"text": f"{absent}; choose one of {', '.join(kinds)}"}
            )
        return _validated(kinds[name], value)


def formerly(name: str) -> Any:
    """Mark a field that had another name, under which files may still give it.

    Examples
    --------
    ``neck_depth_um: Annotated[Length, formerly("parting_um")] = 10.0``
    """
    return Field(validation_alias=AliasChoices(name))


def refuse(name: str, value: Any, expected: str) -> PydanticCustomError:
    """Return the error to raise in ``__post_init__`` when a field's value does not fit that of another field.

    Parameters
    ----------
    name, value
        Of the field.
    expected : str
        The message's text after "expected".
    """
    return PydanticCustomError(
        "relation", "expected {expected}", {"name": name, "value": value, "expected": expected}
    )


def is_settings(value: Any) -> bool:
    """Say whether a value is an instance of a settings class."""
    return is_dataclass(value) and not isinstance(value, type)


def settings_to_plain(settings: Any) -> Any:
    """Turn a (nested) settings dataclass into JSON values, each dataclass with its ``kind``.

    Examples
    --------
    >>> from acinus.core.geometry import Size
    >>> settings_to_plain(Size(2, 3))
    {'kind': 'Size', 'width': 2, 'height': 3}
    """
    if is_settings(settings):
        plain = {field.name: settings_to_plain(getattr(settings, field.name)) for field in fields(settings)}
        return {"kind": type(settings).__name__, **plain}
    if isinstance(settings, tuple):
        return [settings_to_plain(value) for value in settings]
    return settings


def apply_settings(settings: T, changes: Any, *, where: str = "settings") -> T:
    """Return `settings` with the changes of a settings file.

    Parameters
    ----------
    settings : settings class
        The defaults.
    changes : mapping
        The file's content, as `settings_to_plain` writes it or less.
    where : str
        Name of the file, for messages.

    Raises
    ------
    UsageError
        On an unknown field, an unknown kind or one that does not belong there, or a value outside its limits:
        with the path in the file, what was expected and the value.
    """
    try:
        changed: T = _validated(type(settings), _laid_over(settings, changes))
    except ValidationError as error:
        raise UsageError(in_one_line(error, type(settings), file=where)) from None
    return changed


def _laid_over(current: Any, changes: Any) -> Any:
    """Return `current` as a mapping with changed values; another kind replaces what was there."""
    if not is_settings(current) or not isinstance(changes, Mapping):
        return changes
    kind = type(current).__name__
    if changes.get("kind", kind) != kind:
        return changes
    changes = _renamed(type(current), changes)
    values = {field.name: getattr(current, field.name) for field in fields(current)}
    laid = {name: _laid_over(values.get(name), value) for name, value in changes.items()}
    return {**values, **laid, "kind": kind}


def _validated(cls: Any, value: Any) -> Any:
    return pydantic.TypeAdapter(cls).validate_python(value)


def _old_names(cls: Any) -> dict[str, str]:
    """Return the names that fields had by those that they have."""
    aliases = {name: entry.validation_alias for name, entry in cls.__pydantic_fields__.items()}
    return {str(alias.choices[0]): name for name, alias in aliases.items() if isinstance(alias, AliasChoices)}


def _renamed(cls: Any, changes: Mapping[str, Any]) -> dict[str, Any]:
    old = _old_names(cls)
    return {old.get(name, name): value for name, value in changes.items()}


def _checked_names(cls: Any, data: Any) -> Any:
    """Check the kind and the names of the fields that a file gives, before their values."""
    if isinstance(data, ArgsKwargs) or not isinstance(data, Mapping):
        return data
    kind = data.get("kind", cls.__name__)
    if kind != cls.__name__:
        raise _wrong(f"there is no kind {shown(kind)}; choose one of {cls.__name__}")
    data = _renamed(cls, {name: value for name, value in data.items() if name != "kind"})
    known = [field.name for field in fields(cls)]
    for name in data:
        if name not in known:
            raise PydanticCustomError("unknown", "{name}", {"name": name, "known": known})
    return data


def _wrong(text: str) -> PydanticCustomError:
    return PydanticCustomError("wrong", "{text}", {"text": text})


def _derived(family: type) -> set[type]:
    """Return all classes below `family` that can be made, itself not included."""
    below: set[type] = set()
    children: list[type] = family.__subclasses__()
    for child in children:
        below |= {child, *_derived(child)}
    return {kind for kind in below if is_dataclass(kind) and not inspect.isabstract(kind)}
