"""Deep zoom: any slide as a pyramid of 256 px tiles, each read from the file when it is asked for.

Level `top` is full resolution; each level below halves it. Readers are opened as if a pixel were 1 µm: then
the µm per pixel asked of a reader is the downsample itself, and slides without a resolution can be shown.
"""

from __future__ import annotations

import io
import math
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from acinus.core.errors import MppError
from acinus.core.geometry import Box, Size
from acinus.core.image import RgbArray
from acinus.slides import SlideReader, open_slide, resolved_mpp

__all__ = ["TILE_PX", "BlankSlide", "DeepZoom", "OpenedSlide", "encode_jpeg"]

TILE_PX = 256
"""Side of a tile; 512 would cost four times as much before anything is seen (measured)."""

_OVERVIEW_PX = 2048  # levels no larger than this are made from one picture held in memory (12 MB)
_JPEG_QUALITY = 85
_READERS = 2  # per slide; a reader serves one thread at a time


@dataclass(frozen=True)
class DeepZoom:
    """The tile grid over a slide of `size` level-0 pixels.

    Examples
    --------
    >>> grid = DeepZoom(Size(1000, 600))
    >>> grid.top, grid.downsample(grid.top), grid.downsample(0), grid.box(level=2, column=3, row=2)
    (2, 1, 4, Box(x=768, y=512, width=232, height=88))
    """

    size: Size

    @property
    def top(self) -> int:
        """The level of full resolution; level 0 fits one tile."""
        return max(0, math.ceil(math.log2(max(self.size.width, self.size.height) / TILE_PX)))

    def downsample(self, level: int) -> int:
        """Level-0 pixels per pixel of a level."""
        return int(2 ** (self.top - level))

    def box(self, *, level: int, column: int, row: int) -> Box | None:
        """Return a tile's box in pixels of its level, cut at the slide's side; None where there is none."""
        if not 0 <= level <= self.top:
            return None
        downsample = self.downsample(level)
        whole = Box(0, 0, -(-self.size.width // downsample), -(-self.size.height // downsample))
        box = whole.intersection(Box(column * TILE_PX, row * TILE_PX, TILE_PX, TILE_PX))
        return None if column < 0 or row < 0 or box.width == 0 or box.height == 0 else box


class OpenedSlide:
    """A slide with a small pool of readers.

    Raises
    ------
    InputError
        When the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with open_slide(path) as slide:
            self.mpp, self.mpp_problem = _resolution(slide)
            self.zoom = DeepZoom(slide.size)
        self._idle: queue.LifoQueue[SlideReader] = queue.LifoQueue()
        self._may_open = threading.Semaphore(_READERS)
        self._overview: RgbArray | None = None
        self._overview_lock = threading.Lock()

    @property
    def overview_level(self) -> int:
        """The finest level that fits the picture held in memory."""
        longest = max(self.zoom.size.width, self.zoom.size.height)
        return max(0, self.zoom.top - max(0, math.ceil(math.log2(longest / _OVERVIEW_PX))))

    def tile(self, level: int, box: Box) -> RgbArray:
        """Return the pixels of a tile, (box.height, box.width, 3), read as they lie in the file.

        Coarse tiles are means of the picture in memory: on a slide without a pyramid each of them would
        otherwise read the whole file.
        """
        if level > self.overview_level:
            with self._reader() as slide:
                return slide.read_working(box, mpp=float(self.zoom.downsample(level)))
        step = 2 ** (self.overview_level - level)
        picture = self.overview()
        part = picture[box.y * step : box.bottom * step, box.x * step : box.right * step]
        return _mean_of_blocks(part, step=step, size=Size(box.width, box.height))

    def overview(self) -> RgbArray:
        """Return the whole slide at `overview_level`, read once."""
        with self._overview_lock:
            if self._overview is None:
                downsample = self.zoom.downsample(self.overview_level)
                whole = Box(
                    0, 0, -(-self.zoom.size.width // downsample), -(-self.zoom.size.height // downsample)
                )
                with self._reader() as slide:
                    self._overview = slide.read_working(whole, mpp=float(downsample))
            return self._overview

    @contextmanager
    def _reader(self) -> Iterator[SlideReader]:
        with self._may_open:
            try:
                slide = self._idle.get_nowait()
            except queue.Empty:
                slide = open_slide(self.path, mpp=1.0)
            try:
                yield slide
            finally:
                self._idle.put(slide)

    def close(self) -> None:
        """Close the idle readers; one in use closes its file when it is collected."""
        while True:
            try:
                self._idle.get_nowait().close()
            except queue.Empty:
                return


class BlankSlide:
    """Stands in for a slide whose file is gone or another one: white, so that its glands can be looked at.

    Parameters
    ----------
    size : Size
        At full resolution, as recorded.
    mpp : float, optional
        µm per pixel, as recorded.
    reason : str
        What is wrong with the file, in words that follow its name.
    """

    def __init__(self, size: Size, *, mpp: float | None, reason: str) -> None:
        self.reason = reason
        self.zoom = DeepZoom(size)
        self.mpp = mpp
        self.mpp_problem: str | None = None

    def tile(self, level: int, box: Box) -> RgbArray:
        """Return white."""
        return np.full((box.height, box.width, 3), 255, np.uint8)

    def overview(self) -> RgbArray:
        """Return white of the slide's proportions."""
        longest = max(self.zoom.size.width, self.zoom.size.height)
        height, width = (
            max(1, TILE_PX * side // longest) for side in (self.zoom.size.height, self.zoom.size.width)
        )
        return np.full((height, width, 3), 255, np.uint8)

    def close(self) -> None:
        """Do nothing."""


def encode_jpeg(rgb: RgbArray, *, largest_px: int | None = None) -> bytes:
    """Return an image as JPEG, reduced to a thumbnail when a largest side is given."""
    picture = Image.fromarray(rgb)
    if largest_px is not None:
        picture.thumbnail((largest_px, largest_px), Image.Resampling.BOX, reducing_gap=2.0)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return buffer.getvalue()


def _resolution(slide: SlideReader) -> tuple[float | None, str | None]:
    try:
        return resolved_mpp(slide), None
    except MppError as error:
        return None, str(error)


def _mean_of_blocks(part: RgbArray, *, step: int, size: Size) -> RgbArray:
    """Reduce by a whole step; blocks cut by the slide's side are filled up with their last pixel."""
    if step == 1:
        return part
    missing = (size.height * step - part.shape[0], size.width * step - part.shape[1])
    full = np.pad(part, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge")
    mean: RgbArray = cv2.resize(full, (size.width, size.height), interpolation=cv2.INTER_AREA)
    return mean
