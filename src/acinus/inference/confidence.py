"""How far to trust a result, without labels: how certain the tissue's pixels are.

A network that was taught by proposals that contradict each other stays undecided where they do, and that is
where it errs; and where the image's colours contradict it, one of the two is wrong. How alike this number and
the true mIoU rank images is in docs/failures.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from acinus.core.image import BoolMask
from acinus.core.segmenter import ProbabilityMap

__all__ = ["Confidence", "certainty"]


def certainty(probability: ProbabilityMap, likelihood: ProbabilityMap | None) -> NDArray[np.float32]:
    """Return how certain each pixel is, 0..1: ``|2 P − 1|`` less how far the colours contradict it.

    Parameters
    ----------
    probability : (H, W) float32
        P, the network's.
    likelihood : (H, W) float32 or None
        That of gland by colour alone; None where colours are left out.

    Examples
    --------
    >>> certainty(np.array([0.5, 1.0, 0.1], np.float32), np.array([0.9, 0.75, 0.1], np.float32)).tolist()
    [0.0, 0.75, 0.800000011920929]
    """
    decided = np.abs(2.0 * probability - 1.0)
    if likelihood is not None:
        decided = np.maximum(decided - np.abs(probability - likelihood), 0.0)
    return np.asarray(decided, dtype=np.float32)


@dataclass(frozen=True)
class Confidence:
    """The mean certainty over tissue: 0 undecided, 1 certain everywhere.

    Sums, so that a slide's parts add up.

    Examples
    --------
    >>> half = Confidence.of(np.array([[0.0, 1.0, 0.9]], np.float32), np.array([[True, True, False]]))
    >>> half.mean
    0.5
    >>> Confidence().mean is None
    True
    """

    total: float = 0.0
    count: int = 0

    @classmethod
    def of(cls, certain: NDArray[np.float32], tissue: BoolMask) -> Confidence:
        """Return that of a map of `certainty`, both of shape (H, W)."""
        values = certain[tissue].astype(np.float64)
        return cls(float(values.sum()), values.size)

    def __add__(self, other: Confidence) -> Confidence:
        """Return that of both parts together."""
        return Confidence(self.total + other.total, self.count + other.count)

    @property
    def mean(self) -> float | None:
        """The mean; None where there is no tissue."""
        return self.total / self.count if self.count else None
