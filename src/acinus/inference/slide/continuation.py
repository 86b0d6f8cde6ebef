"""What a network is shown in place of the glass beside tissue: the tissue, continued as its own mirror image.

A network that has learnt from tissue alone takes glass for what it knows, lumina or pale stroma, and errs in
the tissue beside it. Ours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from acinus.core.geometry import Box
from acinus.core.image import BoolMask, RgbArray
from acinus.core.units import um_to_px
from acinus.inference.colours import stained_bytes
from acinus.inference.slide.blurring import blur_reach_px, blurred_bytes
from acinus.inference.slide.tissue import SlideTissue

__all__ = ["TissueContinuation"]

_GRAIN_UM = 1.25  # standard deviation of a Gaussian that averages the grain of glass away
_FADING_UM = 1.25  # so far around glass everything has something of it
_OVERLAP = 1.5  # pixels of the overview by which its mask may reach beyond the tissue
_MOST_PER_STEP = 1.02  # how far, in pixels, what OpenCV takes for one pixel away may be


@dataclass(frozen=True)
class TissueContinuation:
    """The tissue of a slide, continued into the glass beside it.

    Glass has no stain and lies outside of the tissue mask, or within 1.5 of that coarse mask's pixels inside.
    What tissue encloses, artefacts, and what is not of interest stay as they are. A pixel of glass shows what
    lies as far behind the edge of the tissue as it lies before that, and stays as it is where that is no
    tissue. What it shows does not depend on the box in which it is looked at.

    Attributes
    ----------
    tissue : SlideTissue
    reach_um : float
        What is farther away from tissue stays as it is, too.
    """

    tissue: SlideTissue
    reach_um: float

    @cached_property
    def margin_px(self) -> int:
        """How far around a pixel, along each axis, it is decided what the pixel shows."""
        beside = self._fading_px + self._overlap_px + blur_reach_px(self._sigma)
        return 2 * math.ceil(_MOST_PER_STEP * self._reach_px) + beside

    def concerns(self, box: Box) -> bool:
        """Say whether there may be glass in a box of the working grid, or so near that it shows."""
        around = box.grown(self.margin_px).intersection(self.tissue.grid.box)
        return bool(self._outside(around).any())

    def shown(self, rgb: RgbArray, box: Box, part: Box) -> tuple[RgbArray, BoolMask]:
        """Return what a part of a box shows, and where it is glass.

        Parameters
        ----------
        rgb : (box.height, box.width, 3) uint8
        box : Box
            Of the working grid: `part`, and ``margin_px`` around it as far as the slide goes.
        part : Box

        Returns
        -------
        (part.height, part.width, 3) uint8, (part.height, part.width) bool
            Beside no tissue, pixels are as they were.
        """
        glass = _grown(self._outside(box), self._overlap_px) & ~self._stained(rgb)
        mixed = _grown(glass, self._fading_px)
        tissue = self.tissue.mask_of(box, rim=False) & ~mixed
        # With all of its margin, so that no place in it lies beyond a side: there is no tissue to show.
        whole = part.grown(self.margin_px)
        inside = part.slices_in(whole)
        hidden = np.zeros((whole.height, whole.width), dtype=bool)
        hidden[inside] = mixed[part.slices_in(box)]
        seen = _padded(rgb, box, whole)
        shows = self._shows(hidden, _padded(tissue.view(np.uint8), box, whole).view(bool))
        result = np.take(seen.reshape(-1, 3), shows, axis=0).reshape(seen.shape)
        return np.ascontiguousarray(result[inside]), glass[part.slices_in(box)]

    def _shows(self, hidden: BoolMask, tissue: BoolMask) -> NDArray[np.int32]:
        """Return which pixel each one shows, counted row by row, most of them themselves: (H × W,) int32.

        Parameters
        ----------
        hidden : (H, W) bool
            Nowhere less than ``margin_px`` from a side.
        tissue : (H, W) bool
        """
        edge = tissue & ~cv2.erode(tissue.view(np.uint8), np.ones((3, 3), np.uint8)).view(bool)
        distance, nearest = cv2.distanceTransformWithLabels(
            (~edge).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
        )
        places = np.zeros(int(nearest.max()) + 1, np.int32)
        places[nearest[edge]] = np.flatnonzero(edge)
        here = np.flatnonzero(hidden & (distance <= self._reach_px)).astype(np.int32)
        behind = 2 * np.take(places, np.take(nearest.ravel(), here)) - here
        shows = np.arange(tissue.size, dtype=np.int32)
        shows[here] = np.where(np.take(tissue.ravel(), behind), behind, here)
        return shows

    def _outside(self, box: Box) -> BoolMask:
        """Return what may be glass, as far as the overview tells, (box.height, box.width) bool."""
        return ~self.tissue.seen_in(box, self._no_glass)

    @cached_property
    def _no_glass(self) -> BoolMask:
        tissue = self.tissue
        found = tissue.mask | ~tissue.of_interest
        if tissue.wide_gaps is not None:
            found |= tissue.wide_gaps
        if tissue.artefacts is not None:
            found |= tissue.artefacts.mask
        return found

    def _stained(self, rgb: RgbArray) -> BoolMask:
        lab = blurred_bytes(cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB), self._sigma)
        return stained_bytes(lab[..., 1], lab[..., 2])

    @property
    def _mpp(self) -> float:
        return self.tissue.grid.mpp

    @property
    def _reach_px(self) -> float:
        return um_to_px(self.reach_um, mpp=self._mpp)

    @property
    def _sigma(self) -> float:
        return um_to_px(_GRAIN_UM, mpp=self._mpp)

    @property
    def _fading_px(self) -> int:
        return math.ceil(um_to_px(_FADING_UM, mpp=self._mpp))

    @property
    def _overlap_px(self) -> int:
        return math.ceil(_OVERLAP * self.tissue.mpp / self._mpp)


def _grown(mask: BoolMask, by_px: int) -> BoolMask:
    """Return a mask with what lies within a square around its pixels."""
    square = np.ones((2 * by_px + 1, 2 * by_px + 1), np.uint8)
    return np.asarray(cv2.dilate(mask.astype(np.uint8), square), dtype=bool)


def _padded(values: NDArray[np.uint8], box: Box, whole: Box) -> NDArray[np.uint8]:
    """Return the values of a box as those of a larger one, 0 where they are not known."""
    sides = box.y - whole.y, whole.bottom - box.bottom, box.x - whole.x, whole.right - box.right
    if not any(sides):
        return values
    return np.asarray(cv2.copyMakeBorder(values, *sides, cv2.BORDER_CONSTANT), dtype=np.uint8)
