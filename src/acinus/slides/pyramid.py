"""The one implementation of `SlideReader`: geometry and resampling here, pixels from a source."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import numpy as np

from acinus.core.geometry import Box, Size
from acinus.core.image import RgbArray
from acinus.slides.reader import Level, resolved_mpp, working_size
from acinus.slides.resample import resample, sampling_axis

__all__ = ["PixelSource", "PyramidReader", "SlideFacts", "SourceRefusedError"]

_BLOCK_PX = 1_000_000
"""Source pixels decoded at once (3 MB, 36 MB while they are averaged): what is larger is read in blocks."""

_COARSER_BY = 1.01
"""A level this much coarser than asked still counts as fine enough: stored pyramids say 4.0005, not 4."""


class SourceRefusedError(Exception):
    """The file is not for this library; another one may read it."""


@dataclass(frozen=True)
class SlideFacts:
    """What a source knows about its file; the words are those of `SlideReader`.

    `orientation` is the value of TIFF's and Exif's tag, 1 for upright; sizes are those of the stored picture.
    """

    format: str
    levels: Sequence[Level]
    bounds: Box
    mpp: float | None
    mpp_source: str
    mpp_doubt: str | None = None
    objective_power: float | None = None
    notes: Sequence[str] = ()
    orientation: int = 1


class PixelSource(Protocol):
    """An open file that can return a box of one of its levels."""

    backend: str
    facts: SlideFacts

    def read_level(self, level: int, box: Box) -> RgbArray:
        """Return `box`, given in pixels of `level` and lying inside it, as (height, width, 3) uint8."""
        ...

    def close(self) -> None:
        """Release the file."""
        ...


class PyramidReader:
    """A `SlideReader` over a `PixelSource`, which it opens again after a pickle or a fork."""

    def __init__(self, path: Path, open_source: Callable[[Path], PixelSource], *, mpp: float | None) -> None:
        self._path = path
        self._open_source = open_source
        self._mpp = mpp
        self._source: PixelSource | None = open_source(path)
        self._process_id = os.getpid()
        self._facts = self._source.facts
        self._backend = self._source.backend

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    @property
    def size(self) -> Size:
        """Width and height at level 0."""
        return self._facts.levels[0].size

    @property
    def mpp(self) -> float | None:
        """µm per level-0 pixel, unchecked."""
        return self._facts.mpp if self._mpp is None else self._mpp

    @property
    def mpp_source(self) -> str:
        """Where `mpp` was read from."""
        return self._facts.mpp_source if self._mpp is None else "--mpp"

    @property
    def mpp_doubt(self) -> str | None:
        """What the file contradicts itself in, where `mpp` is None for that."""
        return self._facts.mpp_doubt if self._mpp is None else None

    @property
    def notes(self) -> Sequence[str]:
        """What was left out of the file, or read otherwise than stored."""
        return self._facts.notes

    @property
    def levels(self) -> Sequence[Level]:
        """The pyramid, finest first."""
        return self._facts.levels

    @property
    def bounds(self) -> Box:
        """The scanned part of level 0."""
        return self._facts.bounds

    @property
    def format(self) -> str:
        """Vendor or file format."""
        return self._facts.format

    @property
    def backend(self) -> str:
        """The library that reads the file."""
        return self._backend

    @property
    def objective_power(self) -> float | None:
        """Magnification of the objective, where the file says."""
        return self._facts.objective_power

    def read(self, box: Box, *, mpp: float) -> RgbArray:
        """Return a level-0 box at `mpp` µm per pixel.

        Parameters
        ----------
        box : Box
            In level-0 pixels; what lies outside the slide comes out white.
        mpp : float
            Wanted µm per pixel, coarser or finer than the file's.

        Returns
        -------
        ndarray of shape (H, W, 3), uint8
            Of the size `working_size` gives, the box stretched by less than half a pixel to fill it;
            (0, 0, 3) when the box is empty.

        Raises
        ------
        MppError
            When the file's own resolution is unknown or absurd.
        """
        if box.width <= 0 or box.height <= 0:
            return np.zeros((0, 0, 3), np.uint8)
        out = working_size(Size(box.width, box.height), native_mpp=resolved_mpp(self), mpp=mpp)
        return self._sample(box.x, box.y, box.width / out.width, box.height / out.height, out)

    def read_working(self, tile: Box, *, mpp: float) -> RgbArray:
        """Return a box of the grid of `mpp`, whose pixel (0, 0) starts at the slide's origin.

        Parameters
        ----------
        tile : Box
            In pixels of `mpp`: pixel i covers level-0 columns [i·s, (i + 1)·s) with s = mpp / native mpp.
        mpp : float
            Wanted µm per pixel.

        Returns
        -------
        ndarray of shape (tile.height, tile.width, 3), uint8
            Overlapping tiles agree on their common pixels (through OpenSlide, on levels whose downsample is
            not a whole number, up to its own interpolation of fractions of a pixel).
        """
        if tile.width <= 0 or tile.height <= 0:
            return np.zeros((0, 0, 3), np.uint8)
        step = mpp / resolved_mpp(self)
        return self._sample(tile.x * step, tile.y * step, step, step, Size(tile.width, tile.height))

    def _sample(self, x: float, y: float, step_x: float, step_y: float, out: Size) -> RgbArray:
        """Sample `out` pixels of `step` level-0 pixels each from the level-0 point (x, y) on."""
        level = self._level_for(min(step_x, step_y))
        n_x = max(1, min(out.width, int(_BLOCK_PX**0.5 * level.downsample / step_x)))
        n_y = max(1, min(out.height, int(_BLOCK_PX**0.5 * level.downsample / step_y)))
        result = np.empty((out.height, out.width, 3), np.uint8)
        for top in range(0, out.height, n_y):
            for left in range(0, out.width, n_x):
                block = Size(min(n_x, out.width - left), min(n_y, out.height - top))
                result[top : top + block.height, left : left + block.width] = self._sample_block(
                    level, x + left * step_x, y + top * step_y, step_x, step_y, block
                )
        return result

    def _sample_block(
        self, level: Level, x: float, y: float, step_x: float, step_y: float, out: Size
    ) -> RgbArray:
        ratio = level.downsample
        axis_x = sampling_axis(
            start=x / ratio,
            step=step_x / ratio,
            n_out=out.width,
            n_source=level.size.width,
            extent=self.size.width / ratio,
        )
        axis_y = sampling_axis(
            start=y / ratio,
            step=step_y / ratio,
            n_out=out.height,
            n_source=level.size.height,
            extent=self.size.height / ratio,
        )
        if not (axis_x.cover.any() and axis_y.cover.any()):
            return np.full((out.height, out.width, 3), 255, np.uint8)
        box = Box(axis_x.first, axis_y.first, axis_x.count, axis_y.count)
        return resample(self._live().read_level(self.levels.index(level), box), x=axis_x, y=axis_y)

    def _level_for(self, step: float) -> Level:
        fine_enough = [level for level in self.levels if level.downsample <= step * _COARSER_BY]
        return max(fine_enough, key=lambda level: level.downsample, default=self.levels[0])

    def _live(self) -> PixelSource:
        """Return the source, opened in this very process."""
        if self._source is None or self._process_id != os.getpid():
            self._source = self._open_source(self._path)
            self._process_id = os.getpid()
        return self._source

    def close(self) -> None:
        """Release the file; a later read opens it again."""
        if self._source is not None and self._process_id == os.getpid():
            self._source.close()
        self._source = None

    def __enter__(self) -> Self:
        """Return the reader itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the reader."""
        self.close()

    def __getstate__(self) -> dict[str, object]:
        """Leave the open file behind."""
        return {**self.__dict__, "_source": None}
