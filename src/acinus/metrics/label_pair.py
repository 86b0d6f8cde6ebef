"""A prediction and its truth as two label maps of one image: checked and compared once, for all metrics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acinus.core.errors import InputError
from acinus.core.image import BoolMask, LabelMap
from acinus.core.scratch import bands, scratch_array

__all__ = ["AnyLabelMap", "LabelMapError", "LabelPair", "Objects", "Overlaps", "check_same_shape"]

AnyLabelMap = NDArray[np.integer[Any]]  # (H, W), 0 background, one positive value per object, gaps allowed

_DENSE_TABLE_CELLS = 16_000_000
"""Largest table counted by direct addressing; beyond it the few values that occur are sorted instead."""


class LabelMapError(InputError):
    """An array is not a label map, or two that should lie on each other differ in shape."""


def check_same_shape(prediction: NDArray[Any], truth: NDArray[Any]) -> None:
    """Refuse two maps that are not 2-D and of one shape.

    Raises
    ------
    LabelMapError
        Naming both shapes.

    Examples
    --------
    >>> check_same_shape(np.zeros((4, 6), np.int32), np.zeros((8, 12), np.int32))
    Traceback (most recent call last):
    ...
    acinus.metrics.label_pair.LabelMapError: expected a prediction of the truth's shape (8, 12), got (4, 6); \
resize the prediction to the truth's grid (nearest neighbour)
    """
    if truth.ndim != 2:
        raise LabelMapError(
            f"expected a 2-D map as truth, got shape {truth.shape}; pass one (H, W) array per image"
        )
    if prediction.shape != truth.shape:
        raise LabelMapError(
            f"expected a prediction of the truth's shape {truth.shape}, got {prediction.shape}; "
            "resize the prediction to the truth's grid (nearest neighbour)"
        )


@dataclass(frozen=True)
class Objects:
    """The objects of one label map, renumbered 1..N without gaps.

    Attributes
    ----------
    labels : ndarray of shape (H, W), int32
        0 is background; pixels of one value are one object, connected or not, as in the challenge.
    areas_px : ndarray of shape (N,), int64
        Pixels of object 1, 2, ... N.
    """

    labels: LabelMap
    areas_px: NDArray[np.int64]

    def __len__(self) -> int:
        """Count the objects."""
        return len(self.areas_px)

    @classmethod
    def of(cls, label_map: AnyLabelMap, *, source: str = "label map") -> Objects:
        """Renumber a label map of any integer type; no label wraps, whatever its value.

        Raises
        ------
        LabelMapError
            When `label_map` is not of integers (a boolean mask has no objects yet) or has negative ones.

        Examples
        --------
        >>> objects = Objects.of(np.array([[0, 7, 7], [300, 0, 0]], dtype=np.uint16))
        >>> objects.labels.tolist(), objects.areas_px.tolist()
        ([[0, 1, 1], [2, 0, 0]], [2, 1])
        """
        if label_map.dtype.kind not in "iu":
            raise LabelMapError(
                f"expected a {source} of integers, got {label_map.dtype}; "
                "label its connected components first (scipy.ndimage.label)"
            )
        if label_map.size and label_map.min() < 0:
            raise LabelMapError(
                f"expected a {source} without negative labels, got {label_map.min()}; "
                "set them to 0 (background)"
            )
        values, labels, areas = _renumber(label_map)
        if len(values) and values[0] == 0:
            return cls(labels, areas[1:])
        labels += np.int32(1)
        return cls(labels, areas)


def _renumber(label_map: AnyLabelMap) -> tuple[NDArray[Any], LabelMap, NDArray[np.int64]]:
    """Return the values that occur, each pixel's index among them, and their pixel counts."""
    cells = int(label_map.max(initial=0)) + 1
    values, counts = _counted((label_map[rows].ravel() for rows in bands(label_map.shape)), cells=cells)
    labels = scratch_array(label_map.shape, np.int32)
    index_of = None
    if cells <= _DENSE_TABLE_CELLS:
        index_of = np.zeros(cells, np.int32)
        index_of[values] = np.arange(len(values))
    for rows in bands(label_map.shape):
        part = label_map[rows]
        labels[rows] = np.searchsorted(values, part) if index_of is None else index_of[part]
    return values, labels, counts


def _counted(parts: Iterable[NDArray[Any]], *, cells: int) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return the values that occur in any of the parts, ascending, and how often; all are below `cells`."""
    if cells <= _DENSE_TABLE_CELLS:
        table = np.zeros(cells, np.int64)
        for part in parts:
            table += np.bincount(part.astype(np.intp), minlength=cells)
        values = np.flatnonzero(table)
        return values, table[values]
    found = [np.unique(part, return_counts=True) for part in parts]
    values, place = np.unique(np.concatenate([values for values, _ in found]), return_inverse=True)
    counts = np.zeros(len(values), np.int64)
    np.add.at(counts, place, np.concatenate([counts for _, counts in found]))
    return values, counts


@dataclass(frozen=True)
class Overlaps:
    """Every pair of a predicted and a true object that share pixels; background is never a partner.

    Attributes
    ----------
    prediction, truth : ndarray of shape (M,), int64
        Object numbers, 1-based.
    shared_px : ndarray of shape (M,), int64
    """

    prediction: NDArray[np.int64]
    truth: NDArray[np.int64]
    shared_px: NDArray[np.int64]

    def __iter__(self) -> Iterator[tuple[int, int, int]]:
        """Yield (prediction, truth, shared pixels)."""
        return zip(self.prediction.tolist(), self.truth.tolist(), self.shared_px.tolist(), strict=True)


@dataclass(frozen=True)
class LabelPair:
    """One image's prediction and truth, renumbered, with the table of their overlaps.

    Every object metric of this room takes one; build it with `LabelPair.of`.
    """

    prediction: Objects
    truth: Objects
    overlaps: Overlaps

    @classmethod
    def of(cls, prediction: AnyLabelMap, truth: AnyLabelMap) -> LabelPair:
        """Check two label maps and count their overlaps in one pass over the pixels.

        Parameters
        ----------
        prediction, truth : ndarray of shape (H, W), any integer type
            0 is background; an all-zero map is a valid map without objects.

        Raises
        ------
        LabelMapError
            When the shapes differ or a map is not of non-negative integers.

        Examples
        --------
        >>> pair = LabelPair.of(np.array([[5, 5, 0, 9]]), np.array([[0, 1, 1, 0]]))
        >>> len(pair.prediction), len(pair.truth), list(pair.overlaps)
        (2, 1, [(1, 1, 1)])
        """
        check_same_shape(prediction, truth)
        predicted = Objects.of(prediction, source="prediction")
        true = Objects.of(truth, source="truth")
        return cls(predicted, true, _overlaps(predicted, true))

    @property
    def prediction_mask(self) -> BoolMask:
        """Pixels of any predicted object."""
        return self.prediction.labels > 0

    @property
    def truth_mask(self) -> BoolMask:
        """Pixels of any true object."""
        return self.truth.labels > 0

    @property
    def diagonal_px(self) -> float:
        """The image's diagonal, longer than any distance between two of its pixels."""
        return float(np.hypot(*self.truth.labels.shape))


def _overlaps(prediction: Objects, truth: Objects) -> Overlaps:
    columns = len(truth) + 1

    def keys(band: slice) -> NDArray[np.int64]:  # one number per pair of labels
        own = prediction.labels[band].ravel().astype(np.int64)
        own *= columns
        own += truth.labels[band].ravel()
        return own

    present, counts = _counted(map(keys, bands(truth.labels.shape)), cells=(len(prediction) + 1) * columns)
    rows, cols = np.divmod(present, columns)
    both = (rows > 0) & (cols > 0)
    return Overlaps(rows[both], cols[both], counts[both])
