"""One image: a predicted and a true label map in, every metric of this room out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from acinus.core.image import BoolMask
from acinus.core.scratch import bands, scratch_array
from acinus.core.units import check_mpp
from acinus.metrics.confusion import ConfusionMatrix
from acinus.metrics.detection import DetectionCounts, detection_counts
from acinus.metrics.label_pair import AnyLabelMap, LabelPair, check_same_shape
from acinus.metrics.object_dice import object_dice_sums
from acinus.metrics.object_hausdorff import object_hausdorff_sums
from acinus.metrics.panoptic import IouMatches, iou_matches
from acinus.metrics.two_sided import TwoSidedMean

__all__ = ["ImageScores", "count_metrics", "evaluate_pair"]


@dataclass(frozen=True)
class ImageScores:
    """The counts and sums of one image, from which its metrics follow and which add up over a data set.

    Attributes
    ----------
    name : str
        The image.
    mpp : float or None
        µm per pixel of both maps; None where unknown.
    pixels : ConfusionMatrix
        Label-free: what the prediction calls gland.
    detection : DetectionCounts
        The challenge's matching.
    matches : IouMatches
        Objects matched at IoU > 0.5.
    dice_sums : TwoSidedMean
        Areas in px².
    hausdorff_sums : TwoSidedMean
        Areas in px², values in px.
    """

    name: str
    mpp: float | None
    pixels: ConfusionMatrix
    detection: DetectionCounts
    matches: IouMatches
    dice_sums: TwoSidedMean
    hausdorff_sums: TwoSidedMean

    @property
    def object_dice(self) -> float:
        """The challenge's object Dice; 1 when both maps are empty, 0 when one is."""
        return self.dice_sums.mean(when_empty=1.0)

    @property
    def object_hausdorff_px(self) -> float:
        """The challenge's object Hausdorff; 0 when both maps are empty, the image's diagonal when one is."""
        return self.hausdorff_sums.mean(when_empty=0.0)

    @property
    def object_hausdorff_um(self) -> float | None:
        """`object_hausdorff_px` in µm; None without a resolution."""
        return None if self.mpp is None else self.object_hausdorff_px * self.mpp

    def as_dict(self) -> dict[str, float | str]:
        """Return all metrics by name, units in the names, ready for JSON (every number is finite).

        Without a resolution ``mpp`` and what is in µm are left out.
        """
        found: dict[str, float | str] = {
            "name": self.name,
            **({} if self.mpp is None else {"mpp": self.mpp}),
            **count_metrics(self.pixels, self.detection, self.matches),
            "object_dice": self.object_dice,
            "object_hausdorff_px": self.object_hausdorff_px,
        }
        if self.object_hausdorff_um is not None:
            found["object_hausdorff_um"] = self.object_hausdorff_um
        return found

    def sums_as_plain(self) -> dict[str, Any]:
        """Return the counts and sums themselves, ready for JSON, so that they can be pooled later."""
        return asdict(self)

    @classmethod
    def from_sums(cls, plain: Mapping[str, Any]) -> Self:
        """Return the scores of which `sums_as_plain` was kept."""
        matches = plain["matches"]
        return cls(
            name=plain["name"],
            mpp=plain["mpp"],
            pixels=ConfusionMatrix(**plain["pixels"]),
            detection=DetectionCounts(**plain["detection"]),
            matches=IouMatches(DetectionCounts(**matches["counts"]), matches["iou_sum"]),
            dice_sums=TwoSidedMean(**plain["dice_sums"]),
            hausdorff_sums=TwoSidedMean(**plain["hausdorff_sums"]),
        )


def count_metrics(
    pixels: ConfusionMatrix, detection: DetectionCounts, matches: IouMatches
) -> dict[str, float]:
    """Return the metrics that follow from counts, by name: of one image, or of all its data set's pooled."""
    return {
        "miou_label_free": pixels.miou,
        "miou_oracle": pixels.oracle().miou,
        "gland_iou": pixels.gland_iou,
        "background_iou": pixels.background_iou,
        "pixel_accuracy": pixels.pixel_accuracy,
        "pixel_precision": pixels.precision,
        "pixel_recall": pixels.recall,
        "pixel_dice": pixels.dice,
        "detection_f1": detection.f1,
        "detection_precision": detection.precision,
        "detection_recall": detection.recall,
        "f1_iou50": matches.recognition_quality,
        "panoptic_quality": matches.panoptic_quality,
        "segmentation_quality": matches.segmentation_quality,
    }


def evaluate_pair(
    prediction: AnyLabelMap,
    truth: AnyLabelMap,
    *,
    mpp: float | None,
    name: str = "image",
    valid: BoolMask | None = None,
) -> ImageScores:
    """Score one predicted label map against its truth.

    Parameters
    ----------
    prediction, truth : ndarray of shape (H, W), any integer type
        0 is background, every other value one gland; values may have gaps and exceed 255. Either map may be
        empty. Maps on disk (`numpy.memmap`) are gone through in bands of rows, and memory does not grow with
        them, only with the number of glands.
    mpp : float or None
        µm per pixel of both maps; without it there are no metrics in µm.
    name : str
        Names the image in tables and errors.
    valid : ndarray of shape (H, W), bool, optional
        Where the truth is known; by default everywhere. Elsewhere no pixel is counted and objects end, in
        both maps alike.

    Returns
    -------
    ImageScores

    Raises
    ------
    LabelMapError
        When the shapes differ or a map is not of non-negative integers.
    MppError
        When `mpp` is not a light microscope's.

    Examples
    --------
    >>> import numpy as np
    >>> truth = np.zeros((8, 8), np.int32)
    >>> truth[1:5, 1:5] = 300
    >>> prediction = np.zeros((8, 8), np.uint8)
    >>> prediction[1:5, 1:4] = 1
    >>> scores = evaluate_pair(prediction, truth, mpp=0.5)
    >>> scores.detection.f1, scores.pixels.gland_iou, scores.object_hausdorff_um
    (1.0, 0.75, 0.5)
    """
    mpp = None if mpp is None else check_mpp(mpp, source=name)
    if valid is not None:
        check_same_shape(prediction, truth)
        check_same_shape(valid, truth)
        prediction, truth = _where_valid(prediction, valid), _where_valid(truth, valid)
    pair = LabelPair.of(prediction, truth)
    return ImageScores(
        name=name,
        mpp=mpp,
        pixels=_confusion(pair, valid),
        detection=detection_counts(pair),
        matches=iou_matches(pair),
        dice_sums=object_dice_sums(pair),
        hausdorff_sums=object_hausdorff_sums(pair),
    )


def _where_valid(labels: AnyLabelMap, valid: BoolMask) -> AnyLabelMap:
    """Return a label map that is background where nothing is known."""
    known = scratch_array(labels.shape, labels.dtype)
    for rows in bands(labels.shape):
        known[rows] = np.where(valid[rows], labels[rows], 0)
    return known


def _confusion(pair: LabelPair, valid: BoolMask | None) -> ConfusionMatrix:
    """Count the pixels of gland and background, band by band."""
    counts = ConfusionMatrix()
    for rows in bands(pair.truth.labels.shape):
        counts += ConfusionMatrix.of(
            pair.prediction.labels[rows] > 0,
            pair.truth.labels[rows] > 0,
            valid=None if valid is None else valid[rows],
        )
    return counts
