from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from acinus.core.geometry import Box, Size
from acinus.inference.instances import InstanceSettings, label_glands
from acinus.inference.slide.labelling import LabelledCrop, label_slide

from .in_memory import ArraySource

SMALL = InstanceSettings(min_area_um2=20.0, max_hole_um2=60.0, neck_depth_um=2.0)


def assembled(crops: list[LabelledCrop], shape: tuple[int, int]) -> NDArray[np.int32]:
    """Lay the crops out; numbers must run on from crop to crop and no pixel may come twice."""
    labels = np.zeros(shape, dtype=np.int32)
    count = 0
    for crop in crops:
        numbers = np.unique(crop.labels[crop.labels > 0]).tolist()
        assert numbers == list(range(count + 1, count + 1 + len(numbers)))
        count += len(numbers)
        there = labels[crop.box.y : crop.box.bottom, crop.box.x : crop.box.right]
        assert not there[crop.labels > 0].any()
        there[crop.labels > 0] = crop.labels[crop.labels > 0]
    return labels


def labels_of(
    mask: np.ndarray, how: InstanceSettings = SMALL, *, block_px: int, crop_px: int = 4096
) -> NDArray[np.int32]:
    source = ArraySource(mask if mask.dtype == np.uint8 else mask.astype(np.uint8) * 255)
    return assembled(list(label_slide(source, how, mpp=1.0, block_px=block_px, crop_px=crop_px)), mask.shape)


def same_but_for_numbers(a: np.ndarray, b: np.ndarray) -> bool:
    pairs = set(zip(a.ravel().tolist(), b.ravel().tolist(), strict=True)) - {(0, 0)}
    return len(pairs) == a.max(initial=0) == b.max(initial=0) and all(x > 0 and y > 0 for x, y in pairs)


@st.composite
def probabilities(draw: st.DrawFn) -> NDArray[np.uint8]:
    """Random blobs, from salt and pepper to wide ones, from almost none to almost everywhere."""
    height, width = draw(st.integers(1, 60)), draw(st.integers(1, 60))
    noise = np.random.default_rng(draw(st.integers(0, 10_000))).normal(size=(height, width))
    blur = draw(st.sampled_from([0.0, 0.7, 1.5, 4.0]))
    if blur:
        noise = cv2.GaussianBlur(noise, (0, 0), blur)
        noise /= noise.std() + 1e-9
    return np.clip(127 + 60 * noise + draw(st.integers(-60, 60)), 0, 255).astype(np.uint8)


@st.composite
def depths(draw: st.DrawFn, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Rooms of random depths with blurred walls between them."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    side = draw(st.sampled_from([4, 9, 20]))
    rooms = rng.integers(0, 256, (-(-shape[0] // side), -(-shape[1] // side))).astype(np.float32)
    depth = np.kron(rooms, np.ones((side, side), np.float32))[: shape[0], : shape[1]]
    return np.rint(cv2.GaussianBlur(depth, (0, 0), draw(st.sampled_from([0.3, 2.0])))).astype(np.uint8)


@settings(max_examples=60)
@given(
    probabilities(),
    st.integers(5, 64),
    st.builds(
        InstanceSettings,
        threshold=st.sampled_from([0.3, 0.5, 0.7]),
        min_area_um2=st.sampled_from([0.0, 1.0, 8.0, 50.0]),
        max_hole_um2=st.sampled_from([0.0, 3.0, 20.0, 400.0]),
        neck_depth_um=st.sampled_from([0.0, 1.0, 4.0]),
    ),
)
def test_a_slide_in_blocks_has_the_glands_of_the_whole(
    probability: NDArray[np.uint8], block_px: int, how: InstanceSettings
):
    whole = label_glands(probability.astype(np.float32) / 255, how, mpp=1.0)
    in_blocks = labels_of(probability, how, block_px=block_px)
    assert same_but_for_numbers(in_blocks, whole)
    assert np.array_equal(in_blocks, labels_of(probability, how, block_px=64))


@settings(max_examples=60)
@given(
    st.data(),
    probabilities(),
    st.integers(5, 64),
    st.builds(
        InstanceSettings,
        min_area_um2=st.sampled_from([0.0, 8.0, 50.0]),
        max_hole_um2=st.sampled_from([0.0, 20.0, 400.0]),
        least_dip=st.sampled_from([0.0, 0.2, 0.5]),
    ),
)
def test_a_slide_in_blocks_has_the_glands_that_the_depth_tells_in_the_whole(
    data: st.DataObject, probability: NDArray[np.uint8], block_px: int, how: InstanceSettings
):
    depth = data.draw(depths(probability.shape))
    whole = label_glands(probability.astype(np.float32) / 255, how, mpp=1.0, depth=depth)
    source = ArraySource(probability, depth)
    in_blocks, otherwise = (
        assembled(list(label_slide(source, how, mpp=1.0, block_px=side)), probability.shape)
        for side in (block_px, 64)
    )
    assert same_but_for_numbers(in_blocks, whole)
    assert np.array_equal(in_blocks, otherwise)


def ring(size: int, hole: int) -> np.ndarray:
    mask = np.ones((size, size), dtype=bool)
    edge = (size - hole) // 2
    mask[edge : edge + hole, edge : edge + hole] = False
    return mask


@pytest.mark.parametrize("block_px", [3, 5, 8, 40])
def test_a_hole_is_as_large_as_all_its_pieces(block_px: int):
    mask = np.zeros((40, 60), dtype=bool)
    mask[5:19, 5:19] = ring(14, 8)  # 64 pixels stay a hole, though no block of 5 sees more than 25
    mask[20:33, 30:43] = ring(13, 7)  # 49 are filled
    labels = labels_of(mask, block_px=block_px)
    assert (labels[5:19, 5:19] > 0).sum() == 14 * 14 - 64
    assert (labels[20:33, 30:43] > 0).all()


@pytest.mark.parametrize("block_px", [4, 7, 30])
def test_a_filled_hole_joins_what_surrounds_it_at_corners_only_and_its_island(block_px: int):
    mask = np.zeros((30, 30), dtype=bool)
    mask[9, 8:16] = mask[18, 8:16] = True  # four bars around 8 × 8 pixels, which touch at corners alone
    mask[10:18, 7] = mask[10:18, 16] = True
    mask[12:16, 10:14] = True  # leaves 48
    labels = labels_of(mask, block_px=block_px)
    mask[10:18, 8:16] = True
    assert np.array_equal(labels, mask)


@pytest.mark.parametrize("block_px", [4, 9, 30])
def test_background_at_the_slides_edge_is_no_hole(block_px: int):
    mask = np.zeros((30, 30), dtype=bool)
    mask[:12, 10:20] = True
    mask[:8, 13:17] = False  # 32 pixels, open at the top
    assert np.array_equal(labels_of(mask, block_px=block_px) > 0, mask)


@pytest.mark.parametrize("block_px", [4, 9, 30])
def test_a_speck_is_as_large_as_all_its_pieces_and_its_filled_holes(block_px: int):
    mask = np.zeros((30, 30), dtype=bool)
    mask[7:11, 7:12] = True  # 20 pixels
    mask[7:11, 20:24] = True  # 16
    mask[20:25, 7:12] = ring(5, 3)  # 16 around 9
    labels = labels_of(mask, block_px=block_px)
    assert labels.max() == 2
    assert labels[7:11, 7:12].all()
    assert labels[20:25, 7:12].all()


def test_a_gland_that_winds_through_all_blocks_is_one():
    mask = np.zeros((61, 61), dtype=bool)
    mask[2::8, 2:58] = mask[3::8, 2:58] = True
    mask[2:59, 2:4] = True
    mask[58:] = False
    for block_px in (5, 16):
        labels = labels_of(mask, block_px=block_px)
        assert labels.max() == 1
        assert np.array_equal(labels > 0, mask)


def test_glands_come_by_cells_of_2048_then_by_row():
    mask = np.zeros((2200, 4200), dtype=bool)
    for y, x in ((2100, 10), (50, 4150), (60, 2100), (70, 2040), (20, 300)):
        mask[y : y + 10, x : x + 10] = True
    crops = list(label_slide(ArraySource(mask.astype(np.uint8) * 255), SMALL, mpp=1.0))
    assert [(crop.box.y, crop.box.x) for crop in crops] == [
        (20, 300),
        (70, 2040),
        (60, 2100),
        (50, 4150),
        (2100, 10),
    ]
    assert [int(crop.labels.max()) for crop in crops] == [1, 2, 3, 4, 5]
    assert all(crop.labels.shape == (10, 10) for crop in crops)


def test_other_components_in_a_crop_are_left_out():
    mask = np.zeros((40, 40), dtype=bool)
    mask[5:35, 5:35] = ring(30, 20)
    mask[15:25, 15:25] = True  # a gland in the large hole of another
    first, second = label_slide(ArraySource(mask.astype(np.uint8) * 255), SMALL, mpp=1.0, block_px=16)
    assert first.box == Box(5, 5, 30, 30)
    assert not first.labels[5:25, 5:25].any()
    assert second.box == Box(15, 15, 10, 10)


def test_a_byte_that_stands_for_the_threshold_is_gland():
    probability = np.full((10, 20), 127, dtype=np.uint8)  # 127 / 255 = 0.498
    probability[:, 10:] = 128
    assert np.array_equal(labels_of(probability, block_px=8) > 0, probability == 128)


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (1, 1), (30, 30)])
def test_where_there_is_no_gland_there_is_no_crop(shape: tuple[int, int]):
    assert not labels_of(np.zeros(shape, dtype=bool), block_px=8).any()


@dataclass
class Counted:
    """A source that notes what is read of it."""

    probability: NDArray[np.uint8]
    boxes: list[Box] = field(default_factory=list)

    @property
    def size(self) -> Size:
        return ArraySource(self.probability).size

    def read(self, box: Box) -> NDArray[np.uint8]:
        self.boxes.append(box)
        assert box == box.intersection(Box(0, 0, self.size.width, self.size.height))
        return ArraySource(self.probability).read(box)

    def read_depth(self, box: Box) -> None:
        return None


def test_a_block_is_read_twice_at_most_and_one_without_gland_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("acinus.inference.slide.components._KEPT_BYTES", 0)
    probability = np.zeros((100, 130), dtype=np.uint8)
    probability[10:20, 10:90] = 255
    source = Counted(probability)
    assert len(list(label_slide(source, SMALL, mpp=1.0, block_px=32))) == 1
    reads = Counter((box.x, box.y) for box in source.boxes)
    assert max(box.width * box.height for box in source.boxes) == 32 * 32
    assert {xy for xy, count in reads.items() if count == 2} == {(0, 0), (32, 0), (64, 0)}
    assert {count for xy, count in reads.items() if xy not in {(0, 0), (32, 0), (64, 0)}} == {1}
    assert len(reads) == 4 * 5


def chain(discs: int, *, radius: int = 14, step: int = 26) -> np.ndarray:
    """Discs in a wavy row, each touching the next."""
    mask = np.zeros((120, 2 * radius + step * discs), dtype=np.uint8)
    for n in range(discs):
        cv2.circle(mask, (radius + 2 + step * n, 60 + (n % 3) * 4), radius, 1, -1)
    return mask.astype(bool)


@pytest.mark.parametrize("crop_px", [97, 128, 300])
def test_glands_of_a_component_too_large_for_a_crop_are_those_of_the_whole(crop_px: int):
    """Cells see 640 µm more, here 64 pixels: more than a gland, so that none is cut."""
    mask, mpp = chain(30), 10.0
    how = InstanceSettings(min_area_um2=2000.0, max_hole_um2=0.0, neck_depth_um=40.0)
    source = ArraySource(mask.astype(np.uint8) * 255)
    whole = label_glands(mask.astype(np.float32), how, mpp=mpp)
    assert whole.max() == 30
    crops = list(label_slide(source, how, mpp=mpp, block_px=50, crop_px=crop_px))
    assert len(crops) > 1
    assert same_but_for_numbers(assembled(crops, mask.shape), whole)


@pytest.mark.parametrize("crop_px", [97, 128, 300])
def test_glands_of_a_component_too_large_for_a_crop_are_parted_by_depth_as_in_the_whole(crop_px: int):
    """A bar with a wall every 26 px, which nothing in its outline tells."""
    probability = np.zeros((60, 800), np.uint8)
    probability[15:45, 5:785] = 255
    depth = probability.copy()
    for wall in range(31, 780, 26):
        depth[:, wall - 1 : wall + 2] = 0
    how = InstanceSettings(min_area_um2=2000.0, least_dip=0.5)
    whole = label_glands(probability.astype(np.float32) / 255, how, mpp=10.0, depth=depth)
    assert whole.max() == 30
    source = ArraySource(probability, depth)
    crops = list(label_slide(source, how, mpp=10.0, block_px=50, crop_px=crop_px))
    assert len(crops) > 1
    labels = assembled(crops, probability.shape)
    assert np.array_equal(labels > 0, whole > 0)
    rooms = depth > 0  # the middle of a wall is as near to one gland as to the other
    assert same_but_for_numbers(labels * rooms, whole * rooms)


@settings(max_examples=25)
@given(probabilities(), st.integers(4, 40), st.integers(8, 30), st.sampled_from([40.0, 100.0, 1000.0]))
def test_cells_of_a_huge_component_cover_it_once_whatever_the_blocks(
    probability: NDArray[np.uint8], block_px: int, crop_px: int, mpp: float
):
    """Margins of 16, 6 and 1 pixels; no fragment is dropped, so that every pixel has to come."""
    how = InstanceSettings(min_area_um2=0.0, max_hole_um2=20 * mpp**2, neck_depth_um=1.5 * mpp)

    def in_blocks_of(side: int) -> NDArray[np.int32]:
        crops = label_slide(ArraySource(probability), how, mpp=mpp, block_px=side, crop_px=crop_px)
        return assembled(list(crops), probability.shape)

    labels = in_blocks_of(block_px)
    whole = label_glands(probability.astype(np.float32) / 255, how, mpp=mpp)
    assert np.array_equal(labels > 0, whole > 0)
    assert np.array_equal(labels, in_blocks_of(64))


def test_a_gland_longer_than_a_cell_sees_is_cut_and_nothing_of_it_is_lost():
    mask = np.zeros((40, 400), dtype=bool)
    mask[10:30, 5:395] = True
    how = InstanceSettings(min_area_um2=1000.0, neck_depth_um=40.0)
    crops = list(
        label_slide(ArraySource(mask.astype(np.uint8) * 255), how, mpp=20.0, block_px=64, crop_px=100)
    )
    assert len(crops) > 1
    assert np.array_equal(assembled(crops, mask.shape) > 0, mask)
