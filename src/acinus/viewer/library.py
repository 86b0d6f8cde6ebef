"""The slides behind the page: opened when first looked at, closed when long not looked at."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass
from typing import Any

import shapely

from acinus.core.cache import LruCache
from acinus.core.errors import InputError
from acinus.core.files import is_there
from acinus.results.artefacts import areas_in_words, read_artefacts
from acinus.results.outlines import read_glands
from acinus.viewer.deepzoom import TILE_PX, BlankSlide, OpenedSlide, encode_jpeg
from acinus.viewer.entries import Entries, Entry
from acinus.viewer.layer import GlandLayer
from acinus.viewer.marks import Marks

__all__ = ["Library", "MarkedGlands", "UnknownSlideError"]

_OPEN_SLIDES = 6
_GLAND_LAYERS = 3  # a layer of 50,000 glands holds about 200 MB
_TILE_BYTES = 64_000_000
_THUMBNAIL_PX = 160


class UnknownSlideError(InputError):
    """A request named a slide, gland or tile that is not there."""


@dataclass(frozen=True)
class MarkedGlands:
    """A slide's glands together with their marks."""

    layer: GlandLayer
    marks: Marks


class Library:
    """Everything the page asks for, by the names of `Entries`; safe to use from several threads."""

    def __init__(self, entries: Entries) -> None:
        self.entries = entries
        self.session = secrets.token_hex(4)  # in the addresses of tiles: a browser may keep them for so long
        self._slides = LruCache[str, OpenedSlide | BlankSlide](
            limit=_OPEN_SLIDES, discard=lambda slide: slide.close()
        )
        self._glands = LruCache[str, MarkedGlands](limit=_GLAND_LAYERS)
        self._tiles = LruCache[tuple[str, int, int, int], bytes](limit=_TILE_BYTES, weigh=len)
        self._opening = {name: threading.Lock() for name in entries.by_name}
        self._reading = {name: threading.Lock() for name in entries.by_name}  # tiles need not wait for glands

    def tile(self, name: str, *, level: int, column: int, row: int) -> bytes:
        """Return a tile as JPEG.

        Raises
        ------
        UnknownSlideError
            When there is no such slide or tile.
        InputError
            When the file cannot be read.
        """
        key = (name, level, column, row)
        held = self._tiles.get(key)
        if held is not None:
            return held
        slide = self.slide(name)
        box = slide.zoom.box(level=level, column=column, row=row)
        if box is None:
            raise UnknownSlideError(f"{name} has no tile {column}, {row} at level {level}")
        made = encode_jpeg(slide.tile(level, box))
        self._tiles.put(key, made)
        return made

    def thumbnail(self, name: str) -> bytes:
        """Return a small picture of the whole slide as JPEG."""
        key = (name, -1, 0, 0)
        held = self._tiles.get(key)
        if held is None:
            held = encode_jpeg(self.slide(name).overview(), largest_px=_THUMBNAIL_PX)
            self._tiles.put(key, held)
        return held

    def describe(self, name: str) -> dict[str, Any]:
        """Return what the page needs to show a slide: its grid, its resolution, notices."""
        entry = self._entry(name)
        slide = self.slide(name)
        notices = [] if entry.problem is None else [entry.problem]
        notices += [f"Unfamiliar: {text}" for text in entry.unfamiliar.values()]
        if entry.record is not None and entry.record.artefacts:
            notices.append(f"Artefacts left out: {areas_in_words(entry.record.artefacts)}")
        if isinstance(slide, BlankSlide):
            notices.append(f"{entry.source} {slide.reason}; the glands are shown on white")
        elif entry.mpp is None and slide.mpp_problem is not None:
            notices.append(f"no scale bar: {slide.mpp_problem}")
        return {
            "name": name,
            "file": entry.source.name,
            "width_px": slide.zoom.size.width,
            "height_px": slide.zoom.size.height,
            "mpp": entry.mpp if entry.mpp is not None else slide.mpp,
            "tile_px": TILE_PX,
            "top_level": slide.zoom.top,
            "segmented": entry.glands_file is not None,
            "notices": notices,
        }

    def artefacts(self, name: str) -> list[dict[str, Any]]:
        """Return what was left out of a slide: kind and rings of x, y in level-0 pixels of each artefact."""
        entry = self._entry(name)
        file = entry.artefacts_file
        if file is None or entry.record is None:
            return []
        drawn = read_artefacts(file, origin_px=entry.record.origin_px)
        return [
            {
                "kind": each.kind,
                "rings": [
                    shapely.get_coordinates(ring).tolist()
                    for ring in shapely.get_rings(shapely.get_parts(each.outline))
                ],
            }
            for each in drawn
        ]

    def describe_glands(self, name: str) -> dict[str, Any]:
        """Return what the page needs to show a slide's glands: how many, how large, their statistics."""
        glands = self.glands(name)
        notices = []
        if glands.layer.glands.dropped:
            notices.append(f"{glands.layer.glands.dropped} features that are no polygon are not shown")
        if glands.marks.notice:
            notices.append(glands.marks.notice)
        return {
            "count": len(glands.layer),
            "typical_px": glands.layer.typical_px,
            "statistics": [vars(statistic) for statistic in glands.layer.statistics],
            "notices": notices,
        }

    def slide(self, name: str) -> OpenedSlide | BlankSlide:
        """Return a slide, opened now if need be."""
        entry = self._entry(name)
        with self._opening[name]:
            held = self._slides.get(name)
            if held is None:
                held = _open(entry)
                self._slides.put(name, held)
            return held

    def glands(self, name: str) -> MarkedGlands:
        """Return a slide's glands, read now if need be.

        Raises
        ------
        UnknownSlideError
            When it has none.
        InputError
            When their file is damaged.
        """
        entry = self._entry(name)
        file = entry.glands_file
        if file is None or entry.folder is None:
            raise UnknownSlideError(f"{name} has no glands; run acinus segment on it")
        with self._reading[name]:
            held = self._glands.get(name)
            if held is None:
                origin_px = entry.record.origin_px if entry.record else (0.0, 0.0)
                layer = GlandLayer(read_glands(file, table=entry.table_file, origin_px=origin_px))
                marks = Marks(entry.folder, root=entry.root, digest=layer.glands.digest)
                held = MarkedGlands(layer, marks)
                self._glands.put(name, held)
            return held

    def close(self) -> None:
        """Close every slide."""
        self._slides.clear()

    def _entry(self, name: str) -> Entry:
        entry = self.entries.by_name.get(name)
        if entry is None:
            raise UnknownSlideError("there is no such slide")
        return entry


def _open(entry: Entry) -> OpenedSlide | BlankSlide:
    if entry.record is None:
        return OpenedSlide(entry.source)
    segmented = entry.record.size
    if not is_there(entry.source):
        return BlankSlide(segmented, mpp=entry.mpp, reason="is gone")
    slide = OpenedSlide(entry.source)
    found = slide.zoom.size
    if found == segmented:
        return slide
    slide.close()
    reason = (
        f"is not the file that was segmented ({found.width} × {found.height} px instead of "
        f"{segmented.width} × {segmented.height})"
    )
    return BlankSlide(segmented, mpp=entry.mpp, reason=reason)
