"""Settings files as text: what is read, and what is printed for people and for editors."""

from __future__ import annotations

import json
import tomllib
from dataclasses import field
from pathlib import Path
from typing import Annotated, Literal

import pytest

from acinus.core.errors import UsageError
from acinus.core.limits import Count, Counts, Flag, Limits, Name, Share, Switch
from acinus.core.settings import apply_settings, settings_class
from acinus.core.settings_file import commented_toml, json_schema, read_settings_file


@settings_class
class Lid:
    """A lid.

    Attributes
    ----------
    tight : bool
        Whether ``nothing`` gets out.
    """

    tight: Flag = True


@settings_class
class Jar:
    """A jar.

    Attributes
    ----------
    name : str
        What is written on it.
    fill, sugar : float
        Shares: of the jar, and
        of the jam.
    sizes : tuple of int
        In ml.
    shape : {"round", "square"}
        Seen from above.
    lid : Lid or None
        Closes it.
    """

    name: Name = 'plum "µ"\n'
    fill: Share = 0.9
    sugar: Share = 1e-05
    sizes: Counts = (100, 250)
    shape: Annotated[Literal["round", "square"], Limits()] = "round"
    lid: Annotated[Lid | None, Switch] = field(default_factory=Lid)


@settings_class
class Shelf:
    """A shelf.

    Attributes
    ----------
    jar : Jar
        The only one on it.
    boards : int
        Of wood.
    """

    jar: Jar = field(default_factory=Jar)
    boards: Count = 3


def test_values_come_before_tables_each_below_its_comment():
    assert commented_toml(Shelf()).splitlines() == [
        "# Of wood. Takes a whole number of at least 1.",
        "boards = 3",
        "",
        "# The only one on it.",
        "[jar]",
        "# What is written on it. Takes a text.",
        'name = "plum \\"µ\\"\\n"',
        "",
        "# Shares: of the jar, and of the jam. Takes a number from 0 to 1.",
        "fill = 0.9",
        "",
        "# Takes a number from 0 to 1.",
        "sugar = 1e-05",
        "",
        "# In ml. Takes a list of one or more whole numbers of at least 1.",
        "sizes = [100, 250]",
        "",
        "# Seen from above. Takes one of round, square.",
        'shape = "round"',
        "",
        "# Closes it.",
        "[jar.lid]",
        "# In place of this table, lid = false leaves it out.",
        "# Whether nothing gets out. Takes true or false.",
        "tight = true",
    ]


@pytest.mark.parametrize(
    "shelf", [Shelf(), Shelf(Jar(lid=None, name="\\ # = [x]"), 1), Shelf(Jar(sizes=[7]))]
)  # type: ignore[arg-type]
def test_what_is_printed_is_read_back(shelf: Shelf):
    printed = tomllib.loads(commented_toml(shelf))
    assert apply_settings(Shelf(boards=99), printed) == shelf


def test_what_is_left_out_is_false():
    assert "# Closes it. Takes the settings of Lid or false.\nlid = false" in commented_toml(Jar(lid=None))


def test_the_schema_has_limits_defaults_and_comments_and_demands_nothing():
    schema = json_schema(Shelf())
    assert schema["properties"]["boards"] == {
        "type": "integer",
        "minimum": 1,
        "default": 3,
        "title": "Boards",
        "description": "Of wood.",
    }
    jar = schema["$defs"]["Jar"]
    assert jar["properties"]["fill"]["maximum"] == 1.0
    assert jar["properties"]["sugar"]["description"] == "Shares: of the jar, and of the jam."
    assert jar["properties"]["shape"]["enum"] == ["round", "square"]
    assert jar["properties"]["kind"] == {"const": "Jar"}
    assert set(schema["$defs"]) == {"Jar", "Lid"}
    assert "required" not in json.dumps(schema)


def test_the_schema_that_a_file_names_is_no_setting(tmp_path: Path):
    (tmp_path / "mine.json").write_text('{"$schema": "./acinus.schema.json", "boards": 2}')
    assert read_settings_file(tmp_path / "mine.json") == {"boards": 2}
    assert "$schema" in json_schema(Shelf())["properties"]


@pytest.mark.parametrize(
    ("name", "content", "plain"),
    [
        ("a.json", b"{}", {}),
        ("a.json", b"[1]", [1]),
        ("a.toml", b"", {}),
        ("a.TOML", b"x = 1", {"x": 1}),
        ("a.txt", b'{"x": 1}', {"x": 1}),
    ],
)
def test_names_that_end_in_toml_are_toml_all_others_json(
    tmp_path: Path, name: str, content: bytes, plain: object
):
    (tmp_path / name).write_bytes(content)
    assert read_settings_file(tmp_path / name) == plain


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.json", b"{", "is not JSON"),
        ("a.json", b"\xff", "is not JSON"),
        ("a.toml", b"x = ", "is not TOML"),
        ("a.toml", b"x = 1\nx = 2", "is not TOML"),
        ("a.toml", b"\xff", "is not TOML"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_in_one_line(
    tmp_path: Path, name: str, content: bytes, reason: str
):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=f"{name} {reason}") as caught:
        read_settings_file(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_file_of_another_format_is_told_what_is_read(tmp_path: Path):
    (tmp_path / "mine.yaml").write_text("grouping:\n  steps: 3\n")
    with pytest.raises(UsageError, match=r"mine\.yaml is neither .*; --settings takes a JSON or TOML file"):
        read_settings_file(tmp_path / "mine.yaml")


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    for path in (tmp_path / "no.toml", tmp_path):
        with pytest.raises(UsageError, match=r"cannot be read .*; --settings takes a JSON or TOML file"):
            read_settings_file(path)
