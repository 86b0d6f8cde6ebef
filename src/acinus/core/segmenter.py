"""What inference knows about a method: an image goes in, the probability of gland comes out."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from acinus.core.image import RgbImage

__all__ = ["ProbabilityMap", "Segmenter"]

ProbabilityMap = NDArray[np.float32]  # (H, W), 0..1


@runtime_checkable
class Segmenter(Protocol):
    """A fitted method, label-free mapping included."""

    @property
    def mpp(self) -> float:
        """Working resolution in µm per pixel."""
        ...

    def probability(self, image: RgbImage) -> ProbabilityMap:
        """Return P(gland) at the image's own size, float32 of shape (H, W)."""
        ...
