"""Matching by IoU: F1 at a threshold and panoptic quality, which an over-large blob does not please."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from acinus.core.errors import UsageError
from acinus.metrics.detection import DetectionCounts
from acinus.metrics.label_pair import LabelPair
from acinus.metrics.ratios import ratio

__all__ = ["IouMatches", "iou_matches"]


@dataclass(frozen=True)
class IouMatches:
    """Objects matched one to one by IoU; adds up over images matched at the same threshold.

    Empty maps: all qualities are 1 when both are empty, 0 when one is. Without a match SQ is 0.

    Attributes
    ----------
    counts : DetectionCounts
        Matched pairs, predictions left over, true objects left over.
    iou_sum : float
        Σ IoU of the matched pairs.

    Examples
    --------
    >>> matches = IouMatches(DetectionCounts(2, 1, 1), iou_sum=1.5)
    >>> round(matches.recognition_quality, 3), matches.segmentation_quality, matches.panoptic_quality
    (0.667, 0.75, 0.5)
    """

    counts: DetectionCounts = field(default_factory=DetectionCounts)
    iou_sum: float = 0.0

    def __add__(self, other: IouMatches) -> IouMatches:
        """Pool two images."""
        return IouMatches(self.counts + other.counts, self.iou_sum + other.iou_sum)

    @property
    def recognition_quality(self) -> float:
        """RQ = TP / (TP + FP/2 + FN/2), the F1 at the threshold."""
        return self.counts.f1

    @property
    def segmentation_quality(self) -> float:
        """SQ, the mean IoU of the matched pairs."""
        nothing = self.counts == DetectionCounts()
        return ratio(self.iou_sum, self.counts.true_positive, nothing_to_find=nothing)

    @property
    def panoptic_quality(self) -> float:
        """PQ = SQ × RQ."""
        return self.segmentation_quality * self.recognition_quality


def iou_matches(pair: LabelPair, *, threshold: float = 0.5) -> IouMatches:
    """Match predicted and true objects one to one where their IoU exceeds a threshold.

    From 0.5 on no object can exceed it with two others, so the matching is unique (Kirillov et al.,
    Sec. 4.1). Below, it is the one with the most pairs and, among those, the largest sum of IoUs.

    Parameters
    ----------
    pair : LabelPair
        Prediction and truth.
    threshold : float
        In [0, 1); a pair matches if IoU > `threshold`, strictly, as in the reference.

    Raises
    ------
    UsageError
        When `threshold` is outside [0, 1).

    References
    ----------
    Kirillov et al., Panoptic Segmentation, CVPR 2019 (1801.00868), Eq. 1 and 2.

    Examples
    --------
    >>> pair = LabelPair.of(np.array([[1, 1, 1, 0, 2, 2]]), np.array([[0, 1, 1, 0, 0, 0]]))
    >>> matches = iou_matches(pair)
    >>> matches.counts
    DetectionCounts(true_positive=1, false_positive=1, false_negative=0)
    >>> round(matches.iou_sum, 3)
    0.667
    """
    if not 0 <= threshold < 1:
        raise UsageError(f"expected an IoU threshold from 0 to below 1, got {threshold:g}; 0.5 is usual")
    table = pair.overlaps
    predicted_px = pair.prediction.areas_px[table.prediction - 1]
    true_px = pair.truth.areas_px[table.truth - 1]
    iou = table.shared_px / (predicted_px + true_px - table.shared_px)
    enough = iou > threshold
    matched = iou[enough]
    if threshold < 0.5:
        matched = _assign(table.prediction[enough] - 1, table.truth[enough] - 1, iou[enough])
    found = len(matched)
    counts = DetectionCounts(found, len(pair.prediction) - found, len(pair.truth) - found)
    return IouMatches(counts, float(matched.sum()))


def _assign(
    prediction: NDArray[np.int64], truth: NDArray[np.int64], iou: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the IoUs of the best one-to-one assignment among candidate pairs.

    Solved in each group of objects that touch: the whole table would be quadratic in their number.
    """
    if not len(iou):
        return iou
    n_predicted = int(prediction.max()) + 1
    size = n_predicted + int(truth.max()) + 1
    graph = coo_array((np.ones(len(iou)), (prediction, n_predicted + truth)), shape=(size, size))
    _, group = connected_components(graph, directed=False)
    order = np.argsort(group[prediction], kind="stable")
    starts = np.flatnonzero(np.diff(group[prediction][order])) + 1
    matched = []
    for edges in np.split(order, starts):
        rows, row = np.unique(prediction[edges], return_inverse=True)
        columns, column = np.unique(truth[edges], return_inverse=True)
        gain = np.zeros((len(rows), len(columns)))
        # One more pair outweighs any gain in IoU, since a group's IoUs sum to at most its number of pairs.
        gain[row, column] = min(gain.shape) + 1 + iou[edges]
        best = gain[linear_sum_assignment(gain, maximize=True)]
        matched.append(best[best > 0] - (min(gain.shape) + 1))
    return np.concatenate(matched)
