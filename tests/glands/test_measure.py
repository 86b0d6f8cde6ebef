"""Statistics of shapes with a known answer, and what must not change them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acinus.core.errors import InputError
from acinus.glands import COLUMNS, Glands, measure_glands

ABSOLUTE = ("centroid_x_um", "centroid_y_um", "label")
LENGTHS = [column.name for column in COLUMNS if column.name.endswith("_um")]
AREAS = [column.name for column in COLUMNS if column.name.endswith("_um2")]
WITHIN_UM = ("neighbours", "back_to_back", "orientation_disorder")  # what lies within so many µm
NEITHER = ("label", "touches_side", "orientation_deg")
RATIOS = [c.name for c in COLUMNS if c.name not in (*LENGTHS, *AREAS, *WITHIN_UM, *NEITHER)]


def grid(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of the pixel centres from the image's middle."""
    y, x = np.mgrid[:size, :size] + 0.5 - size / 2
    return x, y


def disc(radius: float, *, size: int = 300, at: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    x, y = grid(size)
    return ((x - at[0]) ** 2 + (y - at[1]) ** 2 <= radius**2).astype(np.int32)


def ellipse(a: float, b: float, angle: float, *, size: int = 300) -> np.ndarray:
    x, y = grid(size)
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    return ((u / a) ** 2 + (v / b) ** 2 <= 1).astype(np.int32)


def star(radius: float, depth: float, points: int, *, size: int = 300) -> np.ndarray:
    x, y = grid(size)
    return (np.hypot(x, y) <= radius * (1 + depth * np.cos(points * np.arctan2(y, x)))).astype(np.int32)


def one(labels: np.ndarray, **settings: object) -> dict[str, float]:
    glands = measure_glands(labels, **({"mpp": 0.5} | settings))
    assert len(glands) == 1
    return {column.name: glands[column.name][0] for column in COLUMNS}


def test_empty_label_map_gives_an_empty_table_with_all_columns():
    glands = measure_glands(np.zeros((20, 30), np.int32), mpp=0.5)
    assert len(glands) == 0
    assert list(glands.columns) == [column.name for column in COLUMNS]
    assert [glands[column.name].dtype for column in COLUMNS] == [column.dtype for column in COLUMNS]


@pytest.mark.parametrize("radius", [5, 8, 20, 100])
def test_disc_has_the_perimeter_of_a_circle_within_half_a_percent(radius):
    labels = disc(radius)
    gland = one(labels)
    r_um = math.sqrt(labels.sum() / math.pi) * 0.5  # of the pixels drawn, which small circles fill unevenly
    assert r_um == pytest.approx(radius * 0.5, rel=0.02)
    assert gland["perimeter_um"] == pytest.approx(2 * math.pi * r_um, rel=0.005)
    assert gland["area_um2"] == pytest.approx(math.pi * r_um**2)
    assert gland["equivalent_diameter_um"] == pytest.approx(2 * r_um, rel=0.01)
    assert gland["max_feret_um"] == pytest.approx(2 * r_um, rel=0.03)
    assert gland["min_feret_um"] == pytest.approx(2 * r_um, rel=0.03)
    assert gland["bounding_circle_um"] == pytest.approx(2 * r_um, rel=0.03)


@pytest.mark.parametrize("radius", [12, 100])
def test_disc_is_round_convex_and_its_own_ellipse(radius):
    gland = one(disc(radius))
    assert gland["circularity"] == pytest.approx(1.0, abs=0.01)
    assert gland["solidity"] > 0.985
    assert gland["convexity"] > 0.99
    assert gland["eccentricity"] < 0.05
    assert gland["irregularity"] == pytest.approx(1.0, abs=0.01)
    assert gland["best_alignment"] < 0.002


@pytest.mark.parametrize("angle", [0.0, 0.3, math.pi / 4, 1.2])
def test_ellipse_of_two_to_one_at_any_angle(angle):
    gland = one(ellipse(100, 50, angle))
    h = 1 / 9  # ((a − b) / (a + b))²
    ramanujan = math.pi * 150 * (1 + 3 * h / (10 + math.sqrt(4 - 3 * h)))
    assert gland["perimeter_um"] == pytest.approx(ramanujan * 0.5, rel=0.005)
    assert gland["max_feret_um"] == pytest.approx(100, rel=0.01)
    assert gland["min_feret_um"] == pytest.approx(50, rel=0.01)
    assert gland["eccentricity"] == pytest.approx(math.sqrt(0.75), abs=0.003)
    assert gland["irregularity"] == pytest.approx(1.0, abs=0.005)
    assert gland["best_alignment"] < 0.002


@pytest.mark.parametrize("degrees", [0.0, 30.0, 90.0, 135.0, 179.0])
def test_orientation_is_that_of_the_long_axis_from_right_towards_down(degrees):
    found = one(ellipse(100, 50, math.radians(degrees)))["orientation_deg"]
    assert 0 <= found < 180
    turned = (found - degrees + 90) % 180 - 90
    assert turned == pytest.approx(0, abs=0.3)


def test_rectangle_of_three_to_one():
    labels = np.zeros((100, 200), np.int32)
    labels[30:70, 40:160] = 1
    gland = one(labels, mpp=1.0)
    assert gland["area_um2"] == 4800
    assert gland["perimeter_um"] == pytest.approx(320, rel=0.02)  # smoothing rounds the corners a little
    assert gland["max_feret_um"] == pytest.approx(math.hypot(120, 40), rel=0.02)
    assert gland["min_feret_um"] == pytest.approx(40, rel=0.01)
    assert gland["eccentricity"] == pytest.approx(math.sqrt(8 / 9), abs=0.001)  # variances 120²/12, 40²/12
    assert gland["circularity"] == pytest.approx(4 * math.pi * 4800 / 320**2, rel=0.04)
    assert (gland["centroid_x_um"], gland["centroid_y_um"]) == pytest.approx((100, 50))


def test_l_shape_fills_six_sevenths_of_its_hull():
    labels = np.zeros((140, 140), np.int32)
    labels[20:120, 20:70] = 1
    labels[70:120, 70:120] = 1
    gland = one(labels, mpp=1.0)
    assert gland["area_um2"] == 7500
    assert gland["solidity"] == pytest.approx(6 / 7, rel=0.01)  # the hull adds a triangle of 50 × 50 / 2
    assert gland["convexity"] == pytest.approx((300 + math.hypot(50, 50)) / 400, rel=0.01)


def test_star_is_irregular_far_from_an_ellipse_and_not_solid():
    smooth, jagged = one(disc(80)), one(star(80, 0.3, 7))
    assert jagged["solidity"] < 0.85
    assert jagged["irregularity"] > 1.2
    assert jagged["best_alignment"] > 0.01
    assert jagged["fractal_dimension"] > smooth["fractal_dimension"] + 0.02
    assert jagged["eccentricity"] < 0.1


def test_ring_counts_both_boundaries_and_its_wall():
    ring = disc(80) - disc(40)
    gland = one(ring)
    assert gland["perimeter_um"] == pytest.approx(2 * math.pi * (40 + 20), rel=0.005)
    assert gland["circularity"] == pytest.approx(1.0, abs=0.01)  # holes ignored
    assert gland["lumen_area_um2"] == pytest.approx(math.pi * 20**2, rel=0.01)
    assert gland["lumen_fraction"] == pytest.approx(1 / 4, rel=0.01)
    assert gland["thickness_um"] == pytest.approx(20, rel=0.02)
    assert gland["thickness_cv"] < 0.02


def test_ring_with_an_eccentric_lumen_has_an_uneven_wall():
    even, uneven = one(disc(80) - disc(40)), one(disc(80) - disc(40, at=(25, 0)))
    assert uneven["thickness_cv"] > even["thickness_cv"] + 0.2


def test_without_image_and_hole_the_inside_is_unknown():
    gland = one(disc(40))
    for name in ("lumen_area_um2", "lumen_fraction", "thickness_um", "thickness_cv", "haematoxylin_od"):
        assert math.isnan(gland[name])


def test_single_pixel_has_finite_size_and_no_fractal_dimension():
    labels = np.zeros((9, 9), np.int32)
    labels[4, 4] = 1
    gland = one(labels, mpp=1.0)
    assert gland["area_um2"] == 1.0
    assert gland["perimeter_um"] == pytest.approx(
        4 / math.sqrt(2) * math.sqrt(2), rel=0.01
    )  # the diamond of area 1
    assert gland["eccentricity"] == 0.0
    assert math.isnan(gland["fractal_dimension"])
    assert math.isnan(gland["nearest_gap_um"])


def test_only_glands_at_the_side_touch_it():
    labels = np.zeros((50, 50), np.int32)
    labels[0:10, 20:30] = 1
    labels[20:30, 1:10] = 2
    labels[45:50, 40:50] = 3
    assert measure_glands(labels, mpp=0.5)["touches_side"].tolist() == [True, False, True]


def test_neighbours_in_a_row():
    labels = np.zeros((40, 300), np.int32)
    for label, left in ((1, 10), (2, 50), (3, 200)):
        labels[10:30, left : left + 20] = label
    glands = measure_glands(labels, mpp=1.0, neighbour_radius_um=30)
    assert glands["nearest_centroid_um"].tolist() == [40, 40, 150]
    assert glands["nearest_gap_um"] == pytest.approx([20, 20, 130], abs=0.6)
    assert glands["neighbours"].tolist() == [1, 1, 0]


def test_image_of_another_size_is_refused():
    with pytest.raises(InputError, match="same resolution"):
        measure_glands(disc(10, size=40), mpp=0.5, image=np.zeros((20, 40, 3), np.uint8))


def assert_same(first: Glands, second: Glands, names: list[str], *, rel: float, factor: float = 1.0) -> None:
    for name in names:
        expected = first[name] * factor
        assert second[name] == pytest.approx(expected, rel=rel, abs=1e-6, nan_ok=True), name


@st.composite
def label_maps(draw: st.DrawFn) -> np.ndarray:
    """Draw one to four blobs of 8 to 20 px, smooth or jagged, on 90 × 90 pixels, one possibly with a hole."""
    labels = np.zeros((90, 90), np.int32)
    y, x = np.mgrid[:90, :90] + 0.5
    for label in range(1, draw(st.integers(1, 4)) + 1):
        cx, cy = 22 + 45 * ((label - 1) % 2), 22 + 45 * ((label - 1) // 2)
        radius, depth = draw(st.floats(8, 17)), draw(st.floats(0, 0.3))
        points, turn = draw(st.integers(2, 5)), draw(st.floats(0, 6))
        angle = np.arctan2(y - cy, x - cx)
        distance = np.hypot(x - cx, y - cy)
        labels[distance <= radius * (1 + depth * np.cos(points * angle + turn))] = label
        if draw(st.booleans()):
            labels[distance <= radius * 0.4] = 0
    return labels


@given(label_maps())
@settings(max_examples=12)
def test_doubling_mpp_doubles_lengths_and_quadruples_areas(labels):
    once, twice = measure_glands(labels, mpp=0.5), measure_glands(labels, mpp=1.0)
    measured = [name for name in LENGTHS if name != "nearest_gap_um"]
    assert_same(once, twice, measured, rel=1e-6, factor=2)
    assert twice["nearest_gap_um"] == pytest.approx(2 * once["nearest_gap_um"], abs=1.0, nan_ok=True)
    assert_same(once, twice, AREAS, rel=1e-9, factor=4)
    assert_same(once, twice, RATIOS, rel=1e-6)


@given(label_maps(), st.permutations([1, 2, 3, 4]))
@settings(max_examples=12)
def test_renaming_labels_reorders_the_rows_and_nothing_else(labels, names):
    renamed = np.concatenate([[0], names]).astype(np.int32)[labels]
    first, second = measure_glands(labels, mpp=0.5), measure_glands(renamed, mpp=0.5)
    order = [second["label"].tolist().index(names[label - 1]) for label in first["label"]]
    names = [*LENGTHS, *AREAS, *RATIOS, *WITHIN_UM, "orientation_deg"]
    assert_same(first, second.select(np.array(order)), names, rel=1e-9)


@given(label_maps(), st.integers(0, 15), st.integers(0, 15))
@settings(max_examples=12)
def test_moving_everything_changes_centroids_alone(labels, down, right):
    moved = np.pad(labels, ((down + 1, 20), (right + 1, 20)))
    first, second = measure_glands(np.pad(labels, 1), mpp=0.5), measure_glands(moved, mpp=0.5)
    names = [name for name in (*LENGTHS, *AREAS, *RATIOS, *WITHIN_UM) if name not in ABSOLUTE]
    assert_same(first, second, names, rel=1e-6)
    assert second["centroid_x_um"] == pytest.approx(first["centroid_x_um"] + right * 0.5)
    assert second["centroid_y_um"] == pytest.approx(first["centroid_y_um"] + down * 0.5)


@given(label_maps())
@settings(max_examples=12)
def test_a_quarter_turn_changes_centroids_alone(labels):
    first = measure_glands(labels, mpp=0.5)
    second = measure_glands(np.ascontiguousarray(np.rot90(labels)), mpp=0.5)
    approximate = [
        "fractal_dimension",
        "best_alignment",
        "nearest_gap_um",
        "back_to_back",
    ]  # depend on where a grid starts
    names = [
        name
        for name in (*LENGTHS, *AREAS, *RATIOS, "orientation_disorder")
        if name not in (*ABSOLUTE, *approximate)
    ]
    assert_same(first, second, names, rel=1e-6)
    for name, tolerance in zip(approximate, (0.1, 0.002, 0.5, 0.1), strict=True):
        assert second[name] == pytest.approx(first[name], abs=tolerance, nan_ok=True), name
