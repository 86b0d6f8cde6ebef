"""Boundaries with a known dimension, ellipse or alignment, drawn as polygons."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from acinus.glands.boundary import best_alignment, fractal_dimension, irregularity, matching_ellipse


def koch_snowflake(rounds: int, side: float = 1000.0) -> shapely.Polygon:
    """Replace the middle third of every edge by two outward edges, `rounds` times."""
    corners = np.exp(-2j * np.pi * np.array([0, 1, 2, 3]) / 3) * side / math.sqrt(3)
    for _ in range(rounds):
        start, third = corners[:-1], np.diff(corners) / 3
        peak = start + third + third * np.exp(1j * np.pi / 3)
        corners = np.append(np.stack([start, start + third, peak, start + 2 * third], 1).ravel(), corners[-1])
    return shapely.Polygon(np.stack([corners.real, corners.imag], 1))


def ellipse(a: float, b: float) -> shapely.Polygon:
    angles = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    return shapely.Polygon(np.stack([a * np.cos(angles), b * np.sin(angles)], 1))


def naive_alignment(outline: shapely.Polygon) -> float:
    """Try every start point and 720 rotations of the ellipse, on points at equal arc length."""
    a, b = matching_ellipse(shapely.get_coordinates(outline.exterior)[:-1])
    curves = []
    for ring in (shapely.orient_polygons(outline, exterior_cw=False).exterior, ellipse(a, b).exterior):
        points = shapely.get_coordinates(
            shapely.line_interpolate_point(ring, np.arange(256) / 256, normalized=True)
        )
        curve = (points[:, 0] + 1j * points[:, 1]) / ring.length
        curves.append(curve - curve.mean())
    turns = np.exp(2j * np.pi * np.arange(720) / 720)
    return min(
        float(np.sqrt(np.mean(np.abs(curves[0] - turns[:, None] * np.roll(curves[1], t)) ** 2, axis=1)).min())
        for t in range(256)
    )


def dimension(outline: shapely.Polygon) -> float:
    extent = 2.0 * shapely.minimum_bounding_radius(outline)
    return fractal_dimension(outline, extent=extent, pixel=1.0)


def test_koch_snowflake_has_dimension_log_4_over_log_3():
    assert dimension(koch_snowflake(4)) == pytest.approx(math.log(4) / math.log(3), abs=0.03)


@pytest.mark.parametrize("outline", [ellipse(200, 200), ellipse(300, 120), shapely.box(0, 0, 300, 200)])
def test_plain_curves_have_dimension_one(outline):
    assert dimension(outline) == pytest.approx(1.0, abs=0.04)


def test_dimension_of_a_gland_under_32_pixels_is_not_known():
    assert math.isnan(dimension(ellipse(15, 15)))
    assert not math.isnan(dimension(ellipse(17, 17)))


@given(st.floats(5, 100), st.floats(1, 5))
def test_matching_ellipse_of_an_ellipse_is_itself(b, elongation):
    ring = shapely.get_coordinates(ellipse(b * elongation, b).exterior)[:-1]
    assert matching_ellipse(ring) == pytest.approx((b * elongation, b), rel=1e-3)


def test_square_is_longer_than_its_disc_by_two_over_root_pi():
    assert irregularity(shapely.box(0, 0, 7, 7)) == pytest.approx(2 / math.sqrt(math.pi))


@pytest.mark.parametrize("outline", [shapely.box(0, 0, 3, 1), koch_snowflake(2), shapely.box(0, 0, 1, 1)])
def test_alignment_equals_the_exhaustive_search(outline):
    assert best_alignment(outline) == pytest.approx(naive_alignment(outline), abs=0.0005)


@given(st.floats(0, 6.3), st.floats(0.1, 50), st.floats(-100, 100))
def test_alignment_ignores_position_angle_and_size(angle, scale, shift):
    shape = shapely.Polygon([(0, 0), (9, 0), (9, 3), (4, 3), (4, 8), (0, 8)])
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    moved = shapely.transform(shape, lambda xy: scale * xy @ turn.T + shift)
    assert best_alignment(moved) == pytest.approx(best_alignment(shape), abs=1e-4)


def test_boundary_of_several_parts_is_that_of_the_largest():
    large = shapely.box(0, 0, 100, 60)
    both = shapely.MultiPolygon([shapely.box(200, 0, 210, 90), large])
    assert irregularity(both) == pytest.approx(irregularity(large))
    assert best_alignment(both) == pytest.approx(best_alignment(large))
