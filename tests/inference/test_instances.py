from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acinus.inference.instances import InstanceSettings, components_of, gland_mask, label_glands

SMALL = InstanceSettings(min_area_um2=50.0, max_hole_um2=400.0)


def disc(shape: tuple[int, int], y: float, x: float, radius: float) -> np.ndarray:
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return (rows - y) ** 2 + (columns - x) ** 2 <= radius**2


def banana(shape: tuple[int, int] = (110, 180), *, width: float = 22.0) -> np.ndarray:
    """Half a ring around (10, 90) with round ends."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    ring = np.abs(np.hypot(rows - 10, columns - 90) - 65) <= width / 2
    ends = disc(shape, 10, 25, width / 2) | disc(shape, 10, 155, width / 2)
    return (ring & (rows >= 10)) | ends


def labels_of(mask: np.ndarray, settings: InstanceSettings = SMALL, *, mpp: float = 1.0) -> np.ndarray:
    return label_glands(mask.astype(np.float32), settings, mpp=mpp)


def areas(labels: np.ndarray) -> list[int]:
    return sorted(np.bincount(labels.ravel())[1:].tolist())


def test_two_discs_that_touch_come_out_as_two():
    left, right = disc((80, 120), 40, 35, 25), disc((80, 120), 40, 81, 25)
    labels = labels_of(left | right)
    assert labels.max() == 2
    assert labels[40, 35] != labels[40, 81]
    assert np.array_equal(labels > 0, left | right)
    assert areas(labels)[0] >= 0.95 * (left | right).sum() / 2


def test_two_discs_are_parted_where_they_touch():
    labels = labels_of(disc((80, 120), 40, 35, 25) | disc((80, 120), 40, 81, 25))
    left = labels == labels[40, 35]
    right = labels == labels[40, 81]
    assert not left[:, 62:].any()
    assert not right[:, :55].any()


@pytest.mark.parametrize("axes", [(30, 30), (60, 20), (70, 9)])
def test_an_ellipse_is_one_gland(axes: tuple[int, int]):
    rows, columns = np.mgrid[:160, :160]
    for angle in (0.0, 0.4, 0.785, 1.3):
        along = (columns - 80) * np.cos(angle) + (rows - 80) * np.sin(angle)
        across = (rows - 80) * np.cos(angle) - (columns - 80) * np.sin(angle)
        mask = (along / axes[0]) ** 2 + (across / axes[1]) ** 2 <= 1
        assert areas(labels_of(mask)) == [mask.sum()]


def test_a_bent_gland_is_one():
    mask = banana()
    assert areas(labels_of(mask)) == [mask.sum()]


@pytest.mark.parametrize("swelling_px", [0, 1, 2])
def test_a_tail_that_swells_by_less_than_the_neck_depth_stays_with_its_gland(swelling_px: int):
    rows, columns = np.mgrid[:160, :300]
    tail = np.abs(rows - 80) <= 10 + swelling_px * np.sin(columns / 12.0)
    mask = disc((160, 300), 80, 60, 40) | (tail & (columns >= 60) & (columns < 260))
    assert areas(labels_of(mask)) == [mask.sum()]


@pytest.mark.parametrize("seed", range(4))
def test_a_rough_outline_does_not_break_a_gland(seed: int):
    rows, columns = np.mgrid[:160, :300]
    noise = np.random.default_rng(seed).normal(size=(160, 300)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 4)
    mask = ((rows - 80) / 40) ** 2 + ((columns - 150) / 130) ** 2 + 0.08 * smooth / smooth.std() < 1
    assert labels_of(mask, InstanceSettings(min_area_um2=800.0, max_hole_um2=800.0)).max() == 1


def test_two_equal_lobes_with_a_shallow_waist_are_one_gland():
    rows, columns = np.mgrid[:100, :200]
    half = 30 - 3 * np.cos((columns - 100) * np.pi / 60)  # 27 in the waist, 33 in each lobe
    mask = (np.abs(rows - 50) <= half) & (columns >= 20) & (columns <= 180)
    assert areas(labels_of(mask)) == [mask.sum()]


def test_the_neck_depth_decides_how_deep_a_waist_splits():
    mask = disc((80, 140), 40, 40, 30) | disc((80, 140), 40, 88, 30)  # waist of half width 18
    assert labels_of(mask, InstanceSettings(min_area_um2=50, neck_depth_um=10.0)).max() == 2
    assert labels_of(mask, InstanceSettings(min_area_um2=50, neck_depth_um=14.0)).max() == 1


def test_a_gland_thinner_than_the_neck_depth_is_kept_whole():
    mask = np.zeros((40, 120), bool)
    mask[18:22, 10:110] = True
    assert areas(labels_of(mask)) == [400]


def test_a_thin_gland_that_meets_another_at_a_corner_keeps_its_own_number():
    mask = np.zeros((100, 160), bool)
    mask[20:60, 20:60] = True
    mask[60:66, 60:150] = True
    assert areas(labels_of(mask)) == [540, 1600]


def test_two_thin_glands_that_meet_at_a_corner_are_two():
    mask = np.zeros((100, 160), bool)
    mask[54:60, 2:60] = True
    mask[60:66, 60:150] = True
    assert areas(labels_of(mask)) == [348, 540]


def test_a_hole_up_to_the_size_is_filled_and_a_larger_one_is_not():
    mask = disc((90, 180), 45, 45, 35) | disc((90, 180), 45, 130, 35)
    mask[35:55, 35:55] = False  # 400 µm²
    mask[35:56, 120:140] = False  # 420 µm²
    filled = gland_mask(mask.astype(np.float32), SMALL, mpp=1.0)
    assert filled[35:55, 35:55].all()
    assert not filled[35:56, 120:140].any()


def test_an_island_in_a_hole_belongs_to_the_gland_that_surrounds_it():
    mask = disc((90, 90), 45, 45, 35)
    mask[36:54, 36:54] = False
    mask[44:46, 44:46] = True
    assert areas(labels_of(mask)) == [disc((90, 90), 45, 45, 35).sum()]


def test_a_bay_open_to_the_side_is_no_hole():
    mask = np.zeros((60, 60), bool)
    mask[:40, 10:50] = True
    mask[:10, 25:35] = False
    assert not gland_mask(mask.astype(np.float32), SMALL, mpp=1.0)[:10, 25:35].any()


def test_a_speck_below_the_size_is_dropped_and_a_gland_of_the_size_is_kept():
    mask = np.zeros((40, 40), bool)
    mask[5:12, 5:12] = True  # 49
    mask[20:25, 5:15] = True  # 50
    kept = gland_mask(mask.astype(np.float32), SMALL, mpp=1.0)
    assert kept.sum() == 50
    assert kept[20:25, 5:15].all()


def test_holes_are_filled_before_specks_are_dropped():
    mask = np.zeros((30, 30), bool)
    mask[5:13, 5:13] = True
    mask[6:12, 6:12] = False  # a ring of 28 pixels around 36
    assert gland_mask(mask.astype(np.float32), SMALL, mpp=1.0).sum() == 64


def test_a_pixel_at_the_threshold_is_gland():
    probability = np.full((20, 20), np.float32(0.5))
    probability[:, 10:] = np.nextafter(np.float32(0.5), np.float32(0))
    assert gland_mask(probability, SMALL, mpp=1.0).sum() == 200


@pytest.mark.parametrize("shape", [(40, 50), (1, 1), (0, 7)])
def test_where_there_is_no_gland_there_is_no_number(shape: tuple[int, int]):
    labels = label_glands(np.zeros(shape, np.float32), InstanceSettings(), mpp=1.0)
    assert labels.dtype == np.int32
    assert labels.shape == shape
    assert not labels.any()


def test_an_image_full_of_gland_is_one_gland():
    assert (labels_of(np.ones((60, 80), bool)) == 1).all()


def test_numbers_run_from_one_without_gaps():
    mask = np.zeros((200, 200), bool)
    for n in range(16):
        y, x, side = 50 * (n // 4) + 5, 50 * (n % 4) + 5, 6 + n  # the first two are specks
        mask[y : y + side, x : x + side] = True
    labels = labels_of(mask)
    assert np.unique(labels).tolist() == list(range(15))
    assert areas(labels) == [(6 + n) ** 2 for n in range(2, 16)]


@pytest.mark.parametrize("mpp", [0.5, 2.0, 4.0])
def test_all_sizes_are_physical(mpp: float):
    """The same pixels at another resolution, with every area and length scaled alike, come out the same."""
    mask = disc((90, 200), 45, 45, 35) | disc((90, 200), 45, 109, 35)
    mask[35:55, 35:55] = False
    mask[2:8, 150:158] = True
    scaled = InstanceSettings(
        min_area_um2=50 * mpp**2, max_hole_um2=400 * mpp**2, neck_depth_um=6 * mpp, threshold=0.5
    )
    assert np.array_equal(labels_of(mask, scaled, mpp=mpp), labels_of(mask, SMALL, mpp=1.0))


def test_the_same_tissue_at_two_resolutions_has_the_same_glands():
    def tissue(mpp: float) -> np.ndarray:
        shape = (round(200 / mpp), round(400 / mpp))
        mask = disc(shape, 100 / mpp, 90 / mpp, 70 / mpp) | disc(shape, 100 / mpp, 220 / mpp, 70 / mpp)
        mask &= ~disc(shape, 100 / mpp, 90 / mpp, 30 / mpp)  # 2,800 µm²: filled
        return mask | disc(shape, 30 / mpp, 350 / mpp, 12 / mpp)  # 450 µm²: dropped

    fine, coarse = (labels_of(tissue(mpp), InstanceSettings(), mpp=mpp) for mpp in (0.5, 2.0))
    assert fine.max() == coarse.max() == 2
    assert np.array(areas(fine)) * 0.25 == pytest.approx(np.array(areas(coarse)) * 4.0, rel=0.03)


@settings(max_examples=20)
@given(
    st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99), st.integers(3, 25)), min_size=1, max_size=5),
    st.integers(1, 3),
    st.booleans(),
)
def test_turned_and_mirrored_masks_have_the_same_glands(
    discs: list[tuple[int, int, int]], quarters: int, mirrored: bool
):
    mask = np.zeros((100, 100), bool)
    for y, x, radius in discs:
        mask |= disc(mask.shape, y, x, radius)

    def turned(values: np.ndarray) -> np.ndarray:
        return np.rot90(values[:, ::-1] if mirrored else values, quarters)

    before, after = labels_of(mask), labels_of(turned(mask))
    assert np.array_equal(turned(before > 0), after > 0)
    assert before.max() == after.max()
    # The line that parts two glands may lie one pixel aside.
    assert areas(after) == pytest.approx(areas(before), abs=60)


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_every_pixel_of_the_mask_is_in_one_connected_gland_or_a_dropped_fragment(seed: int):
    noise = np.random.default_rng(seed).normal(size=(90, 90)).astype(np.float32)
    probability = np.clip(0.5 + 4 * cv2.GaussianBlur(noise, (0, 0), 5), 0, 1)
    labels = label_glands(probability, SMALL, mpp=1.0)
    mask = gland_mask(probability, SMALL, mpp=1.0)
    assert not labels[~mask].any()
    for number in range(1, labels.max() + 1):
        gland = labels == number
        assert gland.sum() >= 50
        assert cv2.connectedComponents(gland.astype(np.uint8), connectivity=4)[0] == 2


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.tuples(*[st.integers(0, 12)] * 4))
def test_background_around_a_tile_moves_its_glands_and_changes_nothing_else(
    seed: int, around: tuple[int, int, int, int]
):
    noise = np.random.default_rng(seed).normal(size=(60, 70)).astype(np.float32)
    probability = np.clip(0.5 + 4 * cv2.GaussianBlur(noise, (0, 0), 4), 0, 1)
    probability[[0, -1]] = probability[:, [0, -1]] = 0.0  # a hole that the tile's border opens is none
    top, bottom, left, right = around
    framed = np.pad(probability, ((top, bottom), (left, right)))
    how = InstanceSettings(min_area_um2=50.0, max_hole_um2=10_000.0, neck_depth_um=2.0)
    inside = label_glands(framed, how, mpp=1.0)[top : top + 60, left : left + 70]
    assert np.array_equal(inside, label_glands(probability, how, mpp=1.0))


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_a_gland_does_not_depend_on_the_others(seed: int):
    """Each component alone is split as it is among the others."""
    noise = np.random.default_rng(seed).normal(size=(80, 80)).astype(np.float32)
    probability = np.clip(0.4 + 4 * cv2.GaussianBlur(noise, (0, 0), 4), 0, 1)
    how = InstanceSettings(min_area_um2=30.0, max_hole_um2=0.0, neck_depth_um=1.0)
    labels = label_glands(probability, how, mpp=1.0)
    components = components_of(gland_mask(probability, how, mpp=1.0)).numbers
    for number in range(1, components.max() + 1):
        alone = label_glands(np.where(components == number, probability, 0.0), how, mpp=1.0)
        among = np.where(components == number, labels, 0)
        first = among[among > 0].min(initial=labels.max() + 1)
        assert np.array_equal(alone, np.where(among > 0, among - first + 1, 0))


def test_components_know_which_touch_the_edge_and_where_their_pixels_are():
    mask = np.zeros((7, 9), bool)
    mask[0, 4] = mask[6, 0:2] = mask[2:4, 2:4] = mask[5, 8] = True
    found = components_of(mask)
    assert found.areas.tolist() == [1, 4, 1, 2]
    assert found.boxes.tolist() == [[4, 0, 5, 1], [2, 2, 4, 4], [8, 5, 9, 6], [0, 6, 2, 7]]
    assert found.at_edge().tolist() == [True, False, True, True]
    chosen = found.mask_of(np.array([False, True, False, True]))
    assert np.argwhere(chosen).tolist() == [[2, 2], [2, 3], [3, 2], [3, 3], [6, 0], [6, 1]]
    assert np.array_equal(found.mask_of(np.ones(4, bool)), mask)


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (3, 3)])
def test_an_empty_mask_has_no_components(shape: tuple[int, int]):
    found = components_of(np.zeros(shape, bool))
    assert (found.numbers.shape, len(found.areas), found.boxes.shape) == (shape, 0, (0, 4))
