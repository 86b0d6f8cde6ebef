"""The working grid of a slide."""

from __future__ import annotations

import math
from dataclasses import dataclass

from acinus.core.geometry import Box, Size
from acinus.slides.reader import SlideReader, resolved_mpp

__all__ = ["WorkingGrid"]


@dataclass(frozen=True)
class WorkingGrid:
    """Pixels of the working resolution that cover a slide, (0, 0) at the slide's level-0 origin.

    Attributes
    ----------
    mpp : float
        µm per working pixel.
    native_mpp : float
        µm per level-0 pixel.
    size : Size
        Working pixels, the last ones possibly covering the slide in part only.
    """

    mpp: float
    native_mpp: float
    size: Size

    @classmethod
    def of(cls, reader: SlideReader, mpp: float) -> WorkingGrid:
        """Return the grid of `mpp` over a slide.

        Raises
        ------
        MppError
            When the slide's own resolution is unknown or absurd.
        """
        native_mpp = resolved_mpp(reader)

        def covering(length: int) -> int:
            # 4000 px of 0.1 µm are 400 µm and not a rounding error more.
            return max(1, math.ceil(length * native_mpp / mpp - 1e-6))

        return cls(mpp, native_mpp, Size(covering(reader.size.width), covering(reader.size.height)))

    @property
    def scale(self) -> float:
        """Level-0 pixels per working pixel."""
        return self.mpp / self.native_mpp

    @property
    def box(self) -> Box:
        """The whole grid."""
        return Box(0, 0, self.size.width, self.size.height)
