"""The page "From the proposal to the code" names modules, classes and tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "proposal.md"

if not PAGE.exists():
    pytest.skip("the documentation is not here", allow_module_level=True)


def rows() -> list[tuple[str, str]]:
    """The last two columns of the table that goes sentence by sentence: where it is, what tests it."""
    section = PAGE.read_text(encoding="utf-8").split("## Sentence by sentence")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [(cells[-3], cells[-2]) for cells in (line.split("|") for line in lines)]


def modules(cell: str) -> list[str]:
    return re.findall(r"`([\w/]+\.py)`", cell)


def test_every_sentence_has_a_module_and_a_test_that_exist():
    assert len(rows()) == 13
    for where, tested in rows():
        named = modules(where)
        assert named
        assert [name for name in named if not (ROOT / "src" / "acinus" / name).exists()] == []
        assert [name for name in modules(tested) if not (ROOT / name).exists()] == []


def test_classes_and_settings_of_the_table_stand_in_their_modules():
    for where, _ in rows():
        files = [ROOT / "src" / "acinus" / name for name in modules(where)]
        text = "".join(file.read_text(encoding="utf-8") for file in files)
        for name in re.findall(r"`([A-Z]\w+)`", where):
            assert f"class {name}" in text, name


def test_named_tests_are_functions_of_the_named_files():
    for _, tested in rows():
        for start in re.findall(r"`(test_\w+?)(?:_…)?`", tested):
            [file] = modules(tested)
            assert f"def {start}" in (ROOT / file).read_text(encoding="utf-8"), start
