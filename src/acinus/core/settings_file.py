"""Settings files: JSON or TOML is read, commented TOML and a JSON schema for editors are written."""

from __future__ import annotations

import json
import re
import tomllib
import typing
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import orjson
import pydantic
from docstring_parser import numpydoc

from acinus.core.errors import UsageError
from acinus.core.limits import expected
from acinus.core.settings import OneOf, is_settings

__all__ = ["commented_toml", "json_schema", "read_settings_file"]

_WIDTH = 110


def read_settings_file(path: Path) -> Any:
    """Return the content of a settings file: TOML where its name ends in ``.toml``, else JSON.

    Raises
    ------
    UsageError
        When the file is missing or is neither.
    """
    format_name = "TOML" if path.suffix.lower() == ".toml" else "JSON"
    try:
        content = path.read_bytes()
        plain = tomllib.loads(content.decode()) if format_name == "TOML" else orjson.loads(content)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read ({error.strerror}); --settings takes a JSON or TOML file"
        ) from error
    except ValueError as error:  # of both parsers, and of text that is not UTF-8
        reason = " ".join(str(error).split())
        named = path.suffix.lower() in (".toml", ".json")
        what = f"is not {format_name} ({reason})" if named else "is neither .toml nor .json, nor JSON within"
        raise UsageError(f"{path} {what}; --settings takes a JSON or TOML file") from error
    if isinstance(plain, dict):
        plain.pop("$schema", None)  # by which editors find the schema
    return plain


def commented_toml(settings: Any) -> str:
    r"""Return settings as TOML, each field with its comment: what it is, its unit and source, and its limits.

    Parameters
    ----------
    settings : settings class
        Its comments are the ``Attributes`` of the docstrings.

    Examples
    --------
    >>> from acinus.inference.instances import InstanceSettings
    >>> print("\n".join(commented_toml(InstanceSettings()).splitlines()[:2]))
    # Probability from which a pixel is gland. Takes a number from 0 to 1.
    threshold = 0.5
    """
    return "\n".join(_table(settings, path="")).strip()


def _table(settings: Any, *, path: str) -> Iterator[str]:
    """Yield the lines of a table: its values, then the tables in it."""
    comments, hints = _comments(type(settings)), typing.get_type_hints(type(settings), include_extras=True)
    tables = []
    said: set[str] = set()
    for field in fields(settings):
        name, value = field.name, getattr(settings, field.name)
        if is_settings(value):
            tables.append((name, value, _kinds(hints[name])))
            continue
        comment = comments.get(name, "")
        # What one entry of the docstring says of several fields stands above the first of them.
        yield from _wrapped(f"{'' if comment in said else comment} Takes {expected(hints[name])}.")
        said.add(comment)
        yield f"{name} = {_toml(value)}"
        yield ""
    for name, value, kinds in tables:
        place = f"{path}.{name}" if path else name
        yield from _wrapped(comments.get(name, ""))
        yield f"[{place}]"
        if kinds:
            yield from _wrapped(f"Takes one of {', '.join(kinds)}, each with settings of its own.")
            yield f'kind = "{type(value).__name__}"'
            yield ""
        elif expected(hints[name]).endswith("false"):
            yield from _wrapped(f"In place of this table, {name} = false leaves it out.")
        yield from _table(value, path=place)


def json_schema(settings: Any) -> dict[str, Any]:
    """Return the JSON schema of a settings file, for editors that check and complete.

    Parameters
    ----------
    settings : settings class
        The defaults.
    """
    definitions: dict[str, Any] = {}
    _define(type(settings), definitions)
    root = definitions.pop(type(settings).__name__)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Settings of acinus fit",
        "type": "object",
        "properties": {"$schema": {"type": "string"}, **root["properties"]},
        "additionalProperties": False,
        "$defs": dict(sorted(definitions.items())),
    }


def _define(cls: Any, definitions: dict[str, Any]) -> None:
    """Add the schema of a settings class, and of all classes that its fields may hold."""
    if cls.__name__ in definitions:
        return
    own = pydantic.TypeAdapter(cls).json_schema(by_alias=False)
    own.pop("$defs", None)
    definitions[cls.__name__] = own
    own.pop("required", None)  # a file holds only what differs
    comments, hints = _comments(cls), typing.get_type_hints(cls, include_extras=True)
    for name, schema in own.get("properties", {}).items():
        kinds = _kinds(hints[name])
        if kinds:
            schema.pop("x-one-of", None)
            schema["anyOf"] = [{"$ref": f"#/$defs/{kind}"} for kind in kinds]
        for kind in kinds.values():
            _define(kind, definitions)
        for inner in _classes_in(hints[name]):
            _define(inner, definitions)
        schema["description"] = comments.get(name, "") or schema.get("description", "")
    own.setdefault("properties", {})["kind"] = {"const": cls.__name__}
    own["additionalProperties"] = False


def _kinds(hint: Any) -> dict[str, type]:
    """Return the classes that a field takes by name, none when it is not one of several."""
    marks = [mark for mark in getattr(hint, "__metadata__", ()) if isinstance(mark, OneOf)]
    return marks[0].kinds(hint.__origin__) if marks else {}


def _classes_in(hint: Any) -> Iterator[type]:
    """Yield the settings classes in a type."""
    if pydantic.dataclasses.is_pydantic_dataclass(hint):
        yield hint
    for inner in typing.get_args(hint):
        if isinstance(inner, type) or typing.get_args(inner):
            yield from _classes_in(inner)


def _comments(cls: type) -> dict[str, str]:
    """Return the docstring's text for each attribute, in one line without markup."""
    found = {}
    for entry in numpydoc.parse(cls.__doc__ or "").params:
        for name in entry.arg_name.split(","):
            found[name.strip()] = re.sub(r"`+", "", " ".join((entry.description or "").split()))
    return found


def _wrapped(text: str) -> Iterator[str]:
    line = "#"
    for word in text.split():
        if len(line) + len(word) >= _WIDTH:
            yield line
            line = "#"
        line += f" {word}"
    if line != "#":
        yield line


def _toml(value: Any) -> str:
    """Return a value of a settings class as TOML, which reads JSON's texts, numbers and lists."""
    if value is None:
        return "false"
    return json.dumps(value, ensure_ascii=False)
