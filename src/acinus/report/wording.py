"""The page's words: names of statistics, what a figure means, how far to trust a result."""

from __future__ import annotations

import math
from dataclasses import dataclass

from acinus.core import naming
from acinus.glands import COLUMNS

__all__ = [
    "FAIR_TRUST",
    "HIGH_TRUST",
    "MEASURES",
    "METRICS",
    "Measure",
    "Metric",
    "as_in_table",
    "meaning",
    "number",
    "percent",
    "plural",
    "trust",
]

HIGH_TRUST, FAIR_TRUST = 0.55, 0.45
"""From these label-free qualities on, trust is high and fair; below the second it is low.

Ours: on 55 images of GlaS, EBHI-Seg, RINGS, synthetic ones, skin and a squamous carcinoma, segmented by a
model fitted on GlaS, the mean mIoU is 0.87 above the first, 0.53 between the two and 0.43 below the second
(docs/failures.md).
"""


@dataclass(frozen=True)
class Measure:
    """A column of the gland table as the page names it."""

    column: str
    name: str
    unit: str
    meaning: str
    logarithmic: bool = False
    charted: bool = True

    @property
    def heading(self) -> str:
        """Name with unit."""
        return f"{self.name}, {self.unit}" if self.unit else self.name


MEASURES: tuple[Measure, ...] = (
    Measure("area_um2", "Area", "µm²", "Size of the gland, its lumen included.", logarithmic=True),
    Measure("perimeter_um", "Perimeter", "µm", "Length of the outline.", charted=False),
    Measure("circularity", "Circularity", "", "1 is a disc; folded or ragged glands are lower."),
    Measure(
        "solidity", "Solidity", "", "Share of its convex hull that a gland fills; buds and bays lower it."
    ),
    Measure("best_alignment", "Departure from ellipse", "", "0 is an ellipse; branching glands are higher."),
    Measure("lumen_fraction", "Lumen share", "", "Share of the gland that is pale inside, mucin included."),
    Measure("thickness_um", "Epithelial thickness", "µm", "Mean distance from the lumen to the outside."),
    Measure(
        "haematoxylin_od", "Haematoxylin", "OD", "Mean stain of the epithelium; crowded nuclei raise it."
    ),
    Measure("nearest_gap_um", "Gap to next gland", "µm", "Stroma between a gland and its nearest neighbour."),
)
"""Shown in the table of glands; those `charted` as distributions too."""


@dataclass(frozen=True)
class Metric:
    """A figure of agreement with the truth, and a sentence on how to read it."""

    key: str
    name: str
    unit: str
    meaning: str


METRICS: tuple[Metric, ...] = (
    Metric(
        "miou_label_free",
        "mIoU",
        "",
        "Overlap of pixels with the truth, mean of gland and background; 1 is perfect. Which "
        "pixels are gland was decided without labels, too.",
    ),
    Metric("gland_iou", "Gland IoU", "", "The same overlap for gland pixels alone."),
    Metric("pixel_dice", "Pixel Dice", "", "Overlap of gland pixels: 2 · common / (found + true)."),
    Metric(
        "detection_f1",
        "Detection F1",
        "",
        "Glands found one by one: a gland is found if at least half of it is covered; missed and false "
        "glands lower the value.",
    ),
    Metric(
        "object_dice", "Object Dice", "", "Overlap gland by gland, large glands weighing more; 1 is perfect."
    ),
    Metric(
        "object_hausdorff_um",
        "Object Hausdorff",
        "µm",
        "Largest distance between a found outline and the true one, mean over glands; 0 is perfect.",
    ),
)
"""Shown where truth was given, in this order."""

_DIGITS = {column.name: column.digits for column in COLUMNS}
_MEANINGS = {column.name: column.meaning for column in COLUMNS}


def as_in_table(value: float, column: str) -> str:
    """Return a value with the digits that ``glands.csv`` gives it; a dash for a missing one.

    Examples
    --------
    >>> as_in_table(5775.611, "area_um2"), as_in_table(float("nan"), "solidity")
    ('5775.61', '–')
    """
    return f"{value:.{_DIGITS[column]}f}" if math.isfinite(value) else "–"


def meaning(statistic: str) -> str:
    """Return what a column of the table of glands says; nothing of a statistic that is none."""
    return _MEANINGS.get(statistic, "")


def number(value: float) -> str:
    r"""Return a number to three or four digits, thousands spaced thinly, for reading.

    Examples
    --------
    >>> number(5775.6), number(36.66), number(0.98461), number(float("nan"))
    ('5\u202f776', '36.7', '0.985', '–')
    """
    if not math.isfinite(value):
        return "–"
    size = abs(value)
    if size >= 100 or value == round(value):
        return f"{value:,.0f}".replace(",", "\u202f")
    return f"{value:.{1 if size >= 10 else 2 if size >= 1 else 3 if size >= 0.1 else 4}f}"


def percent(share: float) -> str:
    """Return a share as whole per cent."""
    return f"{100 * share:.0f}\u202f%" if math.isfinite(share) else "–"


def plural(count: int, one: str, several: str | None = None) -> str:
    r"""Return a count with its noun, thousands spaced thinly.

    Examples
    --------
    >>> plural(1, "gland"), plural(3000, "gland")
    ('1 gland', '3\u202f000 glands')
    """
    return naming.plural(count, one, several, shown=number(count))


def trust(quality: float | None) -> tuple[str, str]:
    """Return a word for styling and one for reading; the value counts as it is shown, with two digits.

    Examples
    --------
    >>> trust(0.67), trust(None)
    (('high', 'high (0.67)'), ('unknown', 'not estimated'))
    """
    if quality is None or not math.isfinite(quality):
        return "unknown", "not estimated"
    shown = round(quality, 2)
    level = "high" if shown >= HIGH_TRUST else "fair" if shown >= FAIR_TRUST else "low"
    return level, f"{level} ({shown:.2f})"
