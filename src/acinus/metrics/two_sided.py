"""The challenge's way to average over objects: by area, once over each map, then the mean of the two."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["TwoSidedMean"]


@dataclass(frozen=True)
class TwoSidedMean:
    """Sums from which an area-weighted two-sided mean follows; they add up over the images of a data set.

    With value v_i and area ``|S_i|`` of predicted object i, w_j and ``|G_j|`` of true object j::

        mean = ½ (Σ_i |S_i| v_i / Σ_i |S_i|  +  Σ_j |G_j| w_j / Σ_j |G_j|)

    A side without objects has no mean of its own and takes the other side's. So an image without any
    prediction scores what its true objects score, and adds nothing to the prediction side of a data set.

    Attributes
    ----------
    prediction_sum, truth_sum : float
        Σ area × value.
    prediction_area, truth_area : float
        Σ area, px² or µm².

    References
    ----------
    Sirinukunwattana et al., Gland segmentation in colon histology images: the GlaS challenge contest,
    Medical Image Analysis 35 (2017), Eq. 5 and 7.

    Examples
    --------
    >>> one = TwoSidedMean.of([10.0, 0.0], [3, 1], [4.0], [5])
    >>> one.mean(when_empty=0.0)
    5.75
    >>> (one + one).mean(when_empty=0.0)
    5.75
    """

    prediction_sum: float = 0.0
    prediction_area: float = 0.0
    truth_sum: float = 0.0
    truth_area: float = 0.0

    @classmethod
    def of(
        cls,
        prediction_values: NDArray[np.float64] | list[float],
        prediction_areas: NDArray[np.int64] | list[int],
        truth_values: NDArray[np.float64] | list[float],
        truth_areas: NDArray[np.int64] | list[int],
    ) -> TwoSidedMean:
        """Sum one image's values, one per object, weighted by the objects' areas."""
        return cls(
            float(np.dot(prediction_values, prediction_areas)),
            float(np.sum(prediction_areas)),
            float(np.dot(truth_values, truth_areas)),
            float(np.sum(truth_areas)),
        )

    def __add__(self, other: TwoSidedMean) -> TwoSidedMean:
        """Join the objects of two images."""
        return TwoSidedMean(
            self.prediction_sum + other.prediction_sum,
            self.prediction_area + other.prediction_area,
            self.truth_sum + other.truth_sum,
            self.truth_area + other.truth_area,
        )

    def in_units(self, *, area: float = 1.0, value: float = 1.0) -> TwoSidedMean:
        """Express areas and values in other units, `area` and `value` of them per old unit."""
        return TwoSidedMean(
            self.prediction_sum * area * value,
            self.prediction_area * area,
            self.truth_sum * area * value,
            self.truth_area * area,
        )

    def mean(self, *, when_empty: float) -> float:
        """Return the mean of the two sides, or `when_empty` where neither map has an object."""
        sides = [
            total / area
            for total, area in (
                (self.prediction_sum, self.prediction_area),
                (self.truth_sum, self.truth_area),
            )
            if area > 0
        ]
        return sum(sides) / len(sides) if sides else when_empty
