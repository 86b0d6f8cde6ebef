"""One resolution from what a file says of its two axes: both agree, one is a default, or they contradict."""

from __future__ import annotations

import math
from dataclasses import dataclass

from acinus.core.units import MPP_RANGE

__all__ = ["Resolution", "from_axes", "objective_note", "tags_note", "um_per_unit"]

_AGREE = 0.03
"""Scanners' axes differ by less; what differs by more is a mistake, or pixels that are not square."""

_COARSEST_DENSITY_UM = 4.0
"""A density coarser than this is for screens or print (72 to 300 dpi), or a default (1 per centimetre)."""

_POWER_TIMES_MPP = 10.0
"""20× is scanned at 0.5 µm per pixel and 40× at 0.25, within a factor of 1.8 on all scanners we know."""

_UM_PER_UNIT = {
    "pm": 1e-6, "å": 1e-4, "angstrom": 1e-4, "nm": 1e-3, "nanometer": 1e-3, "nanometre": 1e-3,
    "um": 1.0, "micron": 1.0, "microns": 1.0, "micrometer": 1.0, "micrometre": 1.0, "micrometers": 1.0,
    "mm": 1e3, "millimeter": 1e3, "millimetre": 1e3, "cm": 1e4, "centimeter": 1e4, "centimetre": 1e4,
    "dm": 1e5, "m": 1e6, "meter": 1e6, "metre": 1e6, "in": 25400.0, "inch": 25400.0, "thou": 25.4,
}  # fmt: skip


@dataclass(frozen=True)
class Resolution:
    """What a file says of its resolution.

    Attributes
    ----------
    mpp : float or None
        µm per pixel, unchecked; None when the file gives none, or two that contradict each other.
    source : str
        Where it was read from, in words.
    doubt : str or None
        What contradicts what, to follow the file's name in a message.
    """

    mpp: float | None = None
    source: str = "not in the file"
    doubt: str | None = None


def from_axes(x: float | None, y: float | None, source: str, *, density: bool = False) -> Resolution:
    """Return the resolution of square pixels from the µm per pixel of both axes.

    Parameters
    ----------
    x, y : float or None
        µm per pixel across and down; None, 0, negative and infinite values count as absent.
    source : str
        Where they were read from.
    density : bool
        Whether they are a density that programs also fill in for screens and print: then only values down to
        4 µm per pixel are a microscope's, on each axis by itself.

    Returns
    -------
    Resolution
        The mean of two axes that agree within 3 %, or the only axis that there is; in doubt otherwise.

    Examples
    --------
    >>> from_axes(0.499, 0.501, "OME-XML").mpp
    0.5
    >>> from_axes(0.5, 1.0, "OME-XML").doubt
    'gives 0.5 µm/px across and 1 µm/px down (OME-XML)'
    >>> from_axes(0.5, 10000.0, "TIFF resolution tag", density=True)
    Resolution(mpp=0.5, source='TIFF resolution tag, X alone (Y is 10000 µm/px)', doubt=None)
    """
    given = {axis: um for axis, um in (("X", x), ("Y", y)) if um and um > 0 and math.isfinite(um)}
    sides = {axis: um for axis, um in given.items() if not (density and um > _COARSEST_DENSITY_UM)}
    if len(sides) == 2:
        across, down = sides["X"], sides["Y"]
        if max(across, down) <= (1 + _AGREE) * min(across, down):
            return Resolution((across + down) / 2, source)
        return Resolution(None, source, f"gives {across:g} µm/px across and {down:g} µm/px down ({source})")
    if len(sides) == 1:
        axis, um = next(iter(sides.items()))
        others = [f" ({other} is {value:g} µm/px)" for other, value in given.items() if other != axis]
        return Resolution(um, f"{source}, {axis} alone{''.join(others)}")
    if given:
        dpi = 25400 / next(iter(given.values()))
        return Resolution(None, f"not in the file ({source} is {dpi:.0f} dpi, for a screen or print)")
    return Resolution()


def um_per_unit(unit: str) -> float | None:
    """Return the µm in a unit of length by its name or symbol, None for pixels and what else is no length.

    The two signs for micro, their escapes, and what is left of them after a wrong decoding count alike.

    Examples
    --------
    >>> um_per_unit("nm"), um_per_unit("Âµm"), um_per_unit("micrometer"), um_per_unit("pixel")
    (0.001, 1.0, 1.0, None)
    """
    name = unit.strip().lower().replace("\\u00b5", "µ").replace("â", "")
    for micro in ("µ", "μ", "\ufffd"):
        name = name.replace(micro, "u")
    return _UM_PER_UNIT.get(name)


def tags_note(named: Resolution, tags: Resolution) -> str | None:
    """Return what to say where the resolution that is used contradicts a file's resolution tags.

    Examples
    --------
    >>> tags_note(Resolution(0.5, "OME-XML"), Resolution(1.0, "TIFF resolution tag"))
    'its OME-XML says 0.5 µm/px, its TIFF resolution tag 1 µm/px; the first is used'
    """
    if named.mpp is None or tags.mpp is None or from_axes(named.mpp, tags.mpp, "").doubt is None:
        return None
    return (
        f"its {named.source} says {named.mpp:g} µm/px, its {tags.source} {tags.mpp:g} µm/px; "
        "the first is used"
    )


def objective_note(mpp: float | None, power: float | None) -> str | None:
    """Return what to say where µm per pixel do not fit the objective, as after a wrong unit or an export.

    Examples
    --------
    >>> objective_note(0.5, 40)
    'its 0.5 µm/px do not fit its 40× objective (about 0.25); pass --mpp if they are wrong'
    """
    low, high = MPP_RANGE
    if mpp is None or not power or not (math.isfinite(power) and power > 0 and low <= mpp <= high):
        return None
    expected = _POWER_TIMES_MPP / power
    if 1 / 1.8 <= mpp / expected <= 1.8:
        return None
    return (
        f"its {mpp:g} µm/px do not fit its {power:g}× objective (about {expected:.2g}); "
        "pass --mpp if they are wrong"
    )
