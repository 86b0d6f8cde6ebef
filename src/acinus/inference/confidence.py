"""How far to trust a result, without labels: how decided the network is on the tissue.

A network that was taught by proposals that contradict each other stays undecided where they do, and that is
where it errs: on the GlaS training images this number and the true mIoU rank the images much alike
(docs/results.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acinus.core.image import BoolMask
from acinus.core.segmenter import ProbabilityMap

__all__ = ["Confidence"]


@dataclass(frozen=True)
class Confidence:
    """The mean of |2 P − 1| over tissue, P being P(gland): 0 undecided, 1 certain everywhere.

    Sums, so that a slide's parts add up.

    Examples
    --------
    >>> half = Confidence.of(np.array([[0.5, 1.0, 0.9]], np.float32), np.array([[True, True, False]]))
    >>> half.mean
    0.5
    >>> Confidence().mean is None
    True
    """

    total: float = 0.0
    count: int = 0

    @classmethod
    def of(cls, probability: ProbabilityMap, tissue: BoolMask) -> Confidence:
        """Return that of a map, both of shape (H, W)."""
        values = np.abs(2.0 * probability[tissue].astype(np.float64) - 1.0)
        return cls(float(values.sum()), values.size)

    def __add__(self, other: Confidence) -> Confidence:
        """Return that of both parts together."""
        return Confidence(self.total + other.total, self.count + other.count)

    @property
    def mean(self) -> float | None:
        """The mean; None where there is no tissue."""
        return self.total / self.count if self.count else None
