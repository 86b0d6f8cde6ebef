"""A gland of a slide at twice the working resolution, where its outline is drawn and its tissue measured.

Working pixels say which gland is where. Where exactly its border runs between the middles of two of them is
in the probability: it is read between them, as it is when that of an image is brought to the image's own
pixels.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from acinus.core.geometry import Box
from acinus.core.image import BoolMask, LabelMap
from acinus.glands.crops import GlandCrop

__all__ = ["MARGIN_PX", "fine_crop", "fine_factor", "fine_mask"]

MARGIN_PX = 2
"""Working pixels around a gland's box from which its fine outline is read."""

_FINEST = 2


def fine_factor(*, mpp: float, native_mpp: float) -> int:
    """Return how many pixels across a working pixel has to be cut into: 2, or 1 where the slide has no more.

    Examples
    --------
    >>> fine_factor(mpp=1.25, native_mpp=0.5), fine_factor(mpp=1.25, native_mpp=1.0)
    (2, 1)
    """
    return max(1, min(_FINEST, int(mpp / native_mpp + 1e-6)))


def fine_mask(own: BoolMask, probability: NDArray[np.uint8], *, threshold: float, factor: int) -> BoolMask:
    """Return a gland's mask with `factor` pixels for each across.

    It is the gland at the middle of each of its working pixels and not at that of any other. Between the two
    the border runs where the probability, read bilinearly, passes the threshold; towards what is gland as
    well but not of this one, each side counts as much as it is above it.

    Parameters
    ----------
    own : (H, W) bool
        The gland's working pixels.
    probability : (H, W) uint8
        × 255.
    threshold : float
        From which a pixel is gland, 0..1.

    Examples
    --------
    >>> own = np.array([[True, True, False, False]])
    >>> fine_mask(own, np.array([[255, 255, 127, 0]], np.uint8), threshold=0.5, factor=2).astype(int)
    array([[1, 1, 1, 1, 1, 0, 0, 0],
           [1, 1, 1, 1, 1, 0, 0, 0]])
    """
    if factor == 1:
        return own
    level = np.float32(255.0 * threshold)
    above = np.abs(probability.astype(np.float32) - level)
    # At least one: where holes were filled, and where pixels are as good as on the level.
    signed = np.where(own, 1.0, -1.0).astype(np.float32) * np.maximum(above, 1.0)
    size = (own.shape[1] * factor, own.shape[0] * factor)
    return np.asarray(cv2.resize(signed, size, interpolation=cv2.INTER_LINEAR) > 0.0)


def fine_crop(
    label: int,
    labels: LabelMap,
    probability: NDArray[np.uint8],
    *,
    box: Box,
    touches_side: bool,
    threshold: float,
    factor: int,
) -> GlandCrop:
    """Return the crop of a gland with `factor` pixels for each across.

    Parameters
    ----------
    labels : (H, W) int32
        Working pixels of `box`, at least `MARGIN_PX` around the gland where the slide goes on.
    probability : (H, W) uint8
        × 255.
    box : Box
        On the working grid.
    """
    mask = fine_mask(labels == label, probability, threshold=threshold, factor=factor)
    others = np.where(labels == label, 0, labels).repeat(factor, axis=0).repeat(factor, axis=1)
    frame = Box(box.x * factor, box.y * factor, box.width * factor, box.height * factor)
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    kept = Box(frame.x + left, frame.y + top, width, height).grown(1).intersection(frame)
    inside = kept.slices_in(frame)
    return GlandCrop(label, np.where(mask, np.int32(label), others)[inside], kept, touches_side)
