"""Boxes and sizes as named types, so that no function takes four bare numbers."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Box", "Size"]


@dataclass(frozen=True)
class Size:
    """Width and height in pixels."""

    width: int
    height: int


@dataclass(frozen=True)
class Box:
    """An axis-aligned rectangle of pixels, half-open: x in [x, x + width), y in [y, y + height).

    Coordinates are level-0 pixels of the slide unless the variable's name says otherwise.
    """

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """First column after the box."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """First row after the box."""
        return self.y + self.height

    def intersection(self, other: Box) -> Box:
        """Return the common part; of width or height 0 when there is none.

        Examples
        --------
        >>> Box(0, 0, 4, 4).intersection(Box(2, 3, 9, 9))
        Box(x=2, y=3, width=2, height=1)
        """
        x, y = max(self.x, other.x), max(self.y, other.y)
        return Box(x, y, max(0, min(self.right, other.right) - x), max(0, min(self.bottom, other.bottom) - y))

    def slices_in(self, frame: Box) -> tuple[slice, slice]:
        """Return the rows and columns of this box in an array of the pixels of another one that contains it.

        Examples
        --------
        >>> Box(12, 21, 3, 4).slices_in(Box(10, 20, 9, 9))
        (slice(1, 5, None), slice(2, 5, None))
        """
        x, y = self.x - frame.x, self.y - frame.y
        return slice(y, y + self.height), slice(x, x + self.width)

    def grown(self, margin: int) -> Box:
        """Return the box with `margin` more pixels on each side; it may reach beyond the image.

        Examples
        --------
        >>> Box(5, 5, 2, 2).grown(1)
        Box(x=4, y=4, width=4, height=4)
        """
        return Box(self.x - margin, self.y - margin, self.width + 2 * margin, self.height + 2 * margin)
