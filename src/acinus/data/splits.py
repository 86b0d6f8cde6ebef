"""Holding samples out, once or in folds: by image, or by patient so that nobody is on both sides."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from acinus.core.errors import DatasetError, UsageError
from acinus.core.naming import natural_key
from acinus.data.sample import Sample

__all__ = ["fold_out", "hold_out"]


def hold_out(
    samples: Sequence[Sample],
    *,
    count: int | None = None,
    fraction: float | None = None,
    seed: int,
    by_patient: bool = False,
) -> tuple[list[Sample], list[Sample]]:
    """Split samples into those that are kept and those that are held out.

    Parameters
    ----------
    samples : sequence of Sample
        In any order: the split depends on their names, not on it.
    count, fraction : int, float
        How many to hold out, one of the two; of a fraction the nearest number that leaves one on each side.
    seed : int
        Of the draw.
    by_patient : bool
        Hold out whole patients, one after another while that brings the number nearer to the one asked for.

    Returns
    -------
    kept, held : list of Sample
        Neither is empty; both in the order of `samples`.

    Raises
    ------
    UsageError
        When not exactly one of `count` and `fraction` is given, or it leaves one side empty.
    DatasetError
        When `by_patient` meets samples without a patient, or but one patient.

    Examples
    --------
    >>> from pathlib import Path
    >>> samples = [Sample(f"t{i}", Path(f"t{i}.png"), patient=str(i // 2)) for i in range(6)]
    >>> kept, held = hold_out(samples, count=2, seed=0, by_patient=True)
    >>> len(kept), len(held), {s.patient for s in kept} & {s.patient for s in held}
    (4, 2, set())
    """
    wanted = _wanted(len(samples), count=count, fraction=fraction)
    held = _draw(_groups(samples, by_patient=by_patient), wanted, seed=seed, stay=1)
    return _parted(samples, held)


def fold_out(
    samples: Sequence[Sample], *, folds: int, seed: int, by_patient: bool = False
) -> list[tuple[list[Sample], list[Sample]]]:
    """Split samples in as many ways as there are folds, so that each sample is held out once.

    Each fold is what `hold_out` draws from the samples that no fold before it has; the first is that of
    `hold_out` with the fraction 1 / `folds`, as long as it leaves enough patients for the others.

    Parameters
    ----------
    samples, seed, by_patient
        As for `hold_out`.
    folds : int
        At least 2, and no more than there are samples (or patients).

    Returns
    -------
    list of (kept, held)
        One for each fold; neither is empty.

    Raises
    ------
    UsageError
        When there cannot be so many folds.
    DatasetError
        When `by_patient` meets samples without a patient.

    Examples
    --------
    >>> from pathlib import Path
    >>> samples = [Sample(f"t{i}", Path(f"t{i}.png")) for i in range(5)]
    >>> sorted(len(held) for kept, held in fold_out(samples, folds=2, seed=0))
    [2, 3]
    """
    groups = _groups(samples, by_patient=by_patient)
    if not 2 <= folds <= len(groups):
        what = "patients" if by_patient else "images"
        raise UsageError(
            f"there are {len(groups)} {what}, {folds} folds were asked for; choose 2 or more, "
            f"and no more than there are {what}"
        )
    parts = []
    for left in range(folds, 0, -1):
        wanted = round(sum(len(group) for group in groups) / left)
        held = _draw(groups, wanted, seed=seed, stay=left - 1)
        groups = [group for group in groups if group[0].name not in held]
        parts.append(_parted(samples, held))
    return parts


def _draw(groups: Sequence[list[Sample]], wanted: int, *, seed: int, stay: int) -> set[str]:
    """Return the names of whole groups, near to `wanted` samples; `stay` groups are left at least."""
    order = np.random.default_rng(seed).permutation(len(groups))
    held: set[str] = set()
    for group in (groups[i] for i in order[: len(groups) - stay]):
        if not stay or not held or abs(len(held) + len(group) - wanted) < abs(len(held) - wanted):
            held.update(sample.name for sample in group)
    return held


def _parted(samples: Sequence[Sample], held: set[str]) -> tuple[list[Sample], list[Sample]]:
    return [s for s in samples if s.name not in held], [s for s in samples if s.name in held]


def _wanted(total: int, *, count: int | None, fraction: float | None) -> int:
    if (count is None) == (fraction is None):
        raise UsageError("give either the count or the fraction of samples to hold out, not both")
    wanted = count if count is not None else min(max(1, round((fraction or 0.0) * total)), total - 1)
    if not 0 < wanted < total or (fraction is not None and not 0 < fraction < 1):
        asked = f"{count}" if count is not None else f"the fraction {fraction:g}"
        raise UsageError(f"{asked} of {total} samples cannot be held out; one must be held and one kept")
    return wanted


def _groups(samples: Sequence[Sample], *, by_patient: bool) -> list[list[Sample]]:
    """Return the groups that are split as a whole, sorted by name."""
    ordered = sorted(samples, key=lambda sample: natural_key(sample.name))
    if len({sample.name for sample in ordered}) < len(ordered):
        raise DatasetError("two samples have the same name; rename one of the files")
    if not by_patient:
        return [[sample] for sample in ordered]
    nameless = [sample.name for sample in ordered if sample.patient is None]
    if nameless:
        raise DatasetError(
            f"{len(nameless)} samples have no patient (the first is {nameless[0]}); split by image instead"
        )
    patients: dict[str, list[Sample]] = {}
    for sample in ordered:
        patients.setdefault(str(sample.patient), []).append(sample)
    if len(patients) < 2:
        raise DatasetError("all samples are of one patient; split by image instead")
    return list(patients.values())
