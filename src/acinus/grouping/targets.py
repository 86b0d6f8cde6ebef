"""What the network is to learn of each pixel: gland or background, and how deep inside its gland.

Every closed shape of stage 1 is one gland, and here that is used: the stroma between two glands is
background that counts, the more the narrower it is (the border weight of U-Net, Ronneberger et al. 2015,
arXiv 1505.04597, eq. 2, in µm), and where two glands touch a line of background is drawn between them. The
depth of a pixel is its distance to the border of its gland as a share of 12 µm, 1 further in: inside a gland
of any size it stays high, and it falls to 0 on both sides of a border.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from acinus.core.image import BoolMask, LabelMap
from acinus.core.limits import Length, Positive, Weight
from acinus.core.proposal import BACKGROUND, EXTERIOR, IGNORE, INTERIOR, ProposalMap
from acinus.core.settings import settings_class
from acinus.core.units import um_to_px

__all__ = ["BorderTargets", "Targets", "depth_share", "gap_widths_px", "touching"]


class Targets(NamedTuple):
    """Weights of what is taught, (H, W) float32 each; where all are 0 nothing is.

    Attributes
    ----------
    exterior, interior, background
        Of each region, 0..1 but for background between neighbours, which may have more.
    deep, shallow
        Share and rest of the depth: deep / (deep + shallow) is the depth to learn, their sum its weight.
    """

    exterior: NDArray[np.float32]
    interior: NDArray[np.float32]
    background: NDArray[np.float32]
    deep: NDArray[np.float32]
    shallow: NDArray[np.float32]


@settings_class
class BorderTargets:
    """How the borders of numbered glands are taught (ours).

    Attributes
    ----------
    gap_um : float
        What lies between two glands counts as background up to this width: the distance to the nearest and
        that to the second nearest gland, added up. 0 leaves it as the cue said.
    narrow_weight : float
        Added to the weight of such background at width 0 (U-Net's w0).
    narrow_um : float
        Width at which e^(−1/2) of that is added (U-Net's σ).
    depth_um : float
        Distance to the border from which a pixel is as deep as it gets.
    """

    gap_um: Length = 24.0
    narrow_weight: Weight = 5.0
    narrow_um: Positive = 6.0
    depth_um: Positive = 12.0

    def __call__(self, proposal: ProposalMap) -> Targets:
        """Return what a proposal map teaches, at its own resolution.

        Where the glands have no numbers, nothing is taught of depth.
        """
        trusted = np.where(proposal.regions == IGNORE, 0.0, proposal.confidence).astype(np.float32)
        exterior, interior, background = (
            np.where(proposal.regions == region, trusted, np.float32(0.0))
            for region in (EXTERIOR, INTERIOR, BACKGROUND)
        )
        if proposal.glands is None:
            nothing = np.zeros_like(trusted)
            return Targets(exterior, interior, background, nothing, nothing)
        between, extra = self._between(proposal)
        exterior[between] = interior[between] = 0.0
        background[between] = 1.0 + extra[between]
        inside = (proposal.glands > 0) & ~between
        depth = depth_share(inside, depth_px=um_to_px(self.depth_um, mpp=proposal.mpp))
        known = exterior + interior
        return Targets(
            exterior,
            interior,
            background,
            deep=known * depth,
            shallow=np.where(inside, known * (1.0 - depth), background).astype(np.float32),
        )

    def _between(self, proposal: ProposalMap) -> tuple[BoolMask, NDArray[np.float32]]:
        """Say which pixels part two glands, and how much more they weigh, both (H, W)."""
        glands = proposal.glands
        assert glands is not None
        widths = gap_widths_px(glands, reach_px=um_to_px(self.gap_um, mpp=proposal.mpp)) * proposal.mpp
        line = touching(glands) & (self.gap_um > 0.0)
        widths[line] = 0.0
        free = (proposal.regions == BACKGROUND) | (proposal.regions == IGNORE)
        between = line | (free & (widths < self.gap_um))
        extra = self.narrow_weight * np.exp(-(widths**2) / (2.0 * self.narrow_um**2))
        return between, extra.astype(np.float32)


def gap_widths_px(glands: LabelMap, *, reach_px: float) -> NDArray[np.float32]:
    """Return for each pixel outside the glands how far apart the two nearest are there, in pixels.

    That is the distance to the nearest and to the second nearest gland, added up. It is infinite inside
    glands, and where either is further than `reach_px`.

    Parameters
    ----------
    glands : (H, W) int32
        0 outside, one number per gland.
    """
    height, width = glands.shape
    nearest = np.full(glands.shape, np.inf, dtype=np.float32)
    second = nearest.copy()
    margin = int(np.ceil(reach_px)) + 1
    for number, box in enumerate(ndimage.find_objects(glands), start=1):
        if box is None:
            continue
        rows, columns = (
            slice(max(0, side.start - margin), min(length, side.stop + margin))
            for side, length in zip(box, (height, width), strict=True)
        )
        view = (rows, columns)
        distance = cv2.distanceTransform((glands[view] != number).view(np.uint8), cv2.DIST_L2, 5)
        distance[distance > reach_px] = np.inf
        second[view] = np.minimum(second[view], np.maximum(nearest[view], distance))
        nearest[view] = np.minimum(nearest[view], distance)
    return np.where(glands > 0, np.float32(np.inf), nearest + second)


def touching(glands: LabelMap) -> BoolMask:
    """Say which pixels of glands have another gland among their eight neighbours, (H, W) bool."""
    most = ndimage.maximum_filter(glands, 3)
    least = ndimage.minimum_filter(np.where(glands > 0, glands, np.iinfo(glands.dtype).max), 3)
    return np.asarray((glands > 0) & (most != least), dtype=bool)


def depth_share(inside: BoolMask, *, depth_px: float) -> NDArray[np.float32]:
    """Return the distance to the nearest pixel that is not `inside`, over `depth_px`, 1 at most: (H, W).

    What the image's border cuts is no border of a gland.

    Examples
    --------
    >>> depth_share(np.array([[False, True, True, True]]), depth_px=2.0).tolist()
    [[0.0, 0.5, 1.0, 1.0]]
    """
    if inside.all():
        return np.ones(inside.shape, dtype=np.float32)
    distance = cv2.distanceTransform(inside.view(np.uint8), cv2.DIST_L2, 5)
    share: NDArray[np.float32] = np.minimum(distance / np.float32(depth_px), np.float32(1.0))
    return share
