"""Reference pages made from the package itself while the site is built, so that they cannot go stale.

Directives:

- ``acinus-room NAME`` (in reStructuredText): each module of a room with its public names, from their
  docstrings; a page with it is written into ``reference/api`` for every room.
- ``acinus-commands``: each command with its options, from the command line's own help.
- ``acinus-settings``: all settings with their defaults, as ``acinus settings`` prints them.
- ``acinus-files``: the files of a folder of results, from the names in `acinus.results.files`.
- ``acinus-columns KIND``: the columns of the table of glands of one kind, from `acinus.glands.COLUMNS`.

In all text, also that of docstrings, ``docs/NAME.md`` becomes a link to that page.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable, Iterator
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import get_origin

from cyclopts import App
from docutils import nodes
from docutils.statemachine import StringList
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util.docutils import SphinxDirective

import acinus
from acinus.cli import app as command_line
from acinus.glands import COLUMNS
from acinus.pipeline.settings import described_settings

__all__ = ["Columns", "Commands", "Files", "PageLinks", "Room", "Settings", "setup"]

PACKAGE = Path(acinus.__file__).parent
UNITS = {"_um2": "µm²", "_um": "µm", "_od": "OD", "_deg": "°"}
API_INDEX = """Rooms of the package
====================

Everything with a docstring, module by module. What most programs need is in
:doc:`the Python interface </reference/python>`; the rooms are for those who change acinus or build on a
part of it. :doc:`/development` has the map of which room may import which.

{rooms}
.. toctree::
   :hidden:

{pages}"""
PAGE = re.compile(r"docs/([a-z-]+)\.md")


class Room(SphinxDirective):
    """Documents each module of a room; what the room itself exports stands under the room's name."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return a section for each module."""
        room = PACKAGE / self.arguments[0]
        exported = public_names(room / "__init__.py")
        found: list[nodes.Node] = self._documented(module_name(room), exported)
        for path in sorted(room.glob("*.py")):
            self.env.note_dependency(str(path))
            names = [name for name in public_names(path) if name not in exported]
            if path.stem != "__init__" and names:
                title = nodes.title("", "", nodes.literal("", path.stem))
                content = self._documented(f"{module_name(room)}.{path.stem}", names)
                found.append(nodes.section("", title, *content, ids=[nodes.make_id(path.stem)]))
        return found

    def _documented(self, module: str, names: Iterable[str]) -> list[nodes.Node]:
        # A module may bear the name of the function that its room exports; the function has the reference.
        lines = [f".. automodule:: {module}", "   :no-members:", "   :no-index:", ""]
        for name in names:
            kind = autodoc_kind(getattr(import_module(module), name))
            members = ["   :members:"] if kind in ("class", "exception") else []
            lines += [f".. auto{kind}:: {module}.{name}", *members, ""]
        parsed = nodes.Element()
        self.state.nested_parse(StringList(lines, source=module), 0, parsed)
        return parsed.children


class Commands(SphinxDirective):
    """Documents each command of the command line from its help."""

    def run(self) -> list[nodes.Node]:
        """Return a section for each command."""
        commands = [name for name in command_line if not name.startswith("-")]
        return [self._command(name, command_line[name]) for name in commands]

    def _command(self, name: str, command: App) -> nodes.section:
        function = command.default_command
        assert function is not None
        self.env.note_dependency(inspect.getfile(function))
        section = nodes.section(ids=[nodes.make_id(f"acinus-{name}")])
        section += nodes.title("", "", nodes.literal("", f"acinus {name}"))
        for paragraph in help_paragraphs(function):
            example = paragraph.removeprefix("Example: ")
            if example != paragraph:
                section += nodes.literal_block(example, example, language="sh")
            else:
                section += nodes.paragraph("", paragraph)
        options = nodes.definition_list(classes=["options"])
        for argument in command.assemble_argument_collection(parse_docstring=True):
            term = nodes.term("", "", nodes.literal("", ", ".join(argument.names)))
            default = argument.field_info.default
            choices = argument.get_choices()
            if choices:
                term += nodes.Text(" " + " or ".join(choices))
            if argument.required:
                term += nodes.Text(" (required)")
            elif default is not None and default is not False:
                term += nodes.Text(f" (default {default})")
            said = nodes.paragraph("", " ".join((argument.parameter.help or "").split()))
            options += nodes.definition_list_item("", term, nodes.definition("", said))
        section += options
        return section


class Columns(SphinxDirective):
    """The columns of one kind as a table: name, unit, meaning, name in QuPath."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        rows = [
            (
                nodes.literal("", column.name),
                unit_of(column.name),
                column.meaning,
                nodes.literal("", column.qupath),
            )
            for column in COLUMNS
            if column.kind == self.arguments[0]
        ]
        return [table(("column", "unit", "meaning", "in QuPath"), rows)]


class Settings(SphinxDirective):
    """All settings with their comments, as a settings file."""

    def run(self) -> list[nodes.Node]:
        """Return the file."""
        text = described_settings(None)
        return [nodes.literal_block(text, text, language="toml")]


class Files(SphinxDirective):
    """The files of a folder of results as a table: name, what is in it."""

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        source = PACKAGE / "results" / "files.py"
        self.env.note_dependency(str(source))
        rows = [
            (nodes.literal("", ", ".join(names)), plain(meaning)) for names, meaning in file_names(source)
        ]
        return [table(("file", "content"), rows)]


class PageLinks(SphinxTransform):
    """Makes links of the names of pages in text that people also read outside the site."""

    default_priority = 400

    def apply(self) -> None:
        """Replace each name by a reference, which is checked like all others."""
        for text in list(self.document.findall(nodes.Text)):
            place = text.parent.parent if isinstance(text.parent, nodes.literal) else text.parent
            inside = nodes.reference | addnodes.pending_xref | addnodes.download_reference
            if isinstance(place, inside) or isinstance(text.parent, nodes.FixedTextElement):
                continue
            whole = text.parent if isinstance(text.parent, nodes.literal) else text
            if PAGE.search(text):
                place.replace(whole, list(linked(text, self.env.docname)))


def write_room_pages(app: Sphinx) -> None:
    """Write a page for every room, and one that lists them; remove those of rooms that are gone."""
    folder = Path(app.srcdir) / "reference" / "api"
    folder.mkdir(parents=True, exist_ok=True)
    pages = {folder / f"{'-'.join(room.relative_to(PACKAGE).parts)}.rst": room for room in rooms()}
    for path, room in pages.items():
        title = module_name(room)
        write_if_changed(
            path, f"{title}\n{'=' * len(title)}\n\n.. acinus-room:: {room.relative_to(PACKAGE)}\n"
        )
    lines = [f"``{module_name(room)}``\n   {first_line(room)}\n" for room in pages.values()]
    names = "".join(f"   {path.stem}\n" for path in pages)
    write_if_changed(folder / "index.rst", API_INDEX.format(rooms="\n".join(lines), pages=names))
    for path in set(folder.glob("*.rst")) - pages.keys() - {folder / "index.rst"}:
        path.unlink()


def rooms() -> list[Path]:
    """Return the folders of all packages inside acinus that have public names, but for the command line."""
    folders = sorted(path.parent for path in PACKAGE.rglob("__init__.py"))
    return [folder for folder in folders if folder not in (PACKAGE, PACKAGE / "cli")]


def first_line(room: Path) -> str:
    """Return the first sentence of a room's docstring."""
    text = ast.get_docstring(ast.parse((room / "__init__.py").read_text(encoding="utf-8"))) or ""
    return text.split("\n\n")[0].replace("\n", " ")


def write_if_changed(path: Path, text: str) -> None:
    """Write a page, unless it is there already: its time tells Sphinx what to read again."""
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


class Constants:
    """Keeps docstrings of constants as they are written.

    Napoleon takes what stands before a colon for a type, and autodoc takes the docstring of the type where a
    constant has none of its own, such as that of dict.
    """

    def __init__(self) -> None:
        self._lines: list[str] = []

    def before(
        self, _app: Sphinx, what: str, _name: str, value: object, _options: object, lines: list[str]
    ) -> None:
        """Note the docstring before napoleon changes it."""
        inherited = (inspect.getdoc(value) or "").strip().splitlines()
        self._lines = [] if what == "data" and lines and inherited[:1] == lines[:1] else list(lines)

    def after(
        self, _app: Sphinx, what: str, _name: str, _value: object, _options: object, lines: list[str]
    ) -> None:
        """Put the docstring of a constant back."""
        if what == "data":
            lines[:] = self._lines


def linked(text: str, docname: str) -> Iterator[nodes.Node]:
    """Yield the text with links in place of the names of pages."""
    end = 0
    for match in PAGE.finditer(text):
        yield nodes.Text(text[end : match.start()])
        yield addnodes.pending_xref(
            "",
            nodes.inline("", match[0]),
            refdomain="std",
            reftype="doc",
            reftarget=f"/{match[1]}",
            refdoc=docname,
            refexplicit=True,
            refwarn=True,
        )
        end = match.end()
    yield nodes.Text(text[end:])


def help_paragraphs(function: object) -> list[str]:
    """Return the paragraphs of a command's help, without its parameters, each on one line."""
    text = inspect.getdoc(function) or ""
    described = text.split("\nParameters\n---", maxsplit=1)[0]
    return [" ".join(paragraph.split()) for paragraph in described.strip().split("\n\n")]


def public_names(path: Path) -> list[str]:
    """Return what a module lists in `__all__`, read without importing it."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and any(
            getattr(target, "id", "") == "__all__" for target in node.targets
        ):
            return list(ast.literal_eval(node.value))
    return []


def file_names(path: Path) -> Iterator[tuple[list[str], str]]:
    """Yield the names of files that a module defines, with the docstring below each definition."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    for node, below in pairwise(body):
        if (
            isinstance(node, ast.Assign)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
        ):
            leaves = list(ast.walk(node.value))
            names = [leaf.value for leaf in leaves if isinstance(leaf, ast.Constant)]
            if all(isinstance(name, str) for name in names) and not any(
                isinstance(x, ast.Name) for x in leaves
            ):
                yield names, " ".join(inspect.cleandoc(str(below.value.value)).split())


def plain(text: str) -> nodes.inline:
    """Return a sentence of a docstring with its code in single or double ticks shown as code."""
    parts = re.split(r"``?([^`]+)``?", text)
    shown = (nodes.literal("", part) if number % 2 else nodes.Text(part) for number, part in enumerate(parts))
    return nodes.inline("", "", *shown)


def module_name(room: Path) -> str:
    """Return the dotted name of a package inside acinus, given its folder."""
    return ".".join(room.relative_to(PACKAGE.parent).parts)


def autodoc_kind(value: object) -> str:
    """Return what autodoc calls a public value: class, exception, function or data.

    >>> [autodoc_kind(value) for value in (Path, KeyError, len, 3)]
    ['class', 'exception', 'function', 'data']
    """
    if isinstance(value, type) and get_origin(value) is None:
        return "exception" if issubclass(value, BaseException) else "class"
    return "function" if inspect.isroutine(inspect.unwrap(value)) else "data"


def unit_of(column: str) -> str:
    """Return the unit that a column's name ends in.

    >>> unit_of("area_um2"), unit_of("max_feret_um"), unit_of("solidity")
    ('µm²', 'µm', '–')
    """
    return next((unit for ending, unit in UNITS.items() if column.endswith(ending)), "–")


def table(titles: Iterable[str], rows: Iterable[Iterable[str | nodes.Node]]) -> nodes.table:
    """Return a table of texts and nodes."""

    def row(cells: Iterable[str | nodes.Node]) -> nodes.row:
        contents = (nodes.Text(cell) if isinstance(cell, str) else cell for cell in cells)
        return nodes.row("", *(nodes.entry("", nodes.paragraph("", "", content)) for content in contents))

    head, *body = map(row, (list(titles), *rows))
    widths = [max(len(entry.astext()) for entry in column) for column in zip(head, *body, strict=True)]
    columns = [nodes.colspec(colwidth=width + 2) for width in widths]
    parts = nodes.thead("", head), nodes.tbody("", *body)
    return nodes.table("", nodes.tgroup("", *columns, *parts, cols=len(columns)))


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx of the directives."""
    app.connect("builder-inited", write_room_pages)
    app.add_directive("acinus-room", Room)
    app.add_directive("acinus-commands", Commands)
    app.add_directive("acinus-settings", Settings)
    app.add_directive("acinus-files", Files)
    app.add_directive("acinus-columns", Columns)
    app.add_transform(PageLinks)
    constants = Constants()
    app.connect("autodoc-process-docstring", constants.before, priority=1)
    app.connect("autodoc-process-docstring", constants.after, priority=999)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
