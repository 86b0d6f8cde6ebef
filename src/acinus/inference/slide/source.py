"""Where labelling reads the probability of a slide from: a store on disk, or an array in tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from acinus.core.geometry import Box, Size
from acinus.core.segmenter import ProbabilityMap

__all__ = ["ArraySource", "ProbabilitySource", "from_bytes"]


def from_bytes(values: NDArray[np.uint8]) -> ProbabilityMap:
    """Return probabilities × 255 as 0..1, float32 of the same shape."""
    return values.astype(np.float32) / np.float32(255)


class ProbabilitySource(Protocol):
    """P(gland) of a slide on its working grid."""

    @property
    def size(self) -> Size:
        """The working grid's size in pixels."""
        ...

    def read(self, box: Box) -> NDArray[np.uint8]:
        """Return probability × 255, rounded, of a box inside the grid: uint8 of (box.height, box.width)."""
        ...


@dataclass(frozen=True)
class ArraySource:
    """A probability map in memory, uint8 of (H, W)."""

    probability: NDArray[np.uint8]

    @property
    def size(self) -> Size:
        """The array's size in pixels."""
        height, width = self.probability.shape
        return Size(width, height)

    def read(self, box: Box) -> NDArray[np.uint8]:
        """Return a view of the box."""
        return self.probability[box.y : box.bottom, box.x : box.right]
