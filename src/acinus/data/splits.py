"""Holding samples out: by image, or by patient so that nobody is on both sides."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from acinus.core.errors import DatasetError, UsageError
from acinus.data.sample import Sample, natural_key

__all__ = ["hold_out"]


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
        Hold out whole patients, drawn in turn while that brings the number nearer to the one asked for.

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
    groups = _groups(samples, by_patient=by_patient)
    order = np.random.default_rng(seed).permutation(len(groups))
    held: set[str] = set()
    for group in (groups[i] for i in order[:-1]):  # one group always stays
        if not held or abs(len(held) + len(group) - wanted) < abs(len(held) - wanted):
            held.update(sample.name for sample in group)
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
    """Return what is drawn as a whole, sorted by name."""
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
