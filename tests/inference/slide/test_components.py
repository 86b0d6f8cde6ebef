"""Components of a slide, found in blocks, have the pixels of those of the whole mask."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from acinus.core.geometry import Box
from acinus.core.progress import SilentProgress
from acinus.inference.instances import InstanceSettings, gland_mask
from acinus.inference.slide.components import SlideComponents, find_components

from .in_memory import ArraySource

HOW = InstanceSettings(min_area_um2=12.0, max_hole_um2=30.0)


def blobs(seed: int, height: int, width: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=(height, width)).astype(np.float32)
    return np.clip(128 + 300 * cv2.GaussianBlur(noise, (0, 0), 2.0), 0, 255).astype(np.uint8)


def found_in(probability: np.ndarray, block_px: int, how: InstanceSettings = HOW) -> SlideComponents:
    source = ArraySource(probability)
    return find_components(source, how, mpp=1.0, block_px=block_px, progress=SilentProgress())


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(1, 70), st.integers(1, 70), st.integers(3, 40))
def test_components_are_those_of_the_whole_mask_in_any_blocks(
    seed: int, height: int, width: int, block_px: int
):
    probability = blobs(seed, height, width)
    mask = gland_mask(probability.astype(np.float32) / 255, HOW, mpp=1.0)
    labels, count = ndimage.label(mask)  # numbered by row and column of the first pixel, too
    components = found_in(probability, block_px)
    assert len(components.boxes) == count
    for number, (rows, columns) in enumerate(ndimage.find_objects(labels), start=1):
        box = components.boxes[number - 1]
        assert (box.x, box.y, box.right, box.bottom) == (
            columns.start,
            rows.start,
            columns.stop,
            rows.stop,
        )
        assert np.array_equal(components.mask(number, box), labels[rows, columns] == number)


@settings(max_examples=40)
@given(st.data())
def test_a_component_in_a_box_is_a_part_of_it_in_the_whole(data: st.DataObject):
    probability = blobs(data.draw(st.integers(0, 50)), 50, 60)
    components = found_in(probability, data.draw(st.integers(7, 60)))
    number = data.draw(st.integers(1, len(components.boxes)))
    x, y = data.draw(st.integers(0, 59)), data.draw(st.integers(0, 49))
    box = Box(x, y, data.draw(st.integers(1, 60 - x)), data.draw(st.integers(1, 50 - y)))
    whole = components.mask(number, Box(0, 0, 60, 50))
    assert np.array_equal(components.mask(number, box), whole[y : box.bottom, x : box.right])


def test_a_small_cache_changes_nothing(monkeypatch: pytest.MonkeyPatch):
    probability = blobs(3, 60, 60)
    whole = Box(0, 0, 60, 60)
    components = found_in(probability, 20)
    expected = [components.mask(number, whole) for number in range(1, len(components.boxes) + 1)]
    monkeypatch.setattr("acinus.inference.slide.components._CACHE_BYTES", 1)
    again = found_in(probability, 20)
    for _ in range(2):
        for number, mask in enumerate(expected, start=1):
            assert np.array_equal(again.mask(number, whole), mask)


@pytest.mark.parametrize(("threshold", "least"), [(0.5, 128), (0.0, 0), (1.0, 255), (127 / 255, 127)])
def test_the_threshold_is_met_by_the_byte_that_stands_for_it(threshold: float, least: int):
    probability = np.arange(256, dtype=np.uint8)[None]
    how = InstanceSettings(threshold=threshold, min_area_um2=0.0, max_hole_um2=0.0)
    [box] = found_in(probability, 300, how).boxes
    assert (box.x, box.right) == (least, 256)


class CountedSource(ArraySource):
    reads = 0

    def read(self, box: Box) -> np.ndarray:
        self.reads += 1
        return super().read(box)


@pytest.mark.parametrize(("kept_bytes", "reads"), [(10**6, 6), (0, 12)])
def test_blocks_are_read_again_only_where_what_they_hold_was_not_kept(
    monkeypatch: pytest.MonkeyPatch, kept_bytes: int, reads: int
):
    monkeypatch.setattr("acinus.inference.slide.components._KEPT_BYTES", kept_bytes)
    probability = blobs(3, 40, 60)
    source = CountedSource(probability)
    components = find_components(source, HOW, mpp=1.0, block_px=20, progress=SilentProgress())
    expected = gland_mask(probability.astype(np.float32) / 255, HOW, mpp=1.0)
    assert np.array_equal(
        sum(components.mask(number, Box(0, 0, 60, 40)) for number in range(1, len(components.boxes) + 1)),
        expected,
    )
    assert source.reads == reads
