"""The challenge's object Hausdorff: how far the outlines of matching glands lie apart, in px and in µm."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from acinus.core.units import check_mpp
from acinus.metrics.hausdorff import ObjectShape, object_shapes
from acinus.metrics.label_pair import LabelPair
from acinus.metrics.partners import Partners, partners_of_prediction, partners_of_truth
from acinus.metrics.two_sided import TwoSidedMean

__all__ = ["object_hausdorff_px", "object_hausdorff_sums", "object_hausdorff_um"]

_PREPARED = 20_000  # objects whose outlines are held in memory, about 200 MB


def object_hausdorff_px(pair: LabelPair) -> float:
    """Return the object-level Hausdorff distance of one image in pixels; 0 is best.

    Every object of either map is compared with the object of the other map it shares most pixels with; one
    that touches none, with the nearest by Hausdorff distance. 0 when both maps are empty. Where one is empty
    every object of the other scores the image's diagonal √(H² + W²), more than any distance in the image; the
    challenge's code says infinity there, which no mean over a data set survives.

    References
    ----------
    Sirinukunwattana et al., Medical Image Analysis 35 (2017), Eq. 7.

    Examples
    --------
    >>> pair = LabelPair.of(np.array([[1, 1, 0, 0, 0]]), np.array([[0, 1, 1, 1, 0]]))
    >>> object_hausdorff_px(pair)  # the pixel at column 3 is 2 px from the prediction
    2.0
    """
    return object_hausdorff_sums(pair).mean(when_empty=0.0)


def object_hausdorff_um(pair: LabelPair, *, mpp: float) -> float:
    """Return `object_hausdorff_px` in µm.

    Parameters
    ----------
    pair : LabelPair
        Prediction and truth.
    mpp : float
        µm per pixel of the label maps.

    Raises
    ------
    MppError
        When `mpp` is not a light microscope's.

    Examples
    --------
    >>> pair = LabelPair.of(np.array([[1, 1, 0, 0, 0]]), np.array([[0, 1, 1, 1, 0]]))
    >>> object_hausdorff_um(pair, mpp=0.5)
    1.0
    """
    return object_hausdorff_px(pair) * check_mpp(mpp, source="the label map")


def object_hausdorff_sums(pair: LabelPair) -> TwoSidedMean:
    """Return the sums behind `object_hausdorff_px`, areas in px² and values in px."""
    predicted, true = object_shapes(pair.prediction.labels), object_shapes(pair.truth.labels)
    if predicted and true:
        distances = _Distances(predicted, true)
        prediction_px = _by_object(partners_of_prediction(pair), distances)
        truth_px = _by_object(partners_of_truth(pair), distances.transposed())
    else:
        prediction_px = np.full(len(predicted), pair.diagonal_px)
        truth_px = np.full(len(true), pair.diagonal_px)
    return TwoSidedMean.of(prediction_px, pair.prediction.areas_px, truth_px, pair.truth.areas_px)


class _Distances:
    """Hausdorff distances between objects of two maps by number, each computed once for both sides."""

    def __init__(self, own: list[ObjectShape], other: list[ObjectShape]) -> None:
        self.own, self.other = own, other
        self._known: dict[tuple[int, int], float] = {}
        self._prepared: list[ObjectShape] = []
        self._swapped = False

    def transposed(self) -> _Distances:
        """Return the same table seen from the other map."""
        view = _Distances(self.other, self.own)
        view._known, view._prepared, view._swapped = self._known, self._prepared, not self._swapped
        return view

    def between(self, own: int, other: int) -> float:
        """Return the distance between object `own` and object `other` (1-based)."""
        key = (other, own) if self._swapped else (own, other)
        if key not in self._known:
            pair = (self.own[own - 1], self.other[other - 1])
            self._known[key] = pair[0].hausdorff_px(pair[1])
            self._forget_some(pair)
        return self._known[key]

    def extents_px(self) -> NDArray[np.float64]:
        """Return how far each other object reaches, see `ObjectShape.extents_px`: (N, 8)."""
        found = np.empty((len(self.other), 8))
        for row, shape in enumerate(self.other):
            found[row] = shape.extents_px
            self._forget_some((shape,))
        return found

    def _forget_some(self, shapes: tuple[ObjectShape, ...]) -> None:
        """Hold the outlines of a few thousand objects at a time: a slide has millions."""
        self._prepared += shapes
        if len(self._prepared) >= _PREPARED:
            for shape in self._prepared:
                shape.forget()
            self._prepared.clear()


def _by_object(partners: Partners, distances: _Distances) -> NDArray[np.float64]:
    """Return for each own object the distance to its partner or, without one, to the nearest object: (N,)."""
    values = np.full(len(distances.own), np.inf)
    for own, other in zip(partners.own.tolist(), partners.other.tolist(), strict=True):
        # Equal partners: the nearest counts, so that the value cannot depend on how objects are numbered.
        values[own - 1] = min(values[own - 1], distances.between(own, other))
    alone = np.flatnonzero(np.isinf(values)) + 1
    if len(alone):
        index = KDTree(distances.extents_px())
        for own in alone.tolist():
            values[own - 1] = _nearest_px(own, distances, index)
    return values


def _nearest_px(own: int, distances: _Distances, index: KDTree) -> float:
    """Return the smallest Hausdorff distance from one object to any of the other map.

    Objects are tried by their lower bound (see `ObjectShape.extents_px`), four at first and then twice as
    many, until the next bound is no smaller than the best distance found.
    """
    n_other = len(distances.other)
    best, tried, ask = np.inf, 0, 4
    while tried < n_other:
        ask = min(ask, n_other)
        found = index.query(distances.own[own - 1].extents_px, k=np.arange(1, ask + 1), p=np.inf)
        bounds, numbers = np.atleast_1d(*found)
        for bound, number in zip(bounds[tried:].tolist(), numbers[tried:].tolist(), strict=True):
            if bound >= best:
                return float(best)
            best = min(best, distances.between(own, number + 1))
        tried, ask = ask, 2 * ask
    return float(best)
