"""Settings for glands of another size: the lengths and areas of a settings class times what glands differ by.

What a field holds is told by its name, as everywhere in the package: ``_um`` ends a length, ``_um2`` an
area, and ``mpp`` is a length per pixel. ``min_`` and ``max_`` begin what bounds the smallest and the largest
glands.
"""

from __future__ import annotations

import math
from dataclasses import MISSING, Field, dataclass, fields, replace
from typing import Any, TypeVar

from acinus.core.settings import is_settings

__all__ = ["SizeRatio", "scaled"]

T = TypeVar("T")


@dataclass(frozen=True)
class SizeRatio:
    """By how many times glands are wider than those that the defaults are made for.

    Attributes
    ----------
    smallest, largest : float
        Ratio of the diameters of the smallest and the largest glands.

    Examples
    --------
    >>> SizeRatio(1.0, 4.0).typical
    2.0
    """

    smallest: float = 1.0
    largest: float = 1.0

    @property
    def typical(self) -> float:
        """Their geometric mean: the ratio of all lengths that bound neither."""
        return math.sqrt(self.smallest * self.largest)


def scaled(settings: T, ratio: SizeRatio) -> T:
    """Return settings for glands of another size: lengths × the ratio, areas × its square, nested ones too.

    Only defaults are scaled: a value that somebody chose stays what it is.

    Parameters
    ----------
    settings : settings class
    ratio : SizeRatio

    Raises
    ------
    UsageError
        When a scaled value lies outside its limits, such as a resolution that no microscope has.

    Examples
    --------
    >>> from acinus.inference.instances import InstanceSettings
    >>> larger = scaled(InstanceSettings(neck_depth_um=5.0), SizeRatio(2.0, 3.0))
    >>> larger.min_area_um2, larger.max_hole_um2, larger.neck_depth_um, larger.threshold
    (3200.0, 180000.0, 5.0, 0.5)
    """
    if ratio == SizeRatio():
        return settings
    changed = {}
    for field in fields(settings):  # type: ignore[arg-type]
        value = getattr(settings, field.name)
        if is_settings(value):
            changed[field.name] = scaled(value, ratio)
        elif _is_default_length(field, value):
            power = 2 if field.name.endswith("_um2") else 1
            changed[field.name] = value * _ratio_of(field.name, ratio) ** power
    return replace(settings, **changed)  # type: ignore[type-var]


def _is_default_length(field: Field[Any], value: Any) -> bool:
    is_length = field.name.endswith(("_um", "_um2")) or field.name == "mpp"
    return is_length and field.default is not MISSING and value is not None and value == field.default


def _ratio_of(name: str, ratio: SizeRatio) -> float:
    if name.startswith("min_"):
        return ratio.smallest
    return ratio.largest if name.startswith("max_") else ratio.typical
