"""The challenge's object Dice: how well each gland's area is covered, large glands counting more."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from acinus.metrics.label_pair import LabelPair
from acinus.metrics.partners import Partners, partners_of_prediction, partners_of_truth
from acinus.metrics.two_sided import TwoSidedMean

__all__ = ["object_dice", "object_dice_sums"]


def object_dice(pair: LabelPair) -> float:
    """Return the object-level Dice of one image, 0 (nothing overlaps) to 1 (identical objects).

    Every object of either map is compared with the object of the other map it shares most pixels with;
    one that touches none scores 0. 1 when both maps are empty, 0 when one is.

    References
    ----------
    Sirinukunwattana et al., Medical Image Analysis 35 (2017), Eq. 5.

    Examples
    --------
    >>> pair = LabelPair.of(np.array([[1, 1, 0, 0]]), np.array([[0, 1, 1, 1]]))
    >>> object_dice(pair)  # one pair: 2·1 / (2 + 3)
    0.4
    """
    return object_dice_sums(pair).mean(when_empty=1.0)


def object_dice_sums(pair: LabelPair) -> TwoSidedMean:
    """Return the sums behind `object_dice`, areas in px², which add up over a data set."""
    predicted, true = pair.prediction.areas_px, pair.truth.areas_px
    return TwoSidedMean.of(
        _dice_by_object(partners_of_prediction(pair), predicted, true),
        predicted,
        _dice_by_object(partners_of_truth(pair), true, predicted),
        true,
    )


def _dice_by_object(
    partners: Partners, own_px: NDArray[np.int64], other_px: NDArray[np.int64]
) -> NDArray[np.float64]:
    best = partners.first()
    dice = np.zeros(len(own_px))
    dice[best.own - 1] = 2 * best.shared_px / (own_px[best.own - 1] + other_px[best.other - 1])
    return dice
