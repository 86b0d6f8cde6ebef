"""The windows that a slide is computed in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acinus.core.geometry import Box, Size
from acinus.core.units import um_to_px
from acinus.inference.refinement import RefinementSettings
from acinus.inference.slide.blurring import blur_reach_px
from acinus.inference.slide.grid import WorkingGrid
from acinus.slides.reader import SlideReader

__all__ = ["Window", "WindowPlan", "plan_windows"]

_UNBOUNDED_HALO_PX = 128  # of networks that look at all of a window: hides most of what differs between two


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
        every kept pixel sees around it; `plan_windows` makes it no less than the network's reach.
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


def plan_windows(
    reader: SlideReader,
    *,
    mpp: float,
    reach_px: int | None,
    stride_px: int,
    refinement: RefinementSettings | None = None,
    window_px: int | None = None,
) -> WindowPlan:
    """Return the windows for a slide and a network: every kept pixel sees all that the network looks at.

    Parameters
    ----------
    mpp : float
        Working resolution in µm per pixel.
    reach_px : int or None
        How far from a pixel the network looks; None when it looks at all of a window.
    stride_px : int
        Of the network, whose windows are multiples of it.
    refinement : RefinementSettings, optional
        Every kept pixel also sees all that its blurred colour depends on.
    window_px : int, optional
        Side of what a window keeps; by default 1024, or four times as much as it sees on each side: the
        margin costs a network little that answers only what is kept, and memory grows with the window.

    Raises
    ------
    MppError
        When the slide's own resolution is unknown or absurd.
    """
    blend_px = WindowPlan.blend_px
    reach = _UNBOUNDED_HALO_PX - blend_px // 2 if reach_px is None else reach_px
    if refinement is not None and refinement.colour_weight > 0.0:
        reach = max(reach, blur_reach_px(um_to_px(refinement.smoothing_um, mpp=mpp)))
    halo_px = -(-(reach + blend_px // 2) // stride_px) * stride_px
    window_px = max(1024, -(-4 * halo_px // 256) * 256) if window_px is None else window_px
    return WindowPlan(
        WorkingGrid.of(reader, mpp),
        window_px=-(-window_px // stride_px) * stride_px,
        halo_px=halo_px,
        stride_px=stride_px,
    )
