"""Glands measured one by one from maps of the slide say what the whole label map in memory says."""

from __future__ import annotations

import numpy as np
import pytest

from acinus.core.geometry import Box
from acinus.glands import COLUMNS, measure_glands
from acinus.glands.measure import with_neighbours
from acinus.glands.neighbours import OutlinesInMemory
from acinus.inference.slide.labelling import LabelledCrop
from acinus.inference.slide.measuring import FineGrid, MeasuredBatch, boxes_of, measure_batch

from .in_memory import ArraySource

MPP = 2.5


class InMemory:
    def __init__(self, labels: np.ndarray) -> None:
        self._labels = labels

    def read(self, box: Box) -> np.ndarray:
        return self._labels[box.y : box.bottom, box.x : box.right]


def measured(
    places: list[Box], labels: np.ndarray, rgb: np.ndarray, *, first_label: int, scanned: Box, factor: int = 1
) -> MeasuredBatch:
    """Measure glands of which the network was sure."""
    return measure_batch(
        places,
        FineGrid(MPP, factor, 0.5, scanned),
        first_label=first_label,
        labels=InMemory(labels),
        probability=ArraySource(np.where(labels > 0, 255, 0).astype(np.uint8)),
        image=rgb.repeat(factor, axis=0).repeat(factor, axis=1),
    )


@pytest.fixture(scope="module")
def slide() -> tuple[np.ndarray, np.ndarray]:
    """Labels of eight glands, one of them a ring around another, three at the sides; noise for an image."""
    y, x = np.mgrid[:200, :260]
    labels = np.zeros((200, 260), np.int32)
    discs = [
        (60, 70, 45),
        (60, 70, 12),
        (0, 150, 20),
        (100, 259, 15),
        (199, 30, 9),
        (130, 130, 25),
        (150, 200, 14),
    ]
    for label, (top, left, radius) in enumerate(discs, start=1):
        labels[np.hypot(y - top, x - left) < radius] = label
        if label == 1:
            labels[np.hypot(y - top, x - left) < 30] = 0  # the ring's hole, in which number 2 lies
    labels[140:150, 60:80] = 8
    rgb = np.random.default_rng(0).integers(90, 250, (200, 260, 3), dtype=np.uint8)
    return labels, rgb


def boxes(labels: np.ndarray) -> list[Box]:
    height, width = labels.shape
    found = boxes_of(LabelledCrop(Box(0, 0, width, height), labels))
    return [Box(*map(int, row)) for row in found]


@pytest.mark.parametrize("batch", [1, 3, 8])
def test_batches_of_any_size_give_the_table_and_the_outlines_of_the_whole(slide, batch):
    labels, rgb = slide
    whole = Box(0, 0, 260, 200)
    places = boxes(labels)
    parts = [
        measured(places[start : start + batch], labels, rgb, first_label=start + 1, scanned=whole)
        for start in range(0, 8, batch)
    ]
    columns = {name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns}
    found = with_neighbours(columns, OutlinesInMemory([o for part in parts for o in part.outlines]))
    expected = measure_glands(labels, mpp=MPP, image=rgb)
    for column in COLUMNS:
        np.testing.assert_array_equal(found[column.name], expected[column.name], err_msg=column.name)
    assert found["touches_side"].tolist() == [False, False, True, True, True, False, False, False]


def test_the_boxes_of_a_crop_are_those_of_its_labels_where_the_crop_lies():
    labels = np.zeros((6, 9), np.int32)
    labels[1:3, 2:5] = 41
    labels[4, 8] = 42
    labels[0, 0] = 43
    found = boxes_of(LabelledCrop(Box(100, 50, 9, 6), labels))
    assert found.tolist() == [[102, 51, 3, 2], [108, 54, 1, 1], [100, 50, 1, 1]]


def test_a_gland_at_the_side_of_what_was_scanned_is_cut(slide):
    labels, rgb = slide
    [box] = boxes(labels)[5:6]  # the disc around (130, 130): rows 106 to 154
    for scanned, cut in ((Box(0, 106, 260, 94), True), (Box(0, 105, 260, 95), False)):
        part = measured([box], labels, rgb, first_label=6, scanned=scanned)
        assert part.columns["touches_side"].tolist() == [cut]


def test_finer_pixels_move_no_gland_and_are_nearer_to_its_true_shape(slide):
    labels, rgb = slide
    places, whole = boxes(labels), Box(0, 0, 260, 200)
    coarse, fine = (
        measured(places, labels, rgb, first_label=1, scanned=whole, factor=factor) for factor in (1, 2)
    )
    for name in ("centroid_x_um", "centroid_y_um"):
        assert fine.columns[name] == pytest.approx(coarse.columns[name], abs=0.4 * MPP)
    assert fine.columns["area_um2"] == pytest.approx(coarse.columns["area_um2"], rel=0.03)
    assert fine.columns["touches_side"].tolist() == coarse.columns["touches_side"].tolist()
    assert fine.columns["haematoxylin_od"] == pytest.approx(coarse.columns["haematoxylin_od"], rel=0.05)
