"""From final masks to figures; nothing before this is told what a label says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acinus.benchmark.checks import read_truth
from acinus.core.image import BoolMask, LabelMap
from acinus.data.sample import Sample
from acinus.inference.instances import InstanceSettings, label_glands
from acinus.metrics import ClusterCounts, ImageScores, evaluate_pair, pool

__all__ = ["Masks", "score_split"]


@dataclass(frozen=True)
class Masks:
    """What a method says about one image.

    Attributes
    ----------
    labels : (H, W) int32
        The glands by its own mapping.
    clusters : (H, W) uint8
        Its clusters; 0 and 1 for a method that only knows gland and rest.
    mpp : float
        µm per pixel of both.
    """

    labels: LabelMap
    clusters: NDArray[np.uint8]
    mpp: float

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of both in pixels."""
        return self.labels.shape[0], self.labels.shape[1]


def score_split(
    samples: Sequence[Sample],
    masks_of: Callable[[str], Masks],
    *,
    n_clusters: int,
    shared_clusters: bool,
    instances: InstanceSettings,
) -> dict[str, dict[str, Any]]:
    """Score the images of a split under both mappings.

    Parameters
    ----------
    samples : sequence of Sample
        With labels.
    masks_of : callable
        Returns the masks of the image of a name.
    n_clusters : int
        K.
    shared_clusters : bool
        Whether the oracle names clusters once for the split, or anew for every image.
    instances : InstanceSettings
        How the oracle's masks become glands, as those of the method itself did.

    Returns
    -------
    dict
        By mapping, ``label_free`` and ``oracle``: all metrics ``pooled``, and by image its ``counts`` (TP,
        FP, FN, TN pixels), its metrics, and the ``sums`` that can be pooled with those of other images.

    Raises
    ------
    DatasetError
        When the labels of an image do not lie on it; the text names it.

    Notes
    -----
    The oracle of two clusters is the Hungarian assignment. Of more clusters it is the majority (many-to-one):
    one-to-one would throw away all clusters but two, which nobody who over-clusters means.
    Both get the most pixels right before holes are filled and specks dropped, so that a method's own mapping
    may come out a little above its oracle by mIoU.
    """
    counts = {}
    for sample in samples:
        masks = masks_of(sample.name)
        truth = read_truth(sample, masks.shape)
        counts[sample.name] = ClusterCounts.of(masks.clusters, _gland(truth), n_clusters=n_clusters)
    if shared_clusters:
        first, *rest = counts.values()
        named = _oracle(sum(rest, first))
        gland_clusters = dict.fromkeys(counts, named)
    else:
        gland_clusters = {name: _oracle(count) for name, count in counts.items()}
    label_free, oracle = [], []
    for sample in samples:
        masks = masks_of(sample.name)
        truth = read_truth(sample, masks.shape)
        own = evaluate_pair(masks.labels, truth, mpp=masks.mpp, name=sample.name)
        gland = np.isin(masks.clusters, list(gland_clusters[sample.name]))
        label_free.append(own)
        if np.array_equal(gland, masks.labels > 0):
            oracle.append(own)
        else:
            labels = label_glands(gland.astype(np.float32), instances, mpp=masks.mpp)
            oracle.append(evaluate_pair(labels, truth, mpp=masks.mpp, name=sample.name))
    return {"label_free": _plain(label_free), "oracle": _plain(oracle)}


def _oracle(counts: ClusterCounts) -> frozenset[int]:
    return counts.hungarian() if len(counts.pixels) <= 2 else counts.majority()


def _gland(truth: LabelMap) -> BoolMask:
    return np.asarray(truth > 0)


def _plain(scores: Iterable[ImageScores]) -> dict[str, Any]:
    images = list(scores)
    return {
        "pooled": pool(images).as_dict(),
        "counts": {
            image.name: [
                image.pixels.true_positive,
                image.pixels.false_positive,
                image.pixels.false_negative,
                image.pixels.true_negative,
            ]
            for image in images
        },
        "images": {image.name: image.as_dict() for image in images},
        "sums": {image.name: image.sums_as_plain() for image in images},
    }
