"""A data set: the counts of its images pooled, and beside them the means of per-image values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import fmean

from acinus.core.errors import DatasetError
from acinus.metrics.confusion import ConfusionMatrix
from acinus.metrics.detection import DetectionCounts
from acinus.metrics.evaluate import ImageScores, count_metrics
from acinus.metrics.panoptic import IouMatches
from acinus.metrics.two_sided import TwoSidedMean

__all__ = ["DatasetScores", "pool"]

_AVERAGED = (
    "miou_label_free",
    "miou_oracle",
    "detection_f1",
    "object_dice",
    "object_hausdorff_px",
    "object_hausdorff_um",
    "f1_iou50",
    "panoptic_quality",
)
"""The metrics whose mean over images is reported beside the pooled value."""


@dataclass(frozen=True)
class DatasetScores:
    """The scores of a data set.

    Attributes
    ----------
    images : int
        Images pooled, at least one.
    pixels : ConfusionMatrix
        Label-free, one matrix for all images.
    pixels_oracle_per_image : ConfusionMatrix
        Each image keeps its prediction or its inverse, whichever has the better mIoU, before pooling. The
        most generous figure: for methods that cluster every image anew.
    detection : DetectionCounts
        True positives, false positives and misses of all images.
    matches : IouMatches
        The same for IoU > 0.5.
    object_dice : float
        Over all objects of the set, each weighted by its area in µm² (in px² as the challenge does where all
        images have one resolution, for then the two are the same; also where an image has none).
    object_hausdorff_px : float
        Over all objects of the set, weighted by px². Only meaningful where all images have one resolution.
    object_hausdorff_um : float or None
        Over all objects of the set, weighted by µm²; None where an image has no resolution.
    image_means : dict of str to float
        Means of per-image values under the names of `ImageScores.as_dict`.
    """

    images: int
    pixels: ConfusionMatrix
    pixels_oracle_per_image: ConfusionMatrix
    detection: DetectionCounts
    matches: IouMatches
    object_dice: float
    object_hausdorff_px: float
    object_hausdorff_um: float | None
    image_means: dict[str, float] = field(hash=False)

    def as_dict(self) -> dict[str, float | int]:
        """Return all metrics by name, units in the names, ready for JSON (every number is finite).

        Names without a suffix are pooled over the data set; ``..._image_mean`` is a mean over images. Where
        an image has no resolution, what is in µm is left out.
        """
        pooled: dict[str, float | int] = {
            "images": self.images,
            **count_metrics(self.pixels, self.detection, self.matches),
            "miou_oracle_per_image": self.pixels_oracle_per_image.miou,
            "detection_true_positives": self.detection.true_positive,
            "detection_false_positives": self.detection.false_positive,
            "detection_false_negatives": self.detection.false_negative,
            "object_dice": self.object_dice,
            "object_hausdorff_px": self.object_hausdorff_px,
        }
        if self.object_hausdorff_um is not None:
            pooled["object_hausdorff_um"] = self.object_hausdorff_um
        return pooled | {f"{name}_image_mean": value for name, value in self.image_means.items()}


def pool(scores: Iterable[ImageScores]) -> DatasetScores:
    """Pool the scores of all images of a data set.

    An image without predicted (or true) objects counts: its objects on the other side enter the pooled Dice
    with 0 and the pooled Hausdorff with the image's diagonal.

    Parameters
    ----------
    scores : iterable of ImageScores
        From `evaluate_pair`; images may differ in size and in mpp, and some may have none.

    Raises
    ------
    DatasetError
        When there is no image.

    Examples
    --------
    >>> import numpy as np
    >>> from acinus.metrics.evaluate import evaluate_pair
    >>> found = evaluate_pair(np.array([[1, 1, 0, 0]]), np.array([[1, 1, 0, 0]]), mpp=0.5)
    >>> missed = evaluate_pair(np.array([[0, 0, 0, 0]]), np.array([[0, 0, 0, 9]]), mpp=0.5)
    >>> data_set = pool([found, missed])
    >>> data_set.detection.recall, round(data_set.object_dice, 3), data_set.image_means["object_dice"]
    (0.5, 0.833, 0.5)
    """
    images = list(scores)
    if not images:
        raise DatasetError(
            "expected the scores of at least one image, got none; check that the folder has images"
        )
    tables = [image.as_dict() for image in images]
    resolutions = [image.mpp for image in images]
    known = [mpp for mpp in resolutions if mpp is not None]
    scales = known if len(known) == len(images) else [1.0] * len(images)
    dice, hausdorff_px, hausdorff_um = TwoSidedMean(), TwoSidedMean(), TwoSidedMean()
    for image, scale in zip(images, scales, strict=True):
        dice += image.dice_sums.in_units(area=scale**2)
        hausdorff_px += image.hausdorff_sums
        hausdorff_um += image.hausdorff_sums.in_units(area=scale**2, value=scale)
    return DatasetScores(
        images=len(images),
        pixels=sum((image.pixels for image in images), ConfusionMatrix()),
        pixels_oracle_per_image=sum((image.pixels.oracle() for image in images), ConfusionMatrix()),
        detection=sum((image.detection for image in images), DetectionCounts()),
        matches=sum((image.matches for image in images), IouMatches()),
        object_dice=dice.mean(when_empty=1.0),
        object_hausdorff_px=hausdorff_px.mean(when_empty=0.0),
        object_hausdorff_um=hausdorff_um.mean(when_empty=0.0) if None not in resolutions else None,
        image_means={
            name: fmean(float(table[name]) for table in tables)
            for name in _AVERAGED
            if all(name in table for table in tables)
        },
    )
