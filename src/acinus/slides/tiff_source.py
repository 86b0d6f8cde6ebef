"""Pixels through tifffile: OME-TIFF, pyramidal, tiled and strip TIFF, and what OpenSlide refuses."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from acinus.core.errors import AcinusError, InputError
from acinus.core.geometry import Box
from acinus.core.image import RgbArray
from acinus.slides.ome import ome_images
from acinus.slides.pixels import HIDDEN_NOTE, ValueScale, float_scale, integer_scale, on_white
from acinus.slides.pyramid import SlideFacts, SourceRefusedError
from acinus.slides.reader import Level, level_downsample
from acinus.slides.reduced_copy import shows_the_same
from acinus.slides.tiff_blocks import TiffBlocks, block_size, check_blocks
from acinus.slides.tiff_pictures import Picture, largest_picture, size_of
from acinus.slides.tiff_resolution import picture_resolution

__all__ = ["TiffSource"]

# A damaged file is reported by our own one line, not by tifffile's log on the terminal beside it.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

_TIFF_HEADERS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_MOST_PLANES = 1_000_000
_ALPHA = (1, 2)  # ExtraSamples: colours multiplied with it, or not


class TiffSource:
    """An open TIFF whose largest colour picture is the image.

    Blocks are decoded one by one, so that a box of a large file costs what the box costs.

    Raises
    ------
    SourceRefusedError
        When it is no TIFF, or one whose colours or compression another library must decode.
    InputError
        When it has no colours, values that are none, or is truncated.
    """

    backend = "tifffile"

    def __init__(self, path: Path) -> None:
        self._path = path
        with path.open("rb") as file:
            if file.read(4) not in _TIFF_HEADERS:
                raise SourceRefusedError("not a TIFF")
        try:
            self._file = tifffile.TiffFile(path)
        except Exception as error:  # of a damaged header tifffile raises whatever comes of its numbers
            raise SourceRefusedError(str(error)) from error
        self._blocks = TiffBlocks(self._file)
        try:
            self.facts = self._open()
        except BaseException as error:
            self._blocks.close()
            if isinstance(error, Exception) and not isinstance(error, AcinusError | SourceRefusedError):
                raise SourceRefusedError(str(error)) from error
            raise

    def read_level(self, level: int, box: Box) -> RgbArray:
        """Return a box of one level as 8-bit RGB, transparent parts on white."""
        try:
            return self._read(self._levels[level], box)
        except Exception as error:  # each codec raises its own kind, and a damaged header holds any numbers
            raise InputError(
                f"{self._path.name} cannot be decoded ({error}); the file is damaged, copy it again"
            ) from error

    def close(self) -> None:
        """Release the file."""
        self._blocks.close()

    def _open(self) -> SlideFacts:
        """Choose the picture, find out what its values mean, and which of its levels show what it shows."""
        file, name = self._file, self._path.name
        ome = ome_images(file.ome_metadata or "") if file.is_ome else []
        if any(image.planes > _MOST_PLANES for image in ome):
            raise InputError(f"{name} is damaged: its OME-XML counts {_MOST_PLANES} planes; copy it again")
        picture = largest_picture(file, ome, name)
        for page in (page for level in picture.levels for page in level):
            check_blocks(page, self._path)
        self._scale, self._alpha, looked = self._looked_at(picture)
        self._levels, dropped = self._true_levels(picture.levels)
        resolution, power, contradictions = picture_resolution(file, picture.page, picture.ome)
        tag = picture.page.tags.get("Orientation")
        sizes = [size_of(level[0]) for level in self._levels]
        return SlideFacts(
            format="ome-tiff" if file.is_ome else "svs" if file.is_svs else "tiff",
            levels=tuple(
                Level(
                    size=size, downsample=level_downsample(sizes[0], size), tile=block_size(level[0].keyframe)
                )
                for size, level in zip(sizes, self._levels, strict=True)
            ),
            bounds=Box(0, 0, sizes[0].width, sizes[0].height),
            mpp=resolution.mpp,
            mpp_source=resolution.source,
            mpp_doubt=resolution.doubt,
            objective_power=power,
            notes=(*picture.notes, *looked, *dropped, *contradictions),
            orientation=1 if tag is None else int(tag.value),
        )

    def _looked_at(self, picture: Picture) -> tuple[ValueScale, int, list[str]]:
        """Return how values become 8 bits, the kind of alpha channel (0 none), and what is said of both."""
        page = picture.page
        bits, alpha = int(page.bitspersample), int(page.extrasamples[0]) if page.extrasamples else 0
        if page.dtype == np.uint8 and bits == 8 and alpha not in _ALPHA:
            return ValueScale(), 0, []
        found = [self._blocks.extremes(one) for one in picture.levels[0]]
        lowest, highest = (np.concatenate([pair[i] for pair in found]) for i in (0, 1))
        if page.dtype.kind == "f":
            scale = float_scale(float(lowest.min()), float(highest.max()), self._path.name)
        else:
            declared = None if picture.ome is None else picture.ome.significant_bits
            scale = integer_scale(int(highest[:3].max()), stored_bits=bits, declared_bits=declared)
        notes = [] if scale.note is None else [scale.note]
        if alpha not in _ALPHA:
            return scale, 0, notes
        if highest[3] == 0 and lowest[:3].min() < highest[:3].max():
            return scale, 0, [*notes, HIDDEN_NOTE]
        return scale, alpha, notes

    def _true_levels(self, levels: list[list[Any]]) -> tuple[list[list[Any]], list[str]]:
        """Return the levels that show what the one above them shows, and what is said of the others."""
        kept, notes = [levels[0]], []
        for level in levels[1:]:
            above, small = kept[-1], size_of(level[0])
            reads = partial(self._read, level), partial(self._read, above)
            if shows_the_same(small, size_of(above[0]), *reads):
                kept.append(level)
            else:
                shown = f"{small.width} × {small.height} px"
                notes.append(f"its page of {shown} is no reduced copy of the picture and is left out")
        return kept, notes

    def _read(self, pages: list[Any], box: Box) -> RgbArray:
        planes = [self._blocks.read(page, box, self._scale) for page in pages]
        values = planes[0] if len(planes) == 1 else np.concatenate(planes, axis=2)
        if self._alpha in _ALPHA:
            return on_white(values[..., :4], premultiplied=self._alpha == 1)
        return np.ascontiguousarray(values[..., :3])
