"""Images that show what a number means: two typical and two extreme ones of each group."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from acinus.cohorts.comparison import Comparison
from acinus.core.errors import AcinusError
from acinus.report.cohort_glands import Behind
from acinus.report.outlines import read_outlines
from acinus.report.pictures import Picture, opened, overlay_picture, thumbnail
from acinus.report.wording import number
from acinus.results.folder import read_image

__all__ = ["Example", "find_examples"]

_SIDE_PX = 360
_MOST_GROUPS = 6


@dataclass(frozen=True)
class Example:
    """One image of one group.

    Attributes
    ----------
    group : str
    kind : {"typical", "lowest", "highest"}
    image : str
        Its name.
    caption : str
    link : str
        To the gland in the viewer that is typical of it.
    picture : Picture or None
        None where the image cannot be read.
    """

    group: str
    kind: str
    image: str
    caption: str
    link: str
    picture: Picture | None


def find_examples(
    comparison: Comparison, statistic: str, images: Mapping[str, Path], behind: Behind
) -> tuple[Example, ...]:
    """Return for each group the two units nearest to its median, the lowest and the highest.

    Of numbers and survival the groups are the lower and the upper half of the statistic. A patient is shown
    by the image that its value is typical of, see `Behind.typical`.

    Parameters
    ----------
    images : mapping of str to Path
        Folders of results by the name of the image.
    behind : Behind
        The statistic's single glands.
    """
    values = comparison.values_of(statistic)
    found = []
    for group, rows in _groups(comparison, values)[:_MOST_GROUPS]:
        for kind, row in choose_rows(values, rows):
            name, _ = behind.typical(comparison, statistic, row)
            of_patient = comparison.units.names[row]
            caption = f"{of_patient}: {number(values[row])}"
            link = behind.link(comparison, statistic, row)
            found.append(Example(group, kind, name, caption, link, _picture(images.get(name))))
    return tuple(found)


def choose_rows(values: NDArray[np.float64], rows: NDArray[np.intp]) -> list[tuple[str, int]]:
    """Return the lowest, the two nearest to the median and the highest of these rows, none twice.

    Examples
    --------
    >>> choose_rows(np.array([5.0, 1.0, 2.0, 3.0, 9.0]), np.arange(5))
    [('lowest', 1), ('typical', 3), ('typical', 2), ('highest', 4)]
    """
    order = rows[np.argsort(values[rows], kind="stable")]
    if len(order) == 0:
        return []
    inner = order[1:-1]
    away = np.abs(values[inner] - np.median(values[rows]))
    typical = inner[np.argsort(away, kind="stable")][:2].tolist()
    ends = [("lowest", int(order[0]))] + [("typical", row) for row in typical]
    return ends + ([("highest", int(order[-1]))] if len(order) > 1 else [])


def _groups(comparison: Comparison, values: NDArray[np.float64]) -> list[tuple[str, NDArray[np.intp]]]:
    known = np.isfinite(values)
    names = getattr(comparison.outcome, "groups", None)
    if names is not None:
        return [
            (name, np.flatnonzero(known & (comparison.outcome.values == k))) for k, name in enumerate(names)
        ]
    above = values > np.median(values[known])
    return [("lower half", np.flatnonzero(known & ~above)), ("upper half", np.flatnonzero(known & above))]


def _picture(folder: Path | None) -> Picture | None:
    """Return an image with its outlines; its overlay, or None, where the image cannot be read."""
    if folder is None:
        return None
    with suppress(AcinusError, OSError):
        image = read_image(folder)
        with opened(image) as reader:
            file = image.outlines_file
            outlines = read_outlines(file, origin_px=image.record.origin_px) if file else {}
            if reader is not None:
                return thumbnail(image, reader, outlines, side_px=_SIDE_PX)
        if image.overlay_file:
            return overlay_picture(
                image.overlay_file, width_um=image.record.scanned_width_um, side_px=_SIDE_PX
            )
    return None
