"""What inference knows about a method: an image goes in, the probability of gland comes out."""

from __future__ import annotations

from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from acinus.core.geometry import Box
from acinus.core.image import RgbImage

__all__ = [
    "BorderSegmenter",
    "GlandMaps",
    "LocalSegmenter",
    "PartSegmenter",
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

    def cut(self, part: Box) -> GlandMaps:
        """Return a box of these maps."""
        rows, columns = part.slices_in(Box(0, 0, 0, 0))
        depth = None if self.depth is None else self.depth[rows, columns]
        return GlandMaps(self.probability[rows, columns], depth)


@runtime_checkable
class BorderSegmenter(Segmenter, Protocol):
    """A fitted method that also tells glands from their neighbours."""

    def gland_maps(self, image: RgbImage) -> GlandMaps:
        """Return all maps at the image's own size."""
        ...


@runtime_checkable
class LocalSegmenter(Segmenter, Protocol):
    """A fitted method that says of a pixel what its surroundings say, however large the image."""

    @property
    def reach_px(self) -> int | None:
        """How far from a pixel it looks, in px of `mpp`; None where that is not known."""
        ...


@runtime_checkable
class PartSegmenter(Segmenter, Protocol):
    """A fitted method that has less to do where only a part of an image is asked about."""

    def maps_of_part(self, image: RgbImage, part: Box) -> GlandMaps:
        """Return all maps of a part of an image, which is seen whole: those of the image, cut."""
        ...


def maps_of(segmenter: Segmenter, image: RgbImage, part: Box | None = None) -> GlandMaps:
    """Return all that any segmenter says of an image, at the image's own size.

    Parameters
    ----------
    part : Box, optional
        Pixels of the image that are asked about; the others are only looked at. By default all of them.
    """
    if part is not None and isinstance(segmenter, PartSegmenter):
        return segmenter.maps_of_part(image, part)
    if isinstance(segmenter, BorderSegmenter):
        maps = segmenter.gland_maps(image)
    else:
        maps = GlandMaps(segmenter.probability(image))
    return maps if part is None else maps.cut(part)


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
