"""Label map to polygons: areas, validity, holes, parts and edges."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from acinus.core.errors import InputError, MppError
from acinus.core.geometry import Box
from acinus.glands.crops import gland_crops
from acinus.glands.polygons import crop_outline, gland_polygons, shoelace_area
from acinus.glands.rings import mask_rings

masks = arrays(np.bool_, st.tuples(st.integers(1, 14), st.integers(1, 14))).filter(np.any)


def disc(radius: float, *, size: int = 120, centre: tuple[float, float] = (60.3, 59.8)) -> np.ndarray:
    y, x = np.mgrid[:size, :size] + 0.5
    return ((x - centre[0]) ** 2 + (y - centre[1]) ** 2 <= radius**2).astype(np.int32)


def test_empty_label_map_has_no_polygons():
    assert list(gland_polygons(np.zeros((5, 5), np.int32), mpp=0.5)) == []
    assert list(gland_polygons(np.zeros((0, 5), np.int32), mpp=0.5)) == []


@given(masks)
@settings(max_examples=150)
def test_ring_areas_plus_a_half_count_the_pixels_exactly(mask):
    areas = [shoelace_area(ring) for ring in mask_rings(mask)]
    assert sum(area + 0.5 * np.sign(area) for area in areas) == pytest.approx(mask.sum(), abs=1e-9)


@given(masks, st.sampled_from([0.25, 0.5, 2.0]))
@settings(max_examples=150)
def test_any_mask_gives_a_valid_polygon_within_the_stated_tolerance(mask, mpp):
    [(label, outline)] = gland_polygons(mask.astype(np.int32), mpp=mpp)
    assert label == 1
    assert outline.is_valid
    assert not outline.is_empty
    assert outline.geom_type in ("Polygon", "MultiPolygon")
    assert abs(outline.area - mask.sum()) <= 0.25 / mpp * outline.length


@pytest.mark.parametrize("radius", [6, 15, 50])
def test_simplified_disc_keeps_the_area_of_its_pixels_within_half_a_percent(radius):
    labels = disc(radius)
    [(_, outline)] = gland_polygons(labels, mpp=0.5)
    assert outline.area == pytest.approx(labels.sum(), rel=0.005)
    assert len(outline.exterior.coords) < 40


def test_simplification_moves_the_outline_by_less_than_twice_the_tolerance():
    labels = disc(50)
    [(_, outline)] = gland_polygons(labels, mpp=0.5, tolerance_um=0.5)
    [(_, full)] = gland_polygons(labels, mpp=0.5, tolerance_um=0)
    assert shapely.hausdorff_distance(outline, full) < 2 * 0.5 / 0.5


def test_single_pixel_is_a_diamond_of_area_one_around_its_centre():
    labels = np.zeros((9, 9), np.int32)
    labels[2, 6] = 4
    [(label, outline)] = gland_polygons(labels, mpp=0.5)
    assert label == 4
    assert outline.area == pytest.approx(1.0, abs=0.05)
    assert (outline.centroid.x, outline.centroid.y) == pytest.approx((6.5, 2.5))


def test_ring_has_one_hole_and_a_filled_disc_none():
    ring = disc(40) - disc(20)
    [(_, outline)] = gland_polygons(ring, mpp=0.5)
    assert len(outline.interiors) == 1
    assert outline.area == pytest.approx(ring.sum(), rel=0.005)
    [(_, filled)] = gland_polygons(disc(40), mpp=0.5)
    assert len(filled.interiors) == 0


def test_island_inside_its_own_hole_stays_a_part_of_the_gland():
    labels = disc(50) - disc(35) + disc(15)
    [(_, outline)] = gland_polygons(labels, mpp=0.5)
    assert outline.geom_type == "MultiPolygon"
    assert sorted(len(part.interiors) for part in outline.geoms) == [0, 1]
    assert outline.area == pytest.approx(labels.sum(), rel=0.005)


def test_pixels_that_meet_at_a_corner_are_one_polygon():
    [(_, outline)] = gland_polygons(np.eye(6, dtype=np.int32), mpp=0.5, tolerance_um=0)
    assert outline.geom_type == "Polygon"


def test_two_touching_glands_keep_their_own_outlines():
    labels = np.zeros((40, 60), np.int32)
    labels[10:30, 10:30] = 1
    labels[10:30, 30:50] = 2
    (_, first), (_, second) = gland_polygons(labels, mpp=0.5)
    assert first.intersection(second).area < 20 * 0.25 / 0.5  # border times tolerance
    assert first.distance(second) < 0.5


def test_gland_at_the_image_side_ends_at_the_side():
    labels = np.zeros((50, 50), np.int32)
    labels[10:40, :20] = 1
    [(_, outline)] = gland_polygons(labels, mpp=0.5)
    assert outline.bounds == pytest.approx((0, 10, 20, 40), abs=0.3)


def test_large_and_sparse_labels_are_named_as_they_are():
    labels = np.zeros((30, 30), np.int32)
    labels[2:8, 2:8] = 7
    labels[12:20, 12:20] = 2_000_000_000
    assert [crop.label for crop in gland_crops(labels)] == [7, 2_000_000_000]


def test_moving_a_gland_moves_its_outline():
    near = np.zeros((90, 90), np.int32)
    near[:60, :60] = disc(25, size=60, centre=(30, 30))
    far = np.roll(near, (13, 21), axis=(0, 1))
    [first], [second] = list(gland_crops(near)), list(gland_crops(far))
    moved = shapely.transform(crop_outline(first), lambda xy: xy + np.array([21, 13]))
    assert crop_outline(second).equals_exact(moved, tolerance=1e-9)


@pytest.mark.parametrize("labels", [np.zeros((4, 4)), np.zeros((4, 4, 3), np.int32), np.full((4, 4), -1)])
def test_what_is_no_label_map_is_refused_with_the_remedy(labels):
    with pytest.raises(InputError, match="background"):
        list(gland_polygons(labels, mpp=0.5))


def test_absurd_resolution_is_refused():
    with pytest.raises(MppError, match="--mpp"):
        list(gland_polygons(disc(10), mpp=40.0))


def test_a_crop_is_as_large_as_its_gland_with_a_margin_inside_the_image():
    labels = np.zeros((1000, 1000), np.int32)
    labels[500:520, 0:30] = 1
    [crop] = gland_crops(labels)
    assert crop.box == Box(x=0, y=499, width=31, height=22)
    assert np.shares_memory(crop.labels, labels)
