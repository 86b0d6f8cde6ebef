"""A few fields of a slide, by which the whole is judged."""

from __future__ import annotations

from collections.abc import Iterator

from acinus.core.geometry import Box
from acinus.core.image import RgbImage
from acinus.core.spread import evenly_spaced
from acinus.data.look import LOOK_MPP
from acinus.inference.slide.grid import WorkingGrid
from acinus.inference.slide.measuring import LabelSource
from acinus.inference.slide.tissue import SlideTissue
from acinus.pipeline.familiarity import Field
from acinus.slides.reader import SlideReader

__all__ = ["fields_of", "views_of"]

_FIELD_UM = 1024.0
_MOST_FIELDS = 16
_MOST_VIEWS = 6


def fields_of(
    reader: SlideReader, grid: WorkingGrid, tissue: SlideTissue, labels: LabelSource, *, mpp: float = LOOK_MPP
) -> Iterator[Field]:
    """Yield up to 16 fields with tissue, spread evenly over the slide, and where glands were found on them.

    Parameters
    ----------
    reader : SlideReader
    grid : WorkingGrid
        Of `tissue` and `labels`.
    labels : LabelSource
        The slide's label map.
    mpp : float
        At which rings are looked for; fields are read no more coarsely than `LOOK_MPP`.

    Yields
    ------
    Field
        A field of 1024 µm, or less at the slide's side; its glands at ``grid.mpp``.
    """
    finest = min(mpp, LOOK_MPP)
    for box in evenly_spaced(_boxes(grid, tissue), _MOST_FIELDS):
        left, top, right, bottom = (
            round(edge * grid.mpp / finest) for edge in (box.x, box.y, box.right, box.bottom)
        )
        coarse = Box(left, top, max(1, right - left), max(1, bottom - top))
        rgb = reader.read_working(coarse, mpp=finest)
        image = RgbImage(rgb, finest, reader.path.stem)
        yield Field(image, labels.read(box) > 0, tissue.mask_of(box))


def views_of(reader: SlideReader, grid: WorkingGrid, tissue: SlideTissue) -> Iterator[RgbImage]:
    """Yield up to 6 fields with tissue, spread evenly over the slide, at the grid's resolution."""
    for box in evenly_spaced(_boxes(grid, tissue), _MOST_VIEWS):
        yield RgbImage(reader.read_working(box, mpp=grid.mpp), grid.mpp, reader.path.stem)


def _boxes(grid: WorkingGrid, tissue: SlideTissue) -> list[Box]:
    """Return the fields that have at least half as much tissue as the fullest, row by row."""
    side = max(1, round(_FIELD_UM / grid.mpp))
    whole = tissue.bounds
    boxes = [
        Box(x, y, side, side).intersection(whole)
        for y in range(whole.y, whole.bottom, side)
        for x in range(whole.x, whole.right, side)
    ]
    covered = [tissue.share_of(box) * box.width * box.height for box in boxes]
    most = max(covered, default=0.0)
    return [box for box, area in zip(boxes, covered, strict=True) if most > 0.0 and area >= most / 2]
