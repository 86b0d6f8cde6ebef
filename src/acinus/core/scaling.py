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


def scaled(settings: T, ratio: SizeRatio, *, earlier: SizeRatio | None = None) -> T:
    """Return settings for glands of another size: lengths × the ratio, areas × its square, nested ones too.

    Only defaults are scaled: a value that somebody chose stays what it is.

    Parameters
    ----------
    settings : settings class
    ratio : SizeRatio
        To the glands that the defaults are made for.
    earlier : SizeRatio, optional
        By which the settings were scaled before: what follows from it counts as a default.

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
    earlier = earlier or SizeRatio()
    if ratio == SizeRatio() == earlier:
        return settings
    changed = {}
    for field in fields(settings):  # type: ignore[arg-type]
        value = getattr(settings, field.name)
        if is_settings(value):
            changed[field.name] = scaled(value, ratio, earlier=earlier)
        elif _is_length(field) and value in (field.default, _scaled_default(field, earlier)):
            changed[field.name] = _scaled_default(field, ratio)
    return replace(settings, **changed)  # type: ignore[type-var]


def _is_length(field: Field[Any]) -> bool:
    named = field.name.endswith(("_um", "_um2")) or field.name == "mpp"
    return named and field.default is not MISSING and field.default is not None


def _scaled_default(field: Field[Any], ratio: SizeRatio) -> float:
    power = 2 if field.name.endswith("_um2") else 1
    default: Any = field.default
    return float(default * _ratio_of(field.name, ratio) ** power)


def _ratio_of(name: str, ratio: SizeRatio) -> float:
    if name.startswith("min_"):
        return ratio.smallest
    return ratio.largest if name.startswith("max_") else ratio.typical
