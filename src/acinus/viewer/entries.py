"""What there is to see: one entry per slide, found once at the start; only these are ever opened.

A web request names an entry; it never names a file. So no request, however it is spelled, can reach a file
that `find_entries` did not put on the list.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from acinus.core.errors import InputError
from acinus.core.naming import natural_key, plural
from acinus.results.files import RECORD, find_outlines, find_table, is_result
from acinus.results.record import ImageRecord, find_source, read_record
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
    """

    name: str
    source: Path
    root: Path
    folder: Path | None = None
    record: ImageRecord | None = None

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
        return Entries(root.name, {root.stem: Entry(name=root.stem, source=root, root=root.parent)})
    if is_result(root) and is_inside(root, root / RECORD):
        entry = _segmented(root, root)
        return Entries(root.name, {entry.name: entry})
    children = sorted(root.iterdir(), key=lambda child: natural_key(child.name))
    outside = [child for child in children if not is_inside(root, child)]
    children = [child for child in children if is_inside(root, child) and not child.name.startswith(".")]
    found, problems = _segmented_children(root, children)
    if not found:
        found = _bare_slides(root, children)
    if not found:
        hint = f" ({problems[0]})" if problems else ""
        raise InputError(
            f"{path} holds no slide and no result of acinus segment{hint}; give another folder, or a slide"
        )
    if outside:
        links = plural(len(outside), "link points", "links point")
        problems.append(f"{links} outside the folder, not shown")
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
    return found, problems


def _segmented(root: Path, folder: Path) -> Entry:
    """Return the entry of a result."""
    if not is_inside(root, folder / RECORD):
        raise InputError(f"{folder.name}/{RECORD} points outside the folder; copy it there")
    record = read_record(folder)
    source = find_source(record, folder) or folder / (record.path or record.name)
    return Entry(name=folder.name, source=source, root=root, folder=folder, record=record)


def _bare_slides(root: Path, children: list[Path]) -> list[Entry]:
    suffixes = IMAGE_SUFFIXES + SLIDE_SUFFIXES
    files = [
        child
        for child in children
        if is_slide_file(child) and (child.suffix.lower() in suffixes or is_zarr_name(child))
    ]
    stems = [file.stem for file in files]
    return [
        Entry(name=file.stem if stems.count(file.stem) == 1 else file.name, source=file, root=root)
        for file in files
    ]
