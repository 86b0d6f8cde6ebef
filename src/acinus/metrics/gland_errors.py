"""What is wrong with glands that are wrong: merged with a neighbour, in pieces, missed, or not there at all.

The challenge's F1 measures how many glands were found; this measures why the others were not. Every true
gland and every predicted one is in one class, so that the counts add up over images. Ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from acinus.metrics.label_pair import LabelPair
from acinus.metrics.partners import partners_of_prediction, partners_of_truth

__all__ = ["GlandErrors", "gland_errors"]


@dataclass(frozen=True)
class GlandErrors:
    """The objects of each kind of error, by their number in a `LabelPair`, 1-based and in order.

    Attributes
    ----------
    missed : (K,) int64
        True glands of which less than half is predicted as any gland.
    merged : (K,) int64
        True glands that a neighbour's outline swallows: the predicted gland that covers most of it covers
        more than half of it, yet has more of another one.
    false : (K,) int64
        Predicted glands of which less than half is any true gland.
    fragments : (K,) int64
        Predicted glands that are a piece: not false, and less than half of the gland they have most of.
    """

    missed: NDArray[np.int64]
    merged: NDArray[np.int64]
    false: NDArray[np.int64]
    fragments: NDArray[np.int64]


def gland_errors(pair: LabelPair) -> GlandErrors:
    """Find the glands of each kind of error in one image.

    Parameters
    ----------
    pair : LabelPair
        Either map may be empty.

    Examples
    --------
    >>> truth = np.array([[1, 1, 1, 0, 2, 2, 0, 3, 3, 3, 3, 3]])
    >>> prediction = np.array([[1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 4, 4]])
    >>> errors = gland_errors(LabelPair.of(prediction, truth))
    >>> errors.merged.tolist(), errors.missed.tolist(), errors.fragments.tolist(), errors.false.tolist()
    ([2], [3], [2], [])
    """
    true_areas, areas = pair.truth.areas_px, pair.prediction.areas_px
    shared = pair.overlaps.shared_px
    covered = np.bincount(pair.overlaps.truth - 1, weights=shared, minlength=len(true_areas))
    inside = np.bincount(pair.overlaps.prediction - 1, weights=shared, minlength=len(areas))
    missed = 2 * covered < true_areas
    false = 2 * inside < areas

    mains = partners_of_prediction(pair).first()
    main = np.zeros(len(areas), dtype=np.int64)  # the true gland that each predicted one has most of
    main[mains.own - 1] = mains.other
    piece = np.zeros(len(areas), dtype=bool)
    piece[mains.own - 1] = 2 * mains.shared_px < true_areas[mains.other - 1]

    covers = partners_of_truth(pair).first()
    swallowed = (2 * covers.shared_px > true_areas[covers.own - 1]) & (main[covers.other - 1] != covers.own)
    merged = np.zeros(len(true_areas), dtype=bool)
    merged[covers.own - 1] = swallowed
    return GlandErrors(
        missed=_numbers(missed),
        merged=_numbers(merged & ~missed),
        false=_numbers(false),
        fragments=_numbers(piece & ~false),
    )


def _numbers(chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the 1-based numbers of the objects that are chosen."""
    return np.flatnonzero(chosen).astype(np.int64) + 1
