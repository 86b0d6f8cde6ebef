"""Marks: a person's verdict on a gland, right or wrong; kept beside the result, exported to QuPath."""

from __future__ import annotations

import itertools
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

import orjson
import shapely

from acinus.core.errors import InputError, OutputError
from acinus.core.files import read_json, write_json
from acinus.core.user import user_name
from acinus.results.files import MARKS
from acinus.viewer.entries import is_inside
from acinus.viewer.layer import GlandLayer

__all__ = ["Mark", "Marks", "as_mark"]

Mark = Literal["right", "wrong"]

_COLOURS: dict[Mark, list[int]] = {"right": [46, 125, 50], "wrong": [198, 40, 40]}


def as_mark(value: object) -> Mark:
    """Return a value that came from outside as a mark.

    Raises
    ------
    InputError
        When it is anything else.

    Examples
    --------
    >>> as_mark("wrong")
    'wrong'
    """
    for mark in get_args(Mark):
        if value == mark:
            known: Mark = mark
            return known
    raise InputError(f"a mark is right or wrong, not {str(value)[:40]!r}")


class Marks:
    """The marks of one slide, in ``marks.json`` in its result folder.

    The file names the outlines it speaks of by their checksum. After the slide was segmented anew the old
    marks could point at other glands: they are then set aside as ``marks-<checksum>.json`` and a new file is
    begun.
    """

    def __init__(self, folder: Path, *, root: Path, digest: str) -> None:
        self._file = folder / MARKS
        self._root = root
        self._digest = digest
        self._lock = threading.Lock()
        self._marks, aside = self._load()
        self._stale = None if aside is None else self._file  # until a new mark sets it aside

    @property
    def notice(self) -> str | None:
        """What the user should know of older marks, or None."""
        if self._stale is None:
            return None
        return f"marks of an earlier segmentation are in {self._stale.name}"

    def all(self) -> dict[str, Mark]:
        """Return the mark of every marked gland by id."""
        with self._lock:
            return {gland_id: as_mark(record["mark"]) for gland_id, record in self._marks.items()}

    def set(self, gland_id: str, mark: Mark | None) -> None:
        """Mark a gland, or take its mark away; the file is replaced as a whole.

        Raises
        ------
        OutputError
            When the file cannot be written, or has become unreadable since; the marks are then as before.
        """
        with self._lock:
            if not is_inside(self._root, self._file.parent):
                raise OutputError(f"{self._file.parent} points outside the folder; no mark is written there")
            try:
                marks, aside = self._load()  # another viewer, or a person, may have written meanwhile
            except InputError as error:
                raise OutputError(f"{error}; no mark is written") from error
            marks.pop(gland_id, None)
            if mark is not None:
                now = datetime.now(UTC).isoformat(timespec="seconds")
                marks[gland_id] = {"mark": mark, "at": now, "by": user_name()}
            if aside is not None:
                self._stale = self._file.rename(_free_name(aside))
            write_json(self._file, {"version": 1, "outlines_sha256": self._digest, "marks": marks})
            self._marks = marks

    def geojson(self, layer: GlandLayer) -> bytes:
        """Return the marked glands as a FeatureCollection that QuPath opens by drag and drop.

        They are annotations (which can be edited by hand), classified ``Right`` or ``Wrong``, and count from
        where the file of the outlines does.
        """
        features = [
            _feature(layer, layer.index_of[i], mark) for i, mark in self.all().items() if i in layer.index_of
        ]
        return orjson.dumps({"type": "FeatureCollection", "features": features})

    def _load(self) -> tuple[dict[str, dict[str, Any]], Path | None]:
        """Return the marks, and where to set the file aside if it speaks of other outlines."""
        if not self._file.exists():
            return {}, None
        if not is_inside(self._root, self._file):
            raise InputError(f"{self._file.name} points outside the folder; remove the link")
        try:
            kept = read_json(self._file)
            marks = {
                str(i): {"mark": as_mark(r["mark"]), "at": r.get("at"), "by": r.get("by")}
                for i, r in kept["marks"].items()
            }
            digest = str(kept["outlines_sha256"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError, InputError) as error:
            raise InputError(f"{self._file} cannot be read ({error}); rename it to start afresh") from error
        if digest != self._digest:
            return {}, self._file.with_name(f"marks-{digest[:8]}.json")
        return marks, None


def _free_name(path: Path) -> Path:
    """Return the path, or the first of ``<stem>-2``, ``<stem>-3`` … that is not taken."""
    numbered = (path.with_name(f"{path.stem}-{number}{path.suffix}") for number in itertools.count(2))
    return path if not path.exists() else next(other for other in numbered if not other.exists())


def _feature(layer: GlandLayer, index: int, mark: Mark) -> dict[str, Any]:
    described = layer.describe(index)
    names = [statistic.key for statistic in layer.statistics]
    measured = zip(names, described["numbers"], strict=True)
    outline = shapely.orient_polygons(layer.glands.outlines[index])
    if layer.glands.origin_px != (0.0, 0.0):
        outline = shapely.transform(outline, lambda xy: xy - layer.glands.origin_px)
    return {
        "type": "Feature",
        "id": described["id"],
        "geometry": orjson.loads(shapely.to_geojson(outline)),
        "properties": {
            "objectType": "annotation",
            "name": described["name"],
            "classification": {"name": mark.capitalize(), "color": _COLOURS[mark]},
            "measurements": {name: number for name, number in measured if number is not None},
            "isLocked": False,
        },
    }
