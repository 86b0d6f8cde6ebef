"""Components too large to be split in one piece are split in cells that overlap."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from acinus.core.geometry import Box
from acinus.core.image import BoolMask, LabelMap
from acinus.core.units import um_to_px
from acinus.inference.instances import InstanceSettings, label_mask
from acinus.inference.slide.components import SlideComponents
from acinus.inference.slide.source import ProbabilitySource

__all__ = ["label_in_cells"]

_OVERLAP_UM = 640.0  # longer than all but few glands


def label_in_cells(
    components: SlideComponents,
    number: int,
    source: ProbabilitySource,
    settings: InstanceSettings,
    *,
    mpp: float,
    cell_px: int,
) -> Iterator[tuple[Box, LabelMap]]:
    """Yield crops with the glands of one component, each crop numbered 1..N.

    The cells are squares of `cell_px` between fixed lines of the working grid, taken row by row. Each is
    split together with 640 µm around it. A gland whose middle lies in a later cell is left to that one if it
    sees as much of the gland. What earlier cells took is background to later ones, so that no pixel comes
    twice. Thus glands are cut only where they reach more than 640 µm beyond their cell, and always at the
    same place, whatever blocks the slide was read in.
    """
    whole = components.boxes[number - 1]
    margin_px = round(um_to_px(_OVERLAP_UM, mpp=mpp))
    taken: list[_Taken] = []
    for row in range(whole.y // cell_px, -(-whole.bottom // cell_px)):
        for column in range(whole.x // cell_px, -(-whole.right // cell_px)):
            cells = _Cells(whole, cell_px, margin_px, row, column)
            seen = cells.seen(row, column)
            taken = [earlier for earlier in taken if earlier.box.bottom > seen.y]
            mask = components.mask(number, seen)
            for earlier in taken:
                earlier.remove_from(mask, seen)
            labels = label_mask(mask, settings, mpp=mpp, depth=source.read_depth(seen))
            own = _own_glands(labels, seen, cells)
            if own.any():
                labels = np.where(own, np.cumsum(own), 0).astype(np.int32)[labels]
                taken.append(_Taken.of(labels > 0, seen))
                yield seen, labels


@dataclass(frozen=True)
class _Cells:
    """The cells of a component, seen from the one at `row` and `column`."""

    whole: Box
    side_px: int
    margin_px: int
    row: int
    column: int

    def seen(self, row: int, column: int) -> Box:
        """Return what is read to split a cell."""
        cell = Box(column * self.side_px, row * self.side_px, self.side_px, self.side_px)
        return cell.grown(self.margin_px).intersection(self.whole)

    def leaves(self, gland: Box) -> bool:
        """Say whether a gland is better left to a later cell."""
        row = (gland.y + gland.height // 2) // self.side_px
        column = (gland.x + gland.width // 2) // self.side_px
        return (row, column) > (self.row, self.column) and gland == gland.intersection(self.seen(row, column))


def _own_glands(labels: LabelMap, seen: Box, cells: _Cells) -> NDArray[np.bool_]:
    """Say of each number in `labels` whether the current cell keeps that gland, (N + 1,) bool."""
    own = np.zeros(int(labels.max(initial=0)) + 1, dtype=bool)
    bottom, right = (cells.row + 1) * cells.side_px - seen.y, (cells.column + 1) * cells.side_px - seen.x
    own[labels[: max(0, bottom - cells.side_px)]] = True  # the rows of cells above
    own[labels[:bottom, :right]] = True  # this cell and those to its left
    own[0] = False
    for number, (rows, columns) in enumerate(ndimage.find_objects(labels), start=1):
        gland = Box(
            seen.x + columns.start,
            seen.y + rows.start,
            columns.stop - columns.start,
            rows.stop - rows.start,
        )
        own[number] &= not cells.leaves(gland)
    return own


@dataclass(frozen=True)
class _Taken:
    """Pixels whose gland is settled, one bit each."""

    box: Box
    bits: NDArray[np.uint8]

    @classmethod
    def of(cls, mask: BoolMask, box: Box) -> _Taken:
        return cls(box, np.packbits(mask, axis=1))

    def remove_from(self, mask: BoolMask, box: Box) -> None:
        """Clear these pixels in the mask of another box."""
        both = box.intersection(self.box)
        rows, columns = both.slices_in(self.box)
        taken = np.unpackbits(self.bits[rows], axis=1)[:, columns]
        mask[both.slices_in(box)] &= taken == 0
