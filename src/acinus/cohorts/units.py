"""From images to the units of a comparison: patients, each of them the mean of its images weighted by area.

Where the images of one patient have different outcomes (a healthy and a tumour biopsy), the image is the
unit instead, and tests and intervals take account of the patients.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from acinus.cohorts.outcomes import Outcome
from acinus.core.naming import natural_key

__all__ = ["CohortImage", "Units", "choose_statistics", "units_of"]

_MEAN = "_area_weighted_mean"
_QUANTILE = re.compile(r"_q\d\d$")
_OF_THE_IMAGE = frozenset({"glands", "tissue_area_um2", "gland_area_um2", "side_fraction"})
"""They say how much was looked at, not how the tissue is."""


@dataclass(frozen=True)
class CohortImage:
    """One image or slide of a cohort.

    Attributes
    ----------
    name : str
    patient : str
    statistics : mapping of str to float
        As `acinus.glands.summarise` names them; NaN where a value is missing.
    quality : float or None
        0..1; None where it was not estimated.
    doubt : str
        Why the image is flagged as untrustworthy; empty for one that is not.
    """

    name: str
    patient: str
    statistics: Mapping[str, float] = field(repr=False)
    quality: float | None = None
    doubt: str = ""


@dataclass(frozen=True)
class Units:
    """Patients, or images that know their patient.

    Attributes
    ----------
    names : tuple of str
        Of the N units.
    patients : ndarray of shape (N,), intp
        Number of each unit's patient.
    patient_names : tuple of str
        Of each unit's patient.
    images : tuple of tuple of str
        Names of the images of each unit.
    statistics : tuple of str
        Names of the K statistics.
    values : ndarray of shape (N, K), float64
        NaN where a value is missing.
    """

    names: tuple[str, ...]
    patients: NDArray[np.intp]
    patient_names: tuple[str, ...]
    images: tuple[tuple[str, ...], ...]
    statistics: tuple[str, ...]
    values: NDArray[np.float64]

    @property
    def clustered(self) -> bool:
        """Whether units share patients."""
        return self.patient_count < len(self.names)

    @property
    def patient_count(self) -> int:
        """Return the number of patients."""
        return len(np.unique(self.patients))


def choose_statistics(images: Sequence[CohortImage], *, quantiles: bool) -> dict[str, str]:
    """Return what is compared: the name that is shown, by key; means are called as their column.

    Examples
    --------
    >>> keys = {"glands": 3.0, "solidity_area_weighted_mean": 0.9, "solidity_q10": 0.7, "clark_evans": 1.1}
    >>> choose_statistics([CohortImage("a", "P1", keys)], quantiles=False)
    {'solidity_area_weighted_mean': 'solidity', 'clark_evans': 'clark_evans'}
    """
    keys = dict.fromkeys(key for image in images for key in image.statistics)
    return {
        key: key.removesuffix(_MEAN)
        for key in keys
        if key not in _OF_THE_IMAGE and (quantiles or not _QUANTILE.search(key))
    }


def units_of(
    images: Sequence[CohortImage],
    outcome: Outcome,
    statistics: Mapping[str, str],
    *,
    by_quality: bool = False,
) -> tuple[Units, Outcome]:
    """Return the units of a comparison and their outcome.

    A mean over glands is averaged over a patient's images by their area of glands, and so is the mean over
    all glands of the patient; what refers to the tissue is averaged by the area of tissue.

    Parameters
    ----------
    images : sequence of CohortImage
    outcome : Outcome
        Of each image.
    statistics : mapping of str to str
        Of `choose_statistics`.
    by_quality : bool
        Weight images by their quality, too; one whose quality is unknown has 1.
    """
    order = sorted({image.patient for image in images}, key=natural_key)
    patients = np.array([order.index(image.patient) for image in images], np.intp)
    rows = [np.flatnonzero(patients == number) for number in range(len(order))]
    if any(not _agree(outcome.select(own)) for own in rows):
        rows = [np.array([i], np.intp) for i in range(len(images))]
    single = all(len(own) == 1 for own in rows) and len(rows) == len(images) and len(order) < len(images)
    units = Units(
        names=tuple(images[own[0]].name if single else images[own[0]].patient for own in rows),
        patients=np.array([patients[own[0]] for own in rows], np.intp),
        patient_names=tuple(images[own[0]].patient for own in rows),
        images=tuple(tuple(images[i].name for i in own.tolist()) for own in rows),
        statistics=tuple(statistics.values()),
        values=np.array(
            [
                [_mean([images[i] for i in own.tolist()], key, by_quality=by_quality) for key in statistics]
                for own in rows
            ],
            np.float64,
        ).reshape(len(rows), len(statistics)),
    )
    return units, outcome.select(np.array([own[0] for own in rows], np.intp))


def _agree(outcome: Outcome) -> bool:
    events = getattr(outcome, "events", outcome.values)
    return bool(np.all(outcome.values == outcome.values[0]) and np.all(events == events[0]))


def _mean(images: Sequence[CohortImage], key: str, *, by_quality: bool) -> float:
    values = np.array([image.statistics.get(key, math.nan) for image in images], np.float64)
    area = "gland_area_um2" if key.endswith(_MEAN) else "tissue_area_um2"
    weights = np.array([image.statistics.get(area, 1.0) for image in images], np.float64)
    if by_quality:
        weights *= [1.0 if image.quality is None else image.quality for image in images]
    known = np.isfinite(values) & (weights > 0)
    return float(np.average(values[known], weights=weights[known])) if known.any() else math.nan
