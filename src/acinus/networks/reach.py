"""How far from a pixel the default network looks: what a window must show around what it keeps."""

from __future__ import annotations

__all__ = ["unet_reach_px"]

Span = tuple[int, int]
"""First and last pixel that something depends on, along one axis, at one level's resolution."""


def unet_reach_px(*, levels: int, context_cells: int) -> int:
    """Return the distance in pixels beyond which nothing changes what `UNet` says of a pixel.

    Found by following each layer backwards, from every place that a pixel can have in a coarsest cell.

    Parameters
    ----------
    levels : int
        Number of resolutions, the length of ``widths``.
    context_cells : int
        As of `UNet`.

    Examples
    --------
    >>> unet_reach_px(levels=4, context_cells=13)
    106
    """
    cell = 2 ** (levels - 1)
    spans = [_seen((pixel, pixel), 0, levels, context_cells) for pixel in range(cell)]
    return max(max(pixel - first, last - pixel) for pixel, (first, last) in enumerate(spans))


def _seen(output: Span, level: int, levels: int, context_cells: int) -> Span:
    """Return the image's pixels behind a span of what a level gives to the finer one."""
    if level == levels - 1:
        half = context_cells // 2
        return _encoded((output[0] - half, output[1] + half), level)
    first, last = output[0] - 2, output[1] + 2  # two 3×3 convolutions
    skip = _encoded((first, last), level)
    # Bilinear enlargement by 2 takes pixel i from the coarse pixels around (i − 1/2) / 2.
    below = _seen(((first - 1) // 2, (last - 1) // 2 + 1), level + 1, levels, context_cells)
    return min(skip[0], below[0]), max(skip[1], below[1])


def _encoded(output: Span, level: int) -> Span:
    """Return the image's pixels behind a span of a level's encoder."""
    first, last = output[0] - 2, output[1] + 2
    return (first, last) if level == 0 else _encoded((2 * first, 2 * last + 1), level - 1)
