"""Pixel metrics from one confusion matrix of gland and background that adds up over images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acinus.core.image import BoolMask
from acinus.metrics.label_pair import LabelMapError, check_same_shape
from acinus.metrics.ratios import ratio

__all__ = ["ConfusionMatrix"]


@dataclass(frozen=True)
class ConfusionMatrix:
    """Pixel counts of two classes, gland (positive) and background (negative).

    Add the matrices of all images and read the ratios once: that is the pooled figure. Averaging the ratios
    of single images is another figure, which `acinus.metrics.pool` reports under another name.

    A class that is absent from the truth is never skipped. If the prediction claims it anywhere its IoU is
    0; if it is absent from both maps its IoU is 1, since there was nothing to find and nothing was claimed.
    Precision, recall and Dice follow the same rule: 0/0 is 1 where neither map has gland, else 0.

    Attributes
    ----------
    true_positive, false_positive, false_negative, true_negative : int
        Pixels: gland in both, in the prediction only, in the truth only, in neither.

    Examples
    --------
    >>> matrix = ConfusionMatrix.of(np.array([[1, 1, 0, 0]]) > 0, np.array([[0, 1, 1, 0]]) > 0)
    >>> matrix
    ConfusionMatrix(true_positive=1, false_positive=1, false_negative=1, true_negative=1)
    >>> round(matrix.miou, 3), matrix.pixel_accuracy
    (0.333, 0.5)
    >>> sum([matrix, matrix], ConfusionMatrix()).true_positive
    2
    """

    true_positive: int = 0
    false_positive: int = 0
    false_negative: int = 0
    true_negative: int = 0

    @classmethod
    def of(cls, prediction: BoolMask, truth: BoolMask, *, valid: BoolMask | None = None) -> ConfusionMatrix:
        """Count the pixels of one image.

        Parameters
        ----------
        prediction, truth : ndarray of shape (H, W), bool
            True is gland.
        valid : ndarray of shape (H, W), bool, optional
            Pixels to count; all by default. For pseudo-labels with an ignored part.

        Raises
        ------
        LabelMapError
            When the shapes differ or a map is not boolean.
        """
        check_same_shape(prediction, truth)
        _check_bool(prediction, "prediction")
        _check_bool(truth, "truth")
        if valid is not None:
            check_same_shape(valid, truth)
            _check_bool(valid, "valid mask")
            prediction, truth = prediction[valid], truth[valid]
        both = int(np.count_nonzero(prediction & truth))
        predicted, true = int(np.count_nonzero(prediction)), int(np.count_nonzero(truth))
        return cls(both, predicted - both, true - both, truth.size - predicted - true + both)

    def __add__(self, other: ConfusionMatrix) -> ConfusionMatrix:
        """Pool two images (or data sets)."""
        return ConfusionMatrix(
            self.true_positive + other.true_positive,
            self.false_positive + other.false_positive,
            self.false_negative + other.false_negative,
            self.true_negative + other.true_negative,
        )

    def inverted(self) -> ConfusionMatrix:
        """Return the matrix of the prediction with gland and background exchanged."""
        return ConfusionMatrix(
            self.false_negative, self.true_negative, self.true_positive, self.false_positive
        )

    def oracle(self) -> ConfusionMatrix:
        """Return the better of the prediction as it is and inverted, by mIoU.

        It reads the truth to do so: a bound on what naming the two classes can gain, not a result.
        """
        return max(self, self.inverted(), key=lambda matrix: matrix.miou)

    @property
    def pixels(self) -> int:
        """Number of valid pixels."""
        return self.true_positive + self.false_positive + self.false_negative + self.true_negative

    @property
    def _no_gland(self) -> bool:
        return self.true_positive + self.false_positive + self.false_negative == 0

    @property
    def gland_iou(self) -> float:
        """IoU of the foreground, TP / (TP + FP + FN)."""
        union = self.true_positive + self.false_positive + self.false_negative
        return ratio(self.true_positive, union, nothing_to_find=True)

    @property
    def background_iou(self) -> float:
        """IoU of the background, TN / (TN + FP + FN)."""
        union = self.true_negative + self.false_positive + self.false_negative
        return ratio(self.true_negative, union, nothing_to_find=True)

    @property
    def miou(self) -> float:
        """Mean of the two IoUs."""
        return (self.gland_iou + self.background_iou) / 2

    @property
    def pixel_accuracy(self) -> float:
        """Share of pixels that are right; 1 where no pixel is valid."""
        right = self.true_positive + self.true_negative
        return ratio(right, right + self.false_positive + self.false_negative, nothing_to_find=True)

    @property
    def precision(self) -> float:
        """Share of predicted gland that is gland."""
        claimed = self.true_positive + self.false_positive
        return ratio(self.true_positive, claimed, nothing_to_find=self._no_gland)

    @property
    def recall(self) -> float:
        """Share of true gland that was predicted."""
        there = self.true_positive + self.false_negative
        return ratio(self.true_positive, there, nothing_to_find=self._no_gland)

    @property
    def dice(self) -> float:
        """2 TP / (2 TP + FP + FN)."""
        twice = 2 * self.true_positive
        return ratio(twice, twice + self.false_positive + self.false_negative, nothing_to_find=True)


def _check_bool(mask: NDArray[Any], source: str) -> None:
    if mask.dtype != np.bool_:
        raise LabelMapError(f"expected a boolean {source}, got {mask.dtype}; pass {source.split()[0]} > 0")
