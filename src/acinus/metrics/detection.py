"""The challenge's detection F1: was each gland found, by covering more than half of it?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acinus.metrics.label_pair import LabelPair
from acinus.metrics.partners import partners_of_prediction
from acinus.metrics.ratios import ratio

__all__ = ["DetectionCounts", "detection_counts"]


@dataclass(frozen=True)
class DetectionCounts:
    """Objects found, invented and missed; adds up over images, which is how the challenge pools them.

    Empty maps: without true and predicted objects F1, precision and recall are 1; with objects on one side
    only they are 0.

    Attributes
    ----------
    true_positive : int
        Predicted objects that match a true one.
    false_positive : int
        Predicted objects that match none.
    false_negative : int
        True objects that no prediction matches.

    Examples
    --------
    >>> counts = DetectionCounts(true_positive=3, false_positive=1) + DetectionCounts(false_negative=2)
    >>> counts.precision, counts.recall, round(counts.f1, 3)
    (0.75, 0.6, 0.667)
    >>> DetectionCounts().f1
    1.0
    """

    true_positive: int = 0
    false_positive: int = 0
    false_negative: int = 0

    def __add__(self, other: DetectionCounts) -> DetectionCounts:
        """Pool two images."""
        return DetectionCounts(
            self.true_positive + other.true_positive,
            self.false_positive + other.false_positive,
            self.false_negative + other.false_negative,
        )

    @property
    def _nothing(self) -> bool:
        return self.true_positive + self.false_positive + self.false_negative == 0

    @property
    def precision(self) -> float:
        """TP / (TP + FP)."""
        claimed = self.true_positive + self.false_positive
        return ratio(self.true_positive, claimed, nothing_to_find=self._nothing)

    @property
    def recall(self) -> float:
        """TP / (TP + FN)."""
        there = self.true_positive + self.false_negative
        return ratio(self.true_positive, there, nothing_to_find=self._nothing)

    @property
    def f1(self) -> float:
        """2 TP / (2 TP + FP + FN)."""
        twice = 2 * self.true_positive
        return ratio(twice, twice + self.false_positive + self.false_negative, nothing_to_find=True)


def detection_counts(pair: LabelPair) -> DetectionCounts:
    """Count the glands found as the challenge does.

    A predicted object belongs to the true object it shares most pixels with (background does not vote), and
    is a true positive if it covers MORE than half of that object's area. Predicted objects do not overlap, so
    no two can cover more than half of one gland: each true object is matched at most once.

    Note what this rewards: one blob over a whole image is one true positive, however large it is. Read
    `acinus.metrics.panoptic` beside it.

    References
    ----------
    Sirinukunwattana et al., Medical Image Analysis 35 (2017), Sec. 5.1.

    Examples
    --------
    >>> prediction = np.array([[1, 1, 1, 0, 2, 0]])
    >>> truth = np.array([[0, 1, 1, 0, 5, 5]])  # object 5 is covered by exactly half: not found
    >>> detection_counts(LabelPair.of(prediction, truth))
    DetectionCounts(true_positive=1, false_positive=1, false_negative=1)
    """
    partners = partners_of_prediction(pair).first()
    covered = 2 * partners.shared_px > pair.truth.areas_px[partners.other - 1]
    found = int(np.count_nonzero(covered))
    return DetectionCounts(found, len(pair.prediction) - found, len(pair.truth) - found)
