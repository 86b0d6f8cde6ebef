"""What there is to see: one entry per slide, found once at the start; only these are ever opened.

A web request names an entry; it never names a file. So no request, however it is spelled, can reach a file
that `find_entries` did not put on the list.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acinus.core.errors import InputError
from acinus.core.files import is_there, read_json
from acinus.core.geometry import origin_of
from acinus.slides.opening import IMAGE_SUFFIXES, SLIDE_SUFFIXES

__all__ = ["Entries", "Entry", "find_entries", "is_inside"]

_GLANDS = ("glands.geojson", "glands.geojson.gz")
_TABLES = ("glands.parquet", "glands.csv")


@dataclass(frozen=True)
class Entry:
    """One slide of the list.

    Attributes
    ----------
    name : str
        Unique in the list; the only thing a request can say.
    source : Path
        The slide or image. For a segmented slide the file that ``image.json`` recorded, wherever it lies.
    root : Path
        The resolved folder that was given (for a single slide the folder it lies in).
    folder : Path or None
        Where the results lie and marks are kept; None for a bare slide.
    size_px : (int, int) or None
        Width and height at level 0 as recorded, used when the source is gone or of another size.
    mpp : float or None
        µm per pixel as recorded.
    origin_px : (float, float)
        Level-0 x, y of the point from which the recorded outlines count.
    """

    name: str
    source: Path
    root: Path
    folder: Path | None = None
    size_px: tuple[int, int] | None = None
    mpp: float | None = None
    origin_px: tuple[float, float] = (0.0, 0.0)

    def result(self, *names: str) -> Path | None:
        """Return the first of these files in the folder that exists and does not lead out of the root."""
        if self.folder is None:
            return None
        candidates = (self.folder / name for name in names)
        return next((path for path in candidates if path.is_file() and is_inside(self.root, path)), None)

    @property
    def glands_file(self) -> Path | None:
        """The outlines, None where there are none."""
        return self.result(*_GLANDS)

    @property
    def table_file(self) -> Path | None:
        """The table of statistics, None where there is none."""
        return self.result(*_TABLES)


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
    if root.is_file():
        return Entries(root.name, {root.stem: Entry(name=root.stem, source=root, root=root.parent)})
    if (root / "image.json").is_file() and is_inside(root, root / "image.json"):
        entry = _segmented(root, root)
        return Entries(root.name, {entry.name: entry})
    children = sorted(root.iterdir(), key=_natural)
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
        problems.append(f"{len(outside)} links lead out of the folder and are not shown")
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
        if not child.is_dir() or not (child / "image.json").is_file():
            continue
        try:
            found.append(_segmented(root, child))
        except InputError as error:
            problems.append(str(error))
    return found, problems


def _segmented(root: Path, folder: Path) -> Entry:
    """Read one ``image.json``."""
    file = folder / "image.json"
    if not is_inside(root, file):
        raise InputError(f"{folder.name}/image.json leads out of the folder; copy it there")
    try:
        image: dict[str, Any] = read_json(file)
        size = (int(image["width_px"]), int(image["height_px"]))
        mpp = None if image.get("mpp") is None else float(image["mpp"])
        source = Path(str(image["path"]))
        origin_px = origin_of(image)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder.name}/image.json cannot be read ({error!r}); segment again") from error
    if min(size) < 1:
        raise InputError(f"{folder.name}/image.json says {size[0]} × {size[1]} px; segment again")
    if not source.is_absolute():
        places = (folder, root, Path.cwd())  # beside the result, in the run, where the command was started
        source = next((place / source for place in places if is_there(place / source)), folder / source)
    return Entry(
        name=folder.name,
        source=source,
        root=root,
        folder=folder,
        size_px=size,
        mpp=mpp,
        origin_px=origin_px,
    )


def _bare_slides(root: Path, children: list[Path]) -> list[Entry]:
    suffixes = IMAGE_SUFFIXES + SLIDE_SUFFIXES
    files = [child for child in children if child.is_file() and child.suffix.lower() in suffixes]
    stems = [file.stem for file in files]
    return [
        Entry(name=file.stem if stems.count(file.stem) == 1 else file.name, source=file, root=root)
        for file in files
    ]


def _natural(path: Path) -> list[tuple[int, str]]:
    """Sort slide_10 after slide_9."""
    parts = re.findall(r"\d+|\D+", path.name.lower())
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]
