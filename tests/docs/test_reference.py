"""The reference of the site follows the package: commands, columns, files and public names are all there."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import pytest
from docutils import nodes
from sphinx.application import Sphinx

from acinus.cli import app as command_line
from acinus.glands import COLUMNS

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "docs" / "extensions"))
import acinus_reference as reference

INDEX = """# Site

```{toctree}
reference/api/index
```

```{acinus-commands}
```

```{acinus-columns} shape
```

```{acinus-files}
```

```{acinus-settings}
```

Look into docs/other.md, or `docs/other.md`.
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small site with every directive and the page of one room, as text."""
    source = tmp_path_factory.mktemp("site")
    (source / "reference").mkdir()
    (source / "index.md").write_text(INDEX, encoding="utf-8")
    (source / "other.md").write_text("---\norphan: true\n---\n\n# Other page\n", encoding="utf-8")
    extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "acinus_reference"]
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)  # of Sphinx in its own extensions
        warnings.simplefilter("ignore", DeprecationWarning)
        patch.setattr(reference, "rooms", lambda: [reference.PACKAGE / "losses"])
        (source / "reference" / "api").mkdir()
        (source / "reference" / "api" / "gone.rst").write_text("Gone\n====\n", encoding="utf-8")
        site = Sphinx(
            source,
            None,
            source / "out",
            source / "trees",
            "text",
            confoverrides={"extensions": extensions, "default_role": "literal", "project": "site"},
            status=None,
            warning=None,
        )
        site.build()
    return source / "out"


def test_every_command_is_there_with_its_options(built):
    text = (built / "index.txt").read_text(encoding="utf-8")
    for name in command_line:
        if not name.startswith("-"):
            assert f'"acinus {name}"' in text
    assert '"--model" (required)' in text
    assert '"--origin" level0 or bounds (default level0)' in text
    assert "acinus segment tiles/ slide.svs --model model --out results" in text


def test_columns_of_the_kind_are_there_with_units_and_no_others(built):
    text = (built / "index.txt").read_text(encoding="utf-8")
    for column in COLUMNS:
        assert (f'"{column.name}"' in text) == (column.kind == "shape"), column.name
    assert "µm²" in text


def test_files_of_a_folder_of_results_are_there(built):
    text = (built / "index.txt").read_text(encoding="utf-8")
    assert "labels.png" in text


def test_settings_are_there_with_their_defaults(built):
    text = (built / "index.txt").read_text(encoding="utf-8")
    assert "[grouping]" in text
    assert "neck_depth_um" in text


def test_names_of_pages_become_links(built):
    assert "Look into docs/other.md, or docs/other.md." in (built / "index.txt").read_text(encoding="utf-8")
    found = list(reference.linked("see docs/slides.md and docs/cluster.md.", "index"))
    assert [node.astext() for node in found] == ["see ", "docs/slides.md", " and ", "docs/cluster.md", "."]
    assert [node["reftarget"] for node in found if not isinstance(node, nodes.Text)] == [
        "/slides",
        "/cluster",
    ]


def test_a_room_shows_public_names_with_formulas_and_pages_of_rooms_that_are_gone_vanish(built):
    text = (built / "reference" / "api" / "losses.txt").read_text(encoding="utf-8")
    assert "spatial_loss(" in text
    assert "arXiv 1807.06653" in text
    assert "losses" in (built / "reference" / "api" / "index.txt").read_text(encoding="utf-8")
    assert not (built / "reference" / "api" / "gone.txt").exists()


def test_every_room_but_the_command_line_has_a_page():
    names = {reference.module_name(room) for room in reference.rooms()}
    assert names >= {"acinus.core", "acinus.data.synthetic", "acinus.pipeline", "acinus.results"}
    assert "acinus.cli" not in names


def test_public_names_are_those_of_all(tmp_path):
    module = tmp_path / "module.py"
    module.write_text('import absent\n__all__ = ["one", "Two"]\nthree = 3\n', encoding="utf-8")
    assert reference.public_names(module) == ["one", "Two"]
    module.write_text("three = 3\n", encoding="utf-8")
    assert reference.public_names(module) == []


def test_names_of_files_are_constants_with_a_docstring(tmp_path):
    module = tmp_path / "files.py"
    module.write_text(
        'TABLE = "table.csv"\n"""One row\n   each."""\nPNG, TIFF = "a.png", "a.tif"\n"""A map."""\n'
        'HIDDEN = "x"\nNUMBER = 3\n"""Not a name."""\nALL = (TABLE,)\n"""All of them."""\n',
        encoding="utf-8",
    )
    assert list(reference.file_names(module)) == [
        (["table.csv"], "One row each."),
        (["a.png", "a.tif"], "A map."),
    ]


def test_a_constant_keeps_its_own_docstring_and_takes_none_of_its_type():
    constants = reference.Constants()
    lines = ["Of all: what is left."]
    constants.before(None, "data", "module.REST", {}, None, lines)
    lines[:] = ["what is left.", ":type: Of all"]  # what napoleon makes of it
    constants.after(None, "data", "module.REST", {}, None, lines)
    assert lines == ["Of all: what is left."]
    lines = (dict.__doc__ or "").splitlines()
    constants.before(None, "data", "module.NOTHING", {}, None, lines)
    constants.after(None, "data", "module.NOTHING", {}, None, lines)
    assert lines == []


def test_code_in_ticks_is_shown_as_code():
    shown = reference.plain("By ``acinus report``, see `acinus.report`.")
    assert [type(part) for part in shown.children] == [nodes.Text, nodes.literal] * 2 + [nodes.Text]
    assert shown.astext() == "By acinus report, see acinus.report."


def test_help_is_split_into_paragraphs_without_parameters():
    def verb() -> None:
        """Do it.

        Example: acinus do
        it

        Parameters
        ----------
        out
            A folder.
        """

    assert reference.help_paragraphs(verb) == ["Do it.", "Example: acinus do it"]


@pytest.mark.parametrize(
    ("name", "unit"),
    [("area_um2", "µm²"), ("max_feret_um", "µm"), ("haematoxylin_od", "OD"), ("solidity", "–")],
)
def test_the_unit_is_what_the_name_ends_in(name, unit):
    assert reference.unit_of(name) == unit


def test_values_are_documented_by_what_they_are():
    assert [reference.autodoc_kind(value) for value in (Path, KeyError, len, 3, list[int])] == [
        "class",
        "exception",
        "function",
        "data",
        "data",
    ]
