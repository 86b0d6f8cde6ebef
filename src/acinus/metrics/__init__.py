"""Two label maps in, numbers out."""

from acinus.metrics.confusion import ConfusionMatrix
from acinus.metrics.detection import DetectionCounts, detection_counts
from acinus.metrics.evaluate import ImageScores, evaluate_pair
from acinus.metrics.label_pair import LabelMapError, LabelPair
from acinus.metrics.mapping import ClusterCounts
from acinus.metrics.object_dice import object_dice
from acinus.metrics.object_hausdorff import object_hausdorff_px, object_hausdorff_um
from acinus.metrics.panoptic import IouMatches, iou_matches
from acinus.metrics.pool import DatasetScores, pool

__all__ = [
    "ClusterCounts",
    "ConfusionMatrix",
    "DatasetScores",
    "DetectionCounts",
    "ImageScores",
    "IouMatches",
    "LabelMapError",
    "LabelPair",
    "detection_counts",
    "evaluate_pair",
    "iou_matches",
    "object_dice",
    "object_hausdorff_px",
    "object_hausdorff_um",
    "pool",
]
