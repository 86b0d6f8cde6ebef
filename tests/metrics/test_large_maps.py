"""Maps that are gone through in bands, on disk: the scores are those of maps in memory."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from acinus.core import scratch
from acinus.metrics import label_pair, object_hausdorff
from acinus.metrics.evaluate import evaluate_pair
from acinus.metrics.label_pair import LabelPair

ROWS, COLUMNS = np.mgrid[:90, :70]
RANDOM = np.random.default_rng(3)


def discs(count: int, *, step: int) -> np.ndarray:
    labels = np.zeros((90, 70), np.uint32)
    for number in range(1, count + 1):
        row, column, radius = RANDOM.integers(0, 90), RANDOM.integers(0, 70), RANDOM.integers(3, 9)
        labels[(ROWS - row) ** 2 + (COLUMNS - column) ** 2 <= radius**2] = number * step
    return labels


@pytest.fixture
def small_bands(monkeypatch):
    """Bands of three rows, everything in files, tables of few cells, outlines of few objects at a time."""

    def shrink() -> None:
        monkeypatch.setattr(scratch, "_BAND_PX", 3 * 70)
        monkeypatch.setattr(scratch, "LARGEST_IN_MEMORY_PX", 100)
        monkeypatch.setattr(label_pair, "_DENSE_TABLE_CELLS", 50)
        monkeypatch.setattr(object_hausdorff, "_PREPARED", 3)

    return shrink


@pytest.mark.parametrize("step", [1, 100_000_000])
@pytest.mark.parametrize("with_valid", [False, True])
def test_bands_on_disk_make_no_difference(small_bands, step, with_valid):
    prediction, truth = discs(30, step=step), discs(25, step=1)
    valid = (ROWS + COLUMNS) % 50 > 5 if with_valid else None
    expected = evaluate_pair(prediction, truth, mpp=0.5, valid=valid)
    small_bands()
    assert dataclasses.asdict(evaluate_pair(prediction, truth, mpp=0.5, valid=valid)) == dataclasses.asdict(
        expected
    )
    assert isinstance(LabelPair.of(prediction, truth).prediction.labels, np.memmap)


def test_a_map_without_background_is_numbered_from_one_in_bands_too(small_bands):
    small_bands()
    pair = LabelPair.of(ROWS // 30 + 5, COLUMNS * 0)
    assert pair.prediction.areas_px.tolist() == [2100, 2100, 2100]
    assert np.array_equal(pair.prediction.labels, ROWS // 30 + 1)
