"""What there is to see: one entry per slide, found once at the start; only these are ever opened.

A web request names an entry; it never names a file. So no request, however it is spelled, can reach a file
that `find_entries` did not put on the list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from acinus.core.errors import InputError
from acinus.core.naming import is_text, natural_key, plural
from acinus.results.files import (
    GLANDS_CSV,
    RECORD,
    find_artefacts,
    find_outlines,
    find_table,
    is_result,
)
from acinus.results.record import ImageRecord, find_source, read_record
from acinus.results.tables import table_problem
from acinus.slides.opening import IMAGE_SUFFIXES, SLIDE_SUFFIXES
from acinus.slides.zarr_files import is_slide_file, is_zarr_name

__all__ = ["Entries", "Entry", "find_entries", "is_inside"]


@dataclass(frozen=True)
class Entry:
    """One slide of the list.

    Attributes
    ----------
    name : str
        Unique in the list; the only thing a request can say.
    source : Path
        The slide or image. For a segmented slide the file that its record names, wherever it lies.
    root : Path
        The resolved folder that was given (for a single slide the folder it lies in).
    folder : Path or None
        Where the results lie and marks are kept; None for a bare slide.
    record : ImageRecord or None
        Of the results: its size and resolution are used when the source is gone or of another size.
    link : Path or None
        Of a bare slide in a folder: the file or link by which it was found.
    problem : str or None
        What is wrong with its table at first sight.
    """

    name: str
    source: Path
    root: Path
    folder: Path | None = None
    record: ImageRecord | None = None
    link: Path | None = None
    problem: str | None = None

    @property
    def mpp(self) -> float | None:
        """µm per pixel as recorded."""
        return self.record.mpp if self.record else None

    @property
    def unfamiliar(self) -> dict[str, str]:
        """Why the model may know nothing of it, as recorded."""
        return self.record.unfamiliar if self.record else {}

    @property
    def glands_file(self) -> Path | None:
        """The outlines, None where there are none or where they lead out of the root."""
        return self._inside(find_outlines)

    @property
    def artefacts_file(self) -> Path | None:
        """Outlines of what was left out, None where there are none or where they lead out of the root."""
        return self._inside(find_artefacts)

    @property
    def table_file(self) -> Path | None:
        """The table of statistics, None where there is none or where it leads out of the root."""
        return self._inside(find_table)

    def _inside(self, find: Callable[[Path], Path | None]) -> Path | None:
        file = None if self.folder is None else find(self.folder)
        return file if file is not None and is_inside(self.root, file) else None


@dataclass(frozen=True)
class Entries:
    """The list of slides, in natural order, and what was left out of it, in words."""

    title: str
    by_name: dict[str, Entry]
    notices: tuple[str, ...] = ()


def find_entries(path: Path) -> Entries:
    """List the slides of a folder that ``acinus segment`` wrote, of a folder of slides, or a single slide.

    Parameters
    ----------
    path : Path
        ``DIR`` with ``<stem>/image.json`` in it, one such ``<stem>`` folder, a folder of slides or images
        (not searched below its first level), or one slide or image.

    Raises
    ------
    InputError
        When it does not exist or holds nothing that can be shown.
    """
    if not path.exists():
        raise InputError(f"{path} does not exist; check the path")
    root = path.resolve()
    if is_slide_file(root):
        name = path.stem  # of a link its own, not that of the file it leads to
        if not is_text(name):
            raise InputError(f"{path} has a name that is not UTF-8; rename it")
        return Entries(path.name, {name: Entry(name=name, source=root, root=root.parent)})
    if is_result(root) and is_inside(root, root / RECORD):
        entry = _segmented(root, root)
        return Entries(root.name, {entry.name: entry}, (entry.problem,) if entry.problem else ())
    visible = [child for child in root.iterdir() if not child.name.startswith(".")]
    children = sorted((c for c in visible if is_text(c.name)), key=lambda child: natural_key(child.name))
    found, problems = _segmented_children(root, [child for child in children if is_inside(root, child)])
    if not found:
        found = _bare_slides(root, children)
    shown = {entry.link for entry in found}
    problems += _left_out(root, visible, shown)
    if not found:
        hint = f" ({problems[0]})" if problems else ""
        raise InputError(
            f"{path} holds no slide and no result of acinus segment{hint}; give another folder, or a slide"
        )
    return Entries(root.name, {entry.name: entry for entry in found}, tuple(problems))


def is_inside(root: Path, path: Path) -> bool:
    """Whether a path, all links followed, lies in the resolved folder `root`."""
    try:
        return path.resolve(strict=True).is_relative_to(root)
    except (OSError, RuntimeError):  # gone, forbidden, or links in a circle
        return False


def _segmented_children(root: Path, children: list[Path]) -> tuple[list[Entry], list[str]]:
    found: list[Entry] = []
    problems: list[str] = []
    for child in children:
        if not is_result(child):
            continue
        try:
            found.append(_segmented(root, child))
        except InputError as error:
            problems.append(str(error))
    problems += [entry.problem for entry in found if entry.problem is not None]
    return found, problems


def _segmented(root: Path, folder: Path) -> Entry:
    """Return the entry of a result."""
    if not is_inside(root, folder / RECORD):
        raise InputError(f"{folder.name}/{RECORD} points outside the folder; copy it there")
    record = read_record(folder)
    source = find_source(record, folder) or folder / (record.path or record.name)
    table = folder / GLANDS_CSV
    inside = is_inside(root, table)  # what lies elsewhere is not looked at
    problem = table_problem(table, gland_count=record.gland_count) if inside else None
    return Entry(name=folder.name, source=source, root=root, folder=folder, record=record, problem=problem)


def _bare_slides(root: Path, children: list[Path]) -> list[Entry]:
    """Return the entries of slides and of links to slides, wherever these lie.

    Where a link leads is settled here: one that is changed later shows nothing else.
    """
    files = [child for child in children if _is_slide(child) and _is_slide(child.resolve())]
    stems = [file.stem for file in files]
    return [
        Entry(
            name=file.stem if stems.count(file.stem) == 1 else file.name,
            source=file if is_inside(root, file) else file.resolve(),
            root=root,
            link=file,
        )
        for file in files
    ]


def _is_slide(path: Path) -> bool:
    named = path.suffix.lower() in IMAGE_SUFFIXES + SLIDE_SUFFIXES or is_zarr_name(path)
    return named and is_slide_file(path)


def _left_out(root: Path, visible: list[Path], shown: set[Path | None]) -> Iterator[str]:
    """Yield one line for each kind of entry that is not shown and was perhaps meant to be."""
    links = [child for child in visible if child not in shown and not is_inside(root, child)]
    nowhere = [link for link in links if not link.exists()]
    for count, one, several in (
        (len(nowhere), "link leads nowhere", "links lead nowhere"),
        (len(links) - len(nowhere), "link points outside the folder", "links point outside the folder"),
        (
            sum(not is_text(child.name) for child in visible),
            "entry has a name that is not UTF-8",
            "entries have names that are not UTF-8",
        ),
    ):
        if count:
            yield f"{plural(count, one, several)}, not shown"
