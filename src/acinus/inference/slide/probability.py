"""One window: what the network has to see of it, and what is kept of the answer and of the colours."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from acinus.core.geometry import Box
from acinus.core.image import BoolMask, RgbArray
from acinus.core.segmenter import to_bytes
from acinus.inference.slide.blurring import blur_reach_px, blurred_bytes
from acinus.inference.slide.plan import Window, WindowPlan
from acinus.inference.slide.tissue import SlideTissue

__all__ = ["kept_colours", "kept_share", "part_with_tissue"]


def part_with_tissue(plan: WindowPlan, window: Window, tissue: SlideTissue) -> Box | None:
    """Return the part of a window that the network has to see, None when it keeps no tissue.

    Of a window that tissue fills in part, the network sees the tissue's bounding box and as much around it as
    around a whole window; a pixel's surroundings within its reach are the same.
    """
    if not tissue.covers(window.kept):
        return None
    mask = tissue.mask_of(window.kept)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    left, right = _outwards(window.kept.x, columns, plan)
    top, bottom = _outwards(window.kept.y, rows, plan)
    return Box(left, top, right - left, bottom - top).intersection(window.outer)


def kept_share(
    share: NDArray[np.float32],
    seen: Box,
    window: Window,
    tissue: SlideTissue,
    *,
    glass: BoolMask | None = None,
) -> NDArray[np.uint8]:
    """Return what a window keeps of the part seen, × 255, 0 on glass and away from tissue.

    Parameters
    ----------
    share : (height, width) float32
        Probability or depth of what lies both in `seen` and in ``window.kept``.
    glass : (seen.height, seen.width) bool, optional
        By default there is none.
    """
    result = np.zeros((window.kept.height, window.kept.width), np.uint8)
    part = seen.intersection(window.kept)
    believed = tissue.mask_of(part)
    if glass is not None:
        believed &= ~glass[part.slices_in(seen)]
    result[part.slices_in(window.kept)] = to_bytes(share) * believed
    return result


def kept_colours(
    rgb: RgbArray, seen: Box, window: Window, tissue: SlideTissue, *, sigma: float
) -> NDArray[np.uint8]:
    """Return the blurred CIELAB colours of what a window keeps of the part seen, 0 away from tissue.

    Windows agree on the pixels they share as long as they see as much around them as the blur reaches. No
    colour is (0, 0, 0): grey has 128 on both axes but the first.

    Parameters
    ----------
    rgb : (seen.height, seen.width, 3) uint8
    sigma : float
        Standard deviation of the Gaussian in pixels.

    Returns
    -------
    (3, kept.height, kept.width) uint8
        As OpenCV scales CIELAB.
    """
    result = np.zeros((3, window.kept.height, window.kept.width), np.uint8)
    part = seen.intersection(window.kept)
    around = part.grown(blur_reach_px(sigma)).intersection(seen)
    lab = blurred_bytes(cv2.cvtColor(rgb[around.slices_in(seen)], cv2.COLOR_RGB2LAB), sigma)
    values = lab[part.slices_in(around)].transpose(2, 0, 1)
    result[:, *part.slices_in(window.kept)] = values * tissue.mask_of(part)
    return result


def _outwards(start: int, with_tissue: NDArray[np.int64], plan: WindowPlan) -> tuple[int, int]:
    """Return the interval from the first to the last tissue and around it, moved out to the network's cells.

    What is around is as much as any kept pixel sees of a whole window.
    """
    around, cell = plan.halo_px - plan.blend_px // 2, plan.stride_px
    first, last = start + int(with_tissue[0]), start + int(with_tissue[-1])
    return (first - around) // cell * cell, -(-(last + 1 + around) // cell) * cell
