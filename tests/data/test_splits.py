from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acinus.core.errors import DatasetError, UsageError
from acinus.data.sample import Sample
from acinus.data.splits import fold_out, hold_out


def make(patients: list[int | None]) -> list[Sample]:
    return [
        Sample(f"s{i}", Path(f"s{i}.png"), patient=None if patient is None else str(patient))
        for i, patient in enumerate(patients)
    ]


some_patients = st.lists(st.integers(0, 9), min_size=4, max_size=40).filter(lambda p: len(set(p)) > 1)


@given(patients=some_patients, fraction=st.floats(0.05, 0.9), seed=st.integers(0, 50))
def test_no_patient_is_on_both_sides_and_nothing_is_lost(patients, fraction, seed):
    samples = make(patients)
    kept, held = hold_out(samples, fraction=fraction, seed=seed, by_patient=True)
    assert {s.patient for s in kept}.isdisjoint(s.patient for s in held)
    assert kept
    assert held
    assert sorted([*kept, *held], key=samples.index) == samples


@given(patients=some_patients, seed=st.integers(0, 50))
def test_the_split_depends_on_the_names_and_not_on_their_order(patients, seed):
    samples = make(patients)
    for by_patient in (False, True):
        _, held = hold_out(samples, count=2, seed=seed, by_patient=by_patient)
        _, other = hold_out(samples[::-1], count=2, seed=seed, by_patient=by_patient)
        assert set(held) == set(other)


@given(patients=some_patients, folds=st.integers(2, 10), seed=st.integers(0, 50), by_patient=st.booleans())
def test_each_sample_is_held_out_in_one_fold_and_kept_in_the_others(patients, folds, seed, by_patient):
    samples = make(patients)
    groups = len(set(patients)) if by_patient else len(samples)
    if folds > groups:
        with pytest.raises(UsageError, match=f"there are {groups} "):
            fold_out(samples, folds=folds, seed=seed, by_patient=by_patient)
        return
    parts = fold_out(samples, folds=folds, seed=seed, by_patient=by_patient)
    assert len(parts) == folds
    assert sorted((s for _, held in parts for s in held), key=samples.index) == samples
    for kept, held in parts:
        assert held
        assert kept == [s for s in samples if s not in held]
        if by_patient:
            assert {s.patient for s in kept}.isdisjoint(s.patient for s in held)
        else:
            assert len(held) in (len(samples) // folds, len(samples) // folds + 1)


@given(patients=some_patients, seed=st.integers(0, 50))
def test_the_first_fold_by_image_is_what_is_held_out_without_folds(patients, seed):
    samples = make(patients)
    assert fold_out(samples, folds=2, seed=seed)[0] == hold_out(samples, fraction=0.5, seed=seed)


@given(count=st.integers(1, 9), seed=st.integers(0, 50))
def test_by_image_exactly_as_many_are_held_as_asked(count, seed):
    _, held = hold_out(make([None] * 10), count=count, seed=seed)
    assert len(held) == count


@pytest.mark.parametrize(("fraction", "expected"), [(0.01, 1), (0.5, 2), (0.875, 3), (0.99, 3)])
def test_a_fraction_leaves_one_on_each_side(fraction, expected):
    kept, held = hold_out(make([None] * 4), fraction=fraction, seed=0)
    assert (len(kept), len(held)) == (4 - expected, expected)


def test_another_seed_holds_out_others():
    samples = make([None] * 30)
    drawn = {tuple(s.name for s in hold_out(samples, fraction=0.2, seed=seed)[1]) for seed in range(5)}
    assert len(drawn) == 5
    assert all(len(names) == 6 for names in drawn)


def test_whole_patients_are_drawn_towards_the_number_asked_for():
    kept, held = hold_out(make([i // 4 for i in range(40)]), count=12, seed=3, by_patient=True)
    assert (len(kept), len(held)) == (28, 12)


@pytest.mark.parametrize(
    "asked",
    [{}, {"count": 2, "fraction": 0.5}, {"count": 0}, {"count": 4}, {"fraction": 0.0}, {"fraction": 1.0}],
)
def test_a_split_that_leaves_one_side_empty_is_wrong_usage(asked):
    with pytest.raises(UsageError):
        hold_out(make([1, 2, 3, 4]), seed=0, **asked)


def test_patients_must_be_known_and_more_than_one():
    with pytest.raises(DatasetError, match=r"1 samples have no patient \(the first is s1\); split by image"):
        hold_out(make([1, None, 2]), count=1, seed=0, by_patient=True)
    with pytest.raises(DatasetError, match="all samples are of one patient"):
        hold_out(make([1, 1, 1]), count=1, seed=0, by_patient=True)


@pytest.mark.real_data
def test_glas_can_be_split_by_patient(acinus_data):
    from acinus.data.glas import glas

    kept, held = hold_out(glas(acinus_data / "glas"), fraction=0.2, seed=0, by_patient=True)
    assert {s.patient for s in kept}.isdisjoint(s.patient for s in held)
    assert 10 <= len(held) <= 24
