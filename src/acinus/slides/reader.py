"""What the other rooms know of a slide: its size, its resolution, and that any box of it can be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from acinus.core.errors import MppError
from acinus.core.geometry import Box, Size
from acinus.core.image import RgbArray
from acinus.core.units import check_mpp

__all__ = ["Level", "SlideReader", "level_downsample", "resolved_mpp", "working_size"]


@dataclass(frozen=True)
class Level:
    """One resolution of a pyramid.

    Attributes
    ----------
    size : Size
        In pixels of this level.
    downsample : float
        Level-0 pixels per pixel of this level.
    tile : Size
        The blocks (or strips) in which the file stores it, in pixels of this level.
    """

    size: Size
    downsample: float
    tile: Size


def level_downsample(whole: Size, size: Size) -> float:
    """Return the downsample of a level of `size`, a whole number wherever the sizes allow it.

    Scanners cut a level to whole pixels: 4443 px halved are 2221, and to take the ratio of the two, 2.0005,
    would move the far side by a pixel of the level.

    Examples
    --------
    >>> level_downsample(Size(4443, 3567), Size(2221, 1783))
    2.0
    >>> level_downsample(Size(1000, 500), Size(400, 200))
    2.5
    """
    ratio = (whole.width / size.width + whole.height / size.height) / 2
    whole_number = max(1, round(ratio))
    fits = (
        abs(whole.width / whole_number - size.width) < 1
        and abs(whole.height / whole_number - size.height) < 1
    )
    return float(whole_number) if fits else ratio


class SlideReader(Protocol):
    """An open slide or image. Close it, or use it in a ``with`` block.

    A reader may be sent to another process: it opens the file again there, no handle crosses over.
    """

    @property
    def path(self) -> Path:
        """The file."""
        ...

    @property
    def size(self) -> Size:
        """Width and height at level 0."""
        ...

    @property
    def mpp(self) -> float | None:
        """µm per level-0 pixel as the file (or the caller) says, unchecked; use `resolved_mpp` to compute."""
        ...

    @property
    def mpp_source(self) -> str:
        """Where `mpp` was read from, in words."""
        ...

    @property
    def mpp_doubt(self) -> str | None:
        """What the file contradicts itself in, to follow its name in a message; then `mpp` is None."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """What was left out of the file, or is read otherwise than stored: one phrase each, about "it"."""
        ...

    @property
    def levels(self) -> Sequence[Level]:
        """The pyramid, finest first."""
        ...

    @property
    def bounds(self) -> Box:
        """The part of level 0 that was scanned; the whole slide where the file does not say."""
        ...

    @property
    def format(self) -> str:
        """Vendor or file format, for example ``aperio`` or ``png``."""
        ...

    @property
    def backend(self) -> str:
        """The library that reads the file: ``openslide``, ``tifffile``, ``zarr`` or ``pillow``."""
        ...

    @property
    def objective_power(self) -> float | None:
        """Magnification of the objective, where the file says."""
        ...

    def read(self, box: Box, *, mpp: float) -> RgbArray:
        """Return a level-0 box at `mpp` µm per pixel, of the shape `working_size` gives; white outside."""
        ...

    def read_working(self, tile: Box, *, mpp: float) -> RgbArray:
        """Return a box given in pixels of `mpp`; a pixel's value does not depend on the box it is read in."""
        ...

    def close(self) -> None:
        """Release the file; a later read opens it again."""
        ...

    def __enter__(self) -> Self:
        """Return the reader itself."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the reader."""
        ...


def resolved_mpp(reader: SlideReader) -> float:
    """Return the reader's µm per pixel if a microscope can have made it.

    Raises
    ------
    MppError
        When the file has none, an absurd one or two that contradict each other; the text names the file and
        ``--mpp``.
    """
    if reader.mpp is None and reader.mpp_doubt is not None:
        raise MppError(f"{reader.path.name} {reader.mpp_doubt}; pass --mpp with the true value")
    return check_mpp(reader.mpp, source=reader.path.name)


def working_size(size: Size, *, native_mpp: float, mpp: float) -> Size:
    """Return the size in pixels, at least 1, that `size` has after resampling from `native_mpp` to `mpp`.

    Examples
    --------
    >>> working_size(Size(775, 522), native_mpp=0.62, mpp=2.48)
    Size(width=194, height=130)
    """
    ratio = native_mpp / mpp
    return Size(max(1, round(size.width * ratio)), max(1, round(size.height * ratio)))
