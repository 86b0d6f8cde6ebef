"""Physical lengths and pixels: every size in the package is in µm and is converted here."""

from __future__ import annotations

import math

from acinus.core.errors import MppError

__all__ = ["MPP_RANGE", "check_mpp", "um2_to_px", "um_to_px"]

MPP_RANGE = (0.1, 4.0)
"""µm per pixel that a light-microscope image can have at full resolution, from 100× to 2.5×."""


def check_mpp(mpp: float | None, *, source: str, remedy: str = "--mpp") -> float:
    """Return `mpp` if a light microscope can have made it, else say what to do.

    Parameters
    ----------
    mpp : float or None
        µm per pixel at full resolution; None when the file does not say.
    source : str
        What the number was read from, for the message (a file name, ``--mpp``).
    remedy : str
        What to pass: an option, or ``mpp=`` to a function.

    Raises
    ------
    MppError
        When `mpp` is None, not finite or outside `MPP_RANGE`.

    Examples
    --------
    >>> check_mpp(0.5, source="slide.svs")
    0.5
    >>> check_mpp(None, source="slide.svs")
    Traceback (most recent call last):
    ...
    acinus.core.errors.MppError: slide.svs has no µm/px; pass --mpp, for example --mpp 0.5
    """
    if mpp is None:
        example = "mpp=0.5" if remedy == "mpp=" else f"{remedy} 0.5"
        raise MppError(f"{source} has no µm/px; pass {remedy}, for example {example}")
    low, high = MPP_RANGE
    if not math.isfinite(mpp) or not low <= mpp <= high:
        raise MppError(
            f"{source} gives {mpp:g} µm/px, expected {low:g} to {high:g}; pass {remedy} with the true value"
        )
    return float(mpp)


def um_to_px(length_um: float, *, mpp: float) -> float:
    """Convert a length from µm to pixels.

    Examples
    --------
    >>> um_to_px(10.0, mpp=0.5)
    20.0
    """
    return length_um / mpp


def um2_to_px(area_um2: float, *, mpp: float) -> float:
    """Convert an area from µm² to pixels.

    Examples
    --------
    >>> um2_to_px(10.0, mpp=0.5)
    40.0
    """
    return area_um2 / mpp**2
