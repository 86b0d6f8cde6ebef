"""Large images in windows that overlap, so that memory does not grow with the image."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from acinus.core.geometry import Box, Size
from acinus.core.image import RgbImage
from acinus.core.segmenter import GlandMaps, LocalSegmenter, Segmenter, maps_of
from acinus.core.units import um_to_px

__all__ = ["maps_in_windows"]

_WINDOW_UM = 2500.0
_HALO_UM = 320.0  # at least, and all there is of what does not say how far it looks


def maps_in_windows(image: RgbImage, segmenter: Segmenter) -> GlandMaps:
    """Return what a segmenter says of an image of any size that fits into memory, (H, W) float32 each.

    Windows of 2.5 mm are computed with a margin that is thrown away, so that what remains has seen all that
    the network looks at: as far as it looks, and 320 µm at least. What looks at all of an image sees no more
    than a window and its margin.
    """
    height, width = image.shape
    probability = np.zeros((height, width), dtype=np.float32)
    depth: NDArray[np.float32] | None = None
    # Whole multiples of the working pixel's cells keep every window on the same grid.
    cell = max(1, round(64 * segmenter.mpp / image.mpp))
    window = max(cell, round(um_to_px(_WINDOW_UM, mpp=image.mpp) / cell) * cell)
    reach_px = segmenter.reach_px if isinstance(segmenter, LocalSegmenter) else None
    halo_um = max(_HALO_UM, (reach_px or 0) * segmenter.mpp)
    halo = -(-round(um_to_px(halo_um, mpp=image.mpp)) // cell) * cell
    whole = Box(0, 0, width, height)
    for box in _boxes(Size(width, height), window):
        outer = box.grown(halo).intersection(whole)
        part = RgbImage(rgb=image.rgb[outer.slices_in(whole)], mpp=image.mpp, name=image.name)
        maps = maps_of(segmenter, part, Box(box.x - outer.x, box.y - outer.y, box.width, box.height))
        probability[box.slices_in(whole)] = maps.probability
        if maps.depth is not None:
            depth = np.zeros_like(probability) if depth is None else depth
            depth[box.slices_in(whole)] = maps.depth
    return GlandMaps(probability, depth)


def _boxes(size: Size, window_px: int) -> Iterator[Box]:
    for y in range(0, size.height, window_px):
        for x in range(0, size.width, window_px):
            yield Box(x, y, min(window_px, size.width - x), min(window_px, size.height - y))
