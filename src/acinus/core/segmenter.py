"""What inference knows about a method: an image goes in, the probability of gland comes out."""

from __future__ import annotations

from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from acinus.core.image import RgbImage

__all__ = [
    "BorderSegmenter",
    "GlandMaps",
    "ProbabilityMap",
    "Segmenter",
    "from_bytes",
    "maps_of",
    "to_bytes",
]

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


class GlandMaps(NamedTuple):
    """What a method says of every pixel.

    Attributes
    ----------
    probability : (H, W) float32
        P(gland), 0..1.
    depth : (H, W) float32 or None
        How deep inside its gland a pixel lies, 0..1: 0 at the border between two glands that touch. None from
        methods that know nothing of borders.
    """

    probability: ProbabilityMap
    depth: NDArray[np.float32] | None = None


@runtime_checkable
class BorderSegmenter(Segmenter, Protocol):
    """A fitted method that also tells glands from their neighbours."""

    def gland_maps(self, image: RgbImage) -> GlandMaps:
        """Return all maps at the image's own size."""
        ...


def maps_of(segmenter: Segmenter, image: RgbImage) -> GlandMaps:
    """Return all that any segmenter says of an image, at the image's own size."""
    if isinstance(segmenter, BorderSegmenter):
        return segmenter.gland_maps(image)
    return GlandMaps(segmenter.probability(image))


def to_bytes(shares: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return probabilities or depths, 0..1, × 255 and rounded, uint8 of the same shape.

    Examples
    --------
    >>> to_bytes(np.array([0.0, 0.1, 1.0], np.float32)).tolist()
    [0, 26, 255]
    """
    return np.asarray(np.rint(shares * 255.0), dtype=np.uint8)


def from_bytes(values: NDArray[np.uint8]) -> ProbabilityMap:
    """Return what `to_bytes` made as 0..1, float32 of the same shape."""
    return values.astype(np.float32) / np.float32(255)
