"""Which object of the other map an object is compared with: the one it shares most pixels with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from acinus.metrics.label_pair import LabelPair

__all__ = ["Partners", "partners_of_prediction", "partners_of_truth"]


@dataclass(frozen=True)
class Partners:
    """For every object of one map that touches the other map, its partner or equal partners there.

    Attributes
    ----------
    own, other : ndarray of shape (M,), int64
        Object numbers, 1-based, sorted by `own`. An object appears once, or several times when its best
        partners tie in shared pixels and in area.
    shared_px : ndarray of shape (M,), int64
    """

    own: NDArray[np.int64]
    other: NDArray[np.int64]
    shared_px: NDArray[np.int64]

    def first(self) -> Partners:
        """Keep one partner per object; those dropped have the same shared pixels and the same area."""
        own, index = np.unique(self.own, return_index=True)
        return Partners(own, self.other[index], self.shared_px[index])


def partners_of_prediction(pair: LabelPair) -> Partners:
    """Find for each predicted object the true object with the largest overlap, background excluded.

    Among equal overlaps the smaller true object wins (a larger share of it is covered). The challenge's code
    takes the lowest label there, so that renumbering a map could change its score; ours cannot.

    Examples
    --------
    >>> pair = LabelPair.of(np.array([[1, 1, 1, 0]]), np.array([[4, 7, 7, 0]]))
    >>> partners_of_prediction(pair).other.tolist()
    [2]
    """
    table = pair.overlaps
    return _best(table.prediction, table.truth, table.shared_px, pair.truth.areas_px)


def partners_of_truth(pair: LabelPair) -> Partners:
    """Find for each true object the predicted object with the largest overlap, background excluded."""
    table = pair.overlaps
    return _best(table.truth, table.prediction, table.shared_px, pair.prediction.areas_px)


def _best(
    own: NDArray[np.int64],
    other: NDArray[np.int64],
    shared_px: NDArray[np.int64],
    other_areas_px: NDArray[np.int64],
) -> Partners:
    area = other_areas_px[other - 1]
    order = np.lexsort((area, -shared_px, own))  # by own object, then most shared, then smallest partner
    own, other, shared_px, area = own[order], other[order], shared_px[order], area[order]
    _, first, group = np.unique(own, return_index=True, return_inverse=True)
    ties = (shared_px == shared_px[first][group]) & (area == area[first][group])
    return Partners(own[ties], other[ties], shared_px[ties])
