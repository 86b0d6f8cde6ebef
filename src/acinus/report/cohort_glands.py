"""Behind a cohort's statistics: single glands, and the gland or image that is typical of a patient."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from acinus.cohorts.comparison import Comparison
from acinus.core.errors import AcinusError
from acinus.core.spread import evenly_spaced
from acinus.report.cohort_charts import Point
from acinus.report.viewer_links import viewer_link
from acinus.report.wording import number
from acinus.results.files import find_table
from acinus.results.tables import read_table

__all__ = ["Behind", "CohortGlands", "read_cohort_glands", "spread_evenly"]


@dataclass(frozen=True)
class CohortGlands:
    """Some statistics of all glands of a cohort.

    Attributes
    ----------
    labels : mapping of str to ndarray of shape (N,), int32
        Of the N glands of each image, by its name.
    values : mapping of str to mapping of str to ndarray of shape (N,), float64
        By statistic and image; NaN where a gland has none.
    """

    labels: Mapping[str, NDArray[np.int32]]
    values: Mapping[str, Mapping[str, NDArray[np.float64]]]

    def points(self, statistic: str, images: Sequence[str], *, most: int) -> tuple[list[Point], int]:
        """Return the glands of images as points, each with its link, and how many there are.

        Of more than `most`, as many are kept, evenly by rank, the smallest and the largest value included.
        """
        of_image = self.values.get(statistic, {})
        known = [
            (name, int(label), float(value))
            for name in images
            if name in of_image
            for label, value in zip(self.labels[name], of_image[name], strict=True)
            if np.isfinite(value)
        ]
        values = np.array([value for _, _, value in known])
        points = [
            Point(
                value=known[i][2],
                words=f"{known[i][0]}, gland {known[i][1]}: {number(known[i][2])}",
                link=viewer_link(known[i][0], statistic, known[i][1]),
            )
            for i in spread_evenly(values, most).tolist()
        ]
        return points, len(known)

    def typical(self, statistic: str, images: Sequence[str], value: float) -> tuple[str, int] | None:
        """Return image and label of the gland whose value is nearest; None where no gland has one."""
        of_image = self.values.get(statistic, {})
        found: tuple[float, str, int] | None = None
        for name in images:
            away = np.abs(of_image[name] - value) if name in of_image else np.empty(0)
            if not np.isfinite(away).any():
                continue
            row = int(np.nanargmin(away))
            if found is None or away[row] < found[0]:
                found = (float(away[row]), name, int(self.labels[name][row]))
        return None if found is None else found[1:]


@dataclass(frozen=True)
class Behind:
    """What lies behind the value of a patient.

    Attributes
    ----------
    glands : CohortGlands
    of_images : mapping of str to mapping of str to float
        Each image's own statistics by its name, as `acinus.glands.summarise` names them.
    """

    glands: CohortGlands
    of_images: Mapping[str, Mapping[str, float]]

    def link(self, comparison: Comparison, statistic: str, row: int) -> str:
        """Return the viewer's address of what is typical of a unit, see `typical`."""
        image, label = self.typical(comparison, statistic, row)
        return viewer_link(image, statistic, label)

    def typical(self, comparison: Comparison, statistic: str, row: int) -> tuple[str, int | None]:
        """Return image and label of the gland of nearest value, or the image alone where no gland has one.

        Parameters
        ----------
        row : int
            Of the patient, or image, among the units.
        """
        images, value = comparison.units.images[row], float(comparison.values_of(statistic)[row])
        gland = self.glands.typical(statistic, images, value)
        if gland is not None:
            return gland
        away = [abs(self.of_images.get(name, {}).get(statistic, np.nan) - value) for name in images]
        nearest = int(np.nanargmin(away)) if np.isfinite(away).any() else 0
        return images[nearest], None


def read_cohort_glands(images: Mapping[str, Path], statistics: Collection[str]) -> CohortGlands:
    """Read some columns of the tables of glands; images whose table cannot be read are left out.

    Parameters
    ----------
    images : mapping of str to Path
        Folder of the results of each image by its name.
    statistics : collection of str
        Columns of the table of glands.
    """
    labels: dict[str, NDArray[np.int32]] = {}
    values: dict[str, dict[str, NDArray[np.float64]]] = {statistic: {} for statistic in statistics}
    for name, folder in images.items() if statistics else ():
        table = find_table(folder)
        if table is None:
            continue
        with suppress(AcinusError, OSError):
            glands = read_table(table)
            labels[name] = np.asarray(glands["label"], np.int32)
            for statistic in statistics:
                values[statistic][name] = np.asarray(glands[statistic], np.float64)
    return CohortGlands(labels, values)


def spread_evenly(values: NDArray[np.float64], most: int) -> NDArray[np.intp]:
    """Return at most so many rows, evenly by rank, in ascending order of their values.

    Examples
    --------
    >>> spread_evenly(np.array([5.0, 1.0, 3.0, 2.0, 4.0]), 3)
    array([1, 2, 0])
    """
    order = np.argsort(values, kind="stable")
    return np.array(evenly_spaced(order.tolist(), most), dtype=np.intp)
