"""The measures of the code's layout count what they say."""

from __future__ import annotations

import grimp
import pytest

from .script import ROOT, script


@pytest.fixture(scope="module")
def rooms():
    return script("benchmarks/rooms.py")


def test_functions_are_counted_with_their_docstring_and_inner_functions_on_their_own(rooms, tmp_path):
    module = tmp_path / "module.py"
    code = 'def one():\n    """Say."""\n    def two():\n        pass\n\n\nasync def three(): ...\n'
    module.write_text(code, encoding="utf-8")
    assert sorted(rooms.function_lengths(module)) == [1, 2, 4]
    assert rooms.count_lines(module) == 7


def test_the_longest_chain_takes_the_long_way_round(rooms):
    graph = grimp.ImportGraph()
    for importer, imported in [("a", "b"), ("b", "c"), ("c", "d"), ("a", "d"), ("e", "c")]:
        graph.add_import(importer=importer, imported=imported)
    assert rooms.longest_chain(graph) == ("a", "b", "c", "d")


def test_a_circle_of_imports_ends(rooms):
    graph = grimp.ImportGraph()
    for importer, imported in [("a", "b"), ("b", "a")]:
        graph.add_import(importer=importer, imported=imported)
    assert len(rooms.longest_chain(graph)) == 2


def test_the_package_has_the_rooms_that_the_documentation_lists(rooms, capsys):
    rooms.main()
    printed = capsys.readouterr().out
    page = (ROOT / "docs" / "development.md").read_text(encoding="utf-8")
    for folder in rooms.PACKAGE.iterdir():
        if (folder / "__init__.py").is_file():
            assert f"| `{folder.name}` |" in printed
            assert f"`{folder.name}`" in page
    assert "longest import chain: " in printed
