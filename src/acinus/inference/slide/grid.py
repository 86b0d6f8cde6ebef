"""The working grid of a slide and the windows it is computed in."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acinus.core.geometry import Box, Size
from acinus.slides.reader import SlideReader, resolved_mpp

__all__ = ["Window", "WindowPlan", "WorkingGrid"]


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


@dataclass(frozen=True)
class Window:
    """A part of the working grid that the network computes at once; all boxes in working pixels.

    Attributes
    ----------
    index_x, index_y : int
        Place in the lattice of windows.
    core : Box
        The window's own cell; those of all windows tile the grid.
    kept : Box
        What is stored: the core and half of the bands in which it is blended with its neighbours.
    outer : Box
        What the network sees.
    """

    index_x: int
    index_y: int
    core: Box
    kept: Box
    outer: Box


@dataclass(frozen=True)
class WindowPlan:
    """How a working grid is cut into windows: a lattice that is the same whatever lies on the slide.

    Attributes
    ----------
    grid : WorkingGrid
    window_px : int
        Side of a core.
    halo_px : int
        How much farther than its core a window sees on each side. Less half the blending band, this is what
        every kept pixel sees around it: 112 px of the default network's reach of 106 (ours).
    blend_px : int
        Width of the band around each border between cores in which two windows are blended.
    stride_px : int
        The windows' corners are multiples of it, so that a network that pools sees the same cells in all of
        them: a multiple of the network's stride.
    shift_px : int
        How far the lattice is moved up and left of the grid's origin; the result must not depend on it.

    Raises
    ------
    ValueError
        When the sizes do not fit together.
    """

    grid: WorkingGrid
    window_px: int = 1024
    halo_px: int = 128
    blend_px: int = 32
    stride_px: int = 8
    shift_px: int = 0

    def __post_init__(self) -> None:
        """Refuse sizes with which windows would not agree."""
        if any(length % self.stride_px for length in (self.window_px, self.halo_px, self.shift_px)):
            raise ValueError(
                f"window_px, halo_px and shift_px must be multiples of stride_px = {self.stride_px}"
            )
        if self.blend_px % 2 or not 0 < self.blend_px <= self.window_px or self.halo_px < self.blend_px // 2:
            raise ValueError("blend_px must be even, at most window_px, and its half at most halo_px")
        if not 0 <= self.shift_px < self.window_px:
            raise ValueError("shift_px must be less than window_px")

    @property
    def lattice(self) -> Size:
        """Number of windows in each direction."""
        return Size(
            -(-(self.grid.size.width + self.shift_px) // self.window_px),
            -(-(self.grid.size.height + self.shift_px) // self.window_px),
        )

    def windows(self) -> Iterator[Window]:
        """Yield all windows, row by row."""
        for index_y in range(self.lattice.height):
            for index_x in range(self.lattice.width):
                yield self.window(index_x, index_y)

    def window(self, index_x: int, index_y: int) -> Window:
        """Return the window at a place of the lattice."""
        side = self.window_px
        cell = Box(index_x * side - self.shift_px, index_y * side - self.shift_px, side, side)
        whole = self.grid.box
        return Window(
            index_x=index_x,
            index_y=index_y,
            core=cell.intersection(whole),
            kept=cell.grown(self.blend_px // 2).intersection(whole),
            outer=cell.grown(self.halo_px).intersection(whole),
        )

    def windows_keeping(self, box: Box) -> Iterator[Window]:
        """Yield the windows whose kept part meets a box."""
        inside = box.intersection(self.grid.box)
        if inside.width <= 0 or inside.height <= 0:
            return
        reach = inside.grown(self.blend_px // 2)
        first_x, first_y = (max(0, (start + self.shift_px) // self.window_px) for start in (reach.x, reach.y))
        last_x, last_y = (
            min(count - 1, (end - 1 + self.shift_px) // self.window_px)
            for count, end in (
                (self.lattice.width, reach.right),
                (self.lattice.height, reach.bottom),
            )
        )
        for index_y in range(first_y, last_y + 1):
            for index_x in range(first_x, last_x + 1):
                yield self.window(index_x, index_y)

    def weights(self, window: Window) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return what a window counts at each column and row of its kept part, (width,) and (height,).

        A pixel's weight is the product of the two; those of all windows add up to 1.
        """
        return (
            self._fade(window.index_x, window.kept.x, window.kept.width, self.lattice.width),
            self._fade(window.index_y, window.kept.y, window.kept.height, self.lattice.height),
        )

    def _fade(self, index: int, start: int, length: int, count: int) -> NDArray[np.float32]:
        """Return a raised cosine over each band that is shared with a neighbour, 1 elsewhere."""
        centre = np.arange(start, start + length, dtype=np.float64) + 0.5
        weight = np.ones(length)
        if index > 0:
            weight *= self._rise(centre - (index * self.window_px - self.shift_px))
        if index < count - 1:
            weight *= 1.0 - self._rise(centre - ((index + 1) * self.window_px - self.shift_px))
        return weight.astype(np.float32)

    def _rise(self, distance: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Return 0 before the band around a border, 1 behind it, half a cosine between."""
        phase = np.clip(distance / self.blend_px + 0.5, 0.0, 1.0)
        rise: NDArray[np.float64] = 0.5 - 0.5 * np.cos(np.pi * phase)
        return rise
