"""A whole slide as one picture whose memory is bounded, on a grid that starts at the slide's corner."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from acinus.core.geometry import Box, Size
from acinus.core.image import RgbArray
from acinus.slides.reader import SlideReader, resolved_mpp
from acinus.slides.tissue import OVERVIEW_MPP

__all__ = ["CoarseView"]


@dataclass(frozen=True)
class CoarseView:
    """What a slide looks like from afar.

    Attributes
    ----------
    rgb : (H, W, 3) uint8
    mpp : float
        µm per pixel, `OVERVIEW_MPP` or more.
    scale : float
        Level-0 pixels per pixel.
    """

    rgb: RgbArray
    mpp: float
    scale: float

    @classmethod
    def of(cls, reader: SlideReader, *, most_px: int) -> CoarseView:
        """Read a slide at 8 µm per pixel, or as much coarser as it takes to have about `most_px` pixels.

        Raises
        ------
        MppError
            When the slide's own resolution is unknown or absurd.
        """
        mpp = cls.mpp_of(reader, most_px=most_px)
        scale = mpp / resolved_mpp(reader)
        width, height = (
            math.ceil(length / scale - 1e-6) for length in (reader.size.width, reader.size.height)
        )
        whole = Box(0, 0, max(1, width), max(1, height))
        return cls(reader.read_working(whole, mpp=mpp), mpp, scale)

    @staticmethod
    def mpp_of(reader: SlideReader, *, most_px: int) -> float:
        """Return the µm per pixel at which `of` reads a slide.

        Raises
        ------
        MppError
            When the slide's own resolution is unknown or absurd.
        """
        area_um2 = reader.size.width * reader.size.height * resolved_mpp(reader) ** 2
        return max(OVERVIEW_MPP, math.sqrt(area_um2 / most_px))

    def reduced(self, *, most_px: int) -> CoarseView:
        """Return the view with at most about so many pixels: itself, or one that is coarser.

        Examples
        --------
        >>> import numpy as np
        >>> small = CoarseView(np.zeros((90, 60, 3), np.uint8), mpp=8.0, scale=16.0).reduced(most_px=600)
        >>> small.size, small.mpp, small.scale
        (Size(width=20, height=30), 24.0, 48.0)
        """
        width, height = self.size.width, self.size.height
        factor = math.sqrt(width * height / most_px)
        if factor <= 1.0:
            return self
        size = max(1, round(width / factor)), max(1, round(height / factor))
        rgb = np.asarray(cv2.resize(self.rgb, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        return CoarseView(rgb, self.mpp * factor, self.scale * factor)

    @property
    def size(self) -> Size:
        """Width and height in pixels."""
        return Size(self.rgb.shape[1], self.rgb.shape[0])

    def level0(self, box: Box) -> Box:
        """Return the level-0 box of one given in pixels of the view.

        Examples
        --------
        >>> import numpy as np
        >>> CoarseView(np.zeros((9, 9, 3), np.uint8), mpp=8.0, scale=16.0).level0(Box(1, 2, 3, 4))
        Box(x=16, y=32, width=48, height=64)
        """
        x, y = round(box.x * self.scale), round(box.y * self.scale)
        return Box(x, y, round(box.right * self.scale) - x, round(box.bottom * self.scale) - y)
