"""Glands measured one by one from a label map say what the whole label map in memory says."""

from __future__ import annotations

import numpy as np
import pytest

from acinus.core.geometry import Box
from acinus.glands import COLUMNS, measure_glands
from acinus.glands.measure import with_neighbours
from acinus.glands.neighbours import OutlinesInMemory
from acinus.inference.slide.labelling import LabelledCrop
from acinus.inference.slide.measuring import boxes_of, measure_batch

MPP = 2.5


class InMemory:
    def __init__(self, labels: np.ndarray) -> None:
        self._labels = labels

    def read(self, box: Box) -> np.ndarray:
        return self._labels[box.y : box.bottom, box.x : box.right]


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
        measure_batch(
            places[start : start + batch],
            first_label=start + 1,
            labels=InMemory(labels),
            image=rgb,
            scanned=whole,
            mpp=MPP,
        )
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
        part = measure_batch(
            [box], first_label=6, labels=InMemory(labels), image=rgb, scanned=scanned, mpp=MPP
        )
        assert part.columns["touches_side"].tolist() == [cut]
