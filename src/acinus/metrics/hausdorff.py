"""The exact Hausdorff distance between two objects of two label maps, without looking at every pixel.

The distance from a pixel to an object is that to the nearest pixel of the object's boundary, which a KD-tree
answers. It changes by at most the distance moved, so one pixel of a cell bounds it for the whole cell, and
cells that cannot hold the farthest pixel are dropped unseen. Looking at boundary pixels of both objects alone
would be wrong: the pixel farthest from a ring can be the centre of the disc that fills it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects
from scipy.spatial import KDTree

from acinus.core.image import BoolMask, LabelMap
from acinus.metrics.label_pair import LabelMapError, check_same_shape

__all__ = ["ObjectShape", "hausdorff_px", "object_shapes"]

_CELL_PX = (
    8  # cells of 8 px, and blocks of 8 x 8 cells: a gland has tens of cells, a whole image tens of blocks
)
_BLOCK_PX = _CELL_PX**2
_SMALL_SIDE_PX = 256
"""Of the box around two objects, up to which a map of distances takes less time than trees and cells."""

_SQRT2 = float(np.sqrt(2))

Points = NDArray[np.int32]  # (N, 2), row and column in the label map


def hausdorff_px(a: BoolMask, b: BoolMask) -> float:
    """Return the Hausdorff distance in pixels between two sets of pixels.

    H(a, b) = max( max_{x in a} min_{y in b} ‖x − y‖, max_{y in b} min_{x in a} ‖x − y‖ ), over all pixels.

    Parameters
    ----------
    a : ndarray of shape (H, W), bool
        One set, not empty.
    b : ndarray of shape (H, W), bool
        The other, not empty.

    Raises
    ------
    LabelMapError
        When the shapes differ or a set is empty (its distance is undefined; see `object_hausdorff_px` for
        what an image without objects scores).

    References
    ----------
    Sirinukunwattana et al., Medical Image Analysis 35 (2017), Eq. 6.

    Examples
    --------
    >>> a, b = np.zeros((5, 9), bool), np.zeros((5, 9), bool)
    >>> a[0, 0] = b[0, 2] = b[3, 4] = True
    >>> hausdorff_px(a, b)  # from (3, 4) to (0, 0)
    5.0
    """
    check_same_shape(a, b)
    if not a.any() or not b.any():
        raise LabelMapError(
            "expected two masks with pixels, got an empty one; skip the pair or score it yourself"
        )
    (shape_a,), (shape_b,) = object_shapes(a.astype(np.int32)), object_shapes(b.astype(np.int32))
    return shape_a.hausdorff_px(shape_b)


def object_shapes(labels: LabelMap) -> list[ObjectShape]:
    """Return one shape per object of a map whose labels are 1..N without gaps.

    Examples
    --------
    >>> [len(shape.boundary) for shape in object_shapes(np.array([[1, 1, 0], [0, 0, 2]], np.int32))]
    [2, 1]
    """
    boxes = find_objects(labels)
    return [ObjectShape(labels, number, (box[0], box[1])) for number, box in enumerate(boxes, start=1)]


class ObjectShape:
    """One object of a label map, prepared on first use for distance queries.

    Parameters
    ----------
    labels : ndarray of shape (H, W), int32
        The whole map, shared by all its objects.
    number : int
        The object's value.
    box : (slice, slice)
        Its bounding box.
    """

    def __init__(self, labels: LabelMap, number: int, box: tuple[slice, slice]) -> None:
        self._labels = labels
        self._number = number
        self._box = box

    def hausdorff_px(self, other: ObjectShape) -> float:
        """Return the Hausdorff distance to another object, symmetric, in pixels."""
        window = _around(self._box, other._box)
        if all(side.stop - side.start <= _SMALL_SIDE_PX for side in window):
            own, others = self._within(window), other._within(window)
            return math.sqrt(max(_farthest_squared(own, others), _farthest_squared(others, own)))
        there = self._farthest_px(other, at_least=0.0)
        return other._farthest_px(self, at_least=there)

    def distances_px(self, points: Points) -> NDArray[np.float64]:
        """Return the distance from each point (N, 2) to the nearest pixel of this object, 0 inside: (N,)."""
        distances = np.zeros(len(points))
        outside = self._labels[points[:, 0], points[:, 1]] != self._number
        if outside.any():
            distances[outside] = self._tree.query(points[outside])[0]
        return distances

    @cached_property
    def boundary(self) -> Points:
        """Pixels with a 4-neighbour outside the object; the one nearest to any outer pixel is among them."""
        padded = np.pad(self._mask, 1)
        inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
        rows, columns = np.nonzero(self._mask & ~inner)
        return _points(rows + self._box[0].start, columns + self._box[1].start)

    @cached_property
    def extents_px(self) -> NDArray[np.float64]:
        """How far the object reaches in eight directions, max_x ⟨x, u⟩ for unit vectors u: (8,).

        For every direction ``|h_a(u) − h_b(u)| ≤ H(a, b)``, so the Chebyshev distance between the extents of
        two objects bounds their Hausdorff distance from below.
        """
        reach: NDArray[np.float64] = (self.boundary @ _DIRECTIONS).max(axis=0)
        return reach

    def forget(self) -> None:
        """Let go of what was prepared, but for the extents; it is prepared again when asked for."""
        for name in ("boundary", "_tree", "_cells"):
            self.__dict__.pop(name, None)

    @property
    def _mask(self) -> BoolMask:
        mask: BoolMask = self._labels[self._box] == self._number
        return mask

    @cached_property
    def _tree(self) -> Any:
        return KDTree(self.boundary, compact_nodes=False, balanced_tree=False)

    @cached_property
    def _cells(self) -> _Cells:
        return _Cells.of(self._mask)

    def _within(self, window: tuple[slice, slice]) -> BoolMask:
        mask: BoolMask = self._labels[window] == self._number
        return mask

    def _points(self, places: NDArray[np.int64]) -> Points:
        """Turn places in the nested order of `_Cells` into rows and columns of the map."""
        rows, columns = self._cells.coordinates(places)
        return _points(rows + self._box[0].start, columns + self._box[1].start)

    def _farthest_px(self, other: ObjectShape, *, at_least: float) -> float:
        """Return the largest distance from a pixel of this object to the other, no less than `at_least`."""
        cells = self._cells
        blocks = other.distances_px(self._points(cells.pixels[cells.block_starts]))
        best = max(at_least, float(blocks.max()))

        far = (blocks + (_BLOCK_PX - 1) * _SQRT2 > best)[cells.block_of_cell]
        starts, lengths = cells.cell_starts[far], cells.cell_lengths[far]
        distances = other.distances_px(self._points(cells.pixels[starts]))
        best = max(best, float(distances.max(initial=0.0)))

        far = distances + (_CELL_PX - 1) * _SQRT2 > best
        left = cells.pixels[_ranges(starts[far], lengths[far])]
        return max(best, float(other.distances_px(self._points(left)).max(initial=0.0)))


def _around(a: tuple[slice, slice], b: tuple[slice, slice]) -> tuple[slice, slice]:
    """Return the smallest box that holds two."""
    rows, columns = (
        slice(min(one.start, other.start), max(one.stop, other.stop)) for one, other in zip(a, b, strict=True)
    )
    return rows, columns


def _farthest_squared(own: BoolMask, other: BoolMask) -> int:
    """Return the largest squared distance from a pixel of one mask to the other, by a map of distances."""
    away = cv2.distanceTransform((~other).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # A whole number, and small enough for its root to tell it from the next one in single precision.
    return round(float(away[own].max()) ** 2)


@dataclass(frozen=True, eq=False)
class _Cells:
    """The pixels of a mask ordered by block and, within it, by cell.

    Attributes
    ----------
    pixels : ndarray of shape (N,), int64
        Places in the nested order (block row, block column, cell row, cell column, row, column).
    block_starts, cell_starts : ndarray of shape (number of blocks or cells,), int64
        Index into `pixels` of the first pixel of each block and cell that has any.
    cell_lengths : ndarray of shape (number of cells,), int64
        Pixels of each cell.
    block_of_cell : ndarray of shape (number of cells,), int64
    blocks_per_row : int
    """

    pixels: NDArray[np.int64]
    block_starts: NDArray[np.int64]
    cell_starts: NDArray[np.int64]
    cell_lengths: NDArray[np.int64]
    block_of_cell: NDArray[np.int64]
    blocks_per_row: int

    @classmethod
    def of(cls, mask: BoolMask) -> _Cells:
        height, width = (-(-side // _BLOCK_PX) for side in mask.shape)  # blocks, rounded up
        padded = np.zeros((height * _BLOCK_PX, width * _BLOCK_PX), dtype=bool)
        padded[: mask.shape[0], : mask.shape[1]] = mask
        nested = padded.reshape(height, _CELL_PX, _CELL_PX, width, _CELL_PX, _CELL_PX).transpose(
            0, 3, 1, 4, 2, 5
        )
        pixels = np.flatnonzero(nested)
        block_starts = np.flatnonzero(np.diff(pixels // _BLOCK_PX**2, prepend=-1))
        cell_starts = np.flatnonzero(np.diff(pixels // _CELL_PX**2, prepend=-1))
        return cls(
            pixels=pixels,
            block_starts=block_starts,
            cell_starts=cell_starts,
            cell_lengths=np.diff(cell_starts, append=len(pixels)),
            block_of_cell=np.searchsorted(block_starts, cell_starts, side="right") - 1,
            blocks_per_row=width,
        )

    def coordinates(self, places: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the rows and columns, in the mask, of places in the nested order."""
        block, within = np.divmod(places, _BLOCK_PX**2)
        cell, pixel = np.divmod(within, _CELL_PX**2)
        rows = block // self.blocks_per_row * _BLOCK_PX + cell // _CELL_PX * _CELL_PX + pixel // _CELL_PX
        columns = block % self.blocks_per_row * _BLOCK_PX + cell % _CELL_PX * _CELL_PX + pixel % _CELL_PX
        return rows, columns


def _ranges(starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return start, start + 1, ... start + length − 1 of every range, one after the other."""
    before = np.cumsum(lengths) - lengths
    places: NDArray[np.int64] = np.arange(int(lengths.sum())) + np.repeat(starts - before, lengths)
    return places


_ANGLES = np.arange(8) * np.pi / 4
_DIRECTIONS = np.stack([np.sin(_ANGLES), np.cos(_ANGLES)])  # (2, 8), row and column


def _points(rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Points:
    return np.stack([rows, columns], axis=1).astype(np.int32)
