"""Gaps and neighbours against every pair looked at, and outlines that are read in batches."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from acinus.glands import neighbours
from acinus.glands.neighbours import Neighbourhood, OutlinesInMemory, OutlineSource, measure_neighbours
from acinus.glands.spool import OutlineSpool

rectangles = st.builds(
    lambda x, y, width, height: shapely.box(x, y, x + width, y + height),
    *(st.integers(0, 400), st.integers(0, 400), st.integers(1, 90), st.integers(1, 90)),
)


def around(outlines: OutlineSource, *, radius: float, close: float = 0.0) -> Neighbourhood:
    """Return what stands around outlines of which the first points right, the next 1 degree further down."""
    count = len(outlines.bounds)
    return measure_neighbours(
        outlines, np.deg2rad(np.arange(count)), np.full(count, 0.8), radius=radius, close=close
    )


def by_pairs(outlines: list[shapely.Polygon], radius: float) -> tuple[list[float], list[int]]:
    distances = [
        [one.distance(other) for j, other in enumerate(outlines) if j != i] for i, one in enumerate(outlines)
    ]
    return [min(row) for row in distances], [sum(d <= radius for d in row) for row in distances]


def close_shares(outlines: list[shapely.Polygon], reach: float) -> list[float]:
    """Return the share of points along each border that are near to another outline."""
    shares = []
    for i, one in enumerate(outlines):
        others = shapely.union_all([other for j, other in enumerate(outlines) if j != i])
        at = (np.arange(400) + 0.5) / 400
        points = shapely.line_interpolate_point(one.exterior, at, normalized=True)
        shares.append(float(np.mean(shapely.distance(points, others) <= reach)))
    return shares


@settings(max_examples=60)
@given(st.lists(rectangles, min_size=2, max_size=12), st.integers(0, 120))
def test_gaps_and_counts_are_those_of_all_pairs_also_in_batches(outlines, radius):
    gaps, counts = by_pairs(outlines, radius)
    for batch in (1, 5, 1000):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(neighbours, "_BATCH", batch)
            found = around(OutlinesInMemory(outlines), radius=radius, close=min(radius, 10))
        assert found.gaps == pytest.approx(gaps)
        assert found.counts.tolist() == counts
        shares = close_shares(outlines, min(radius, 10))
        assert found.close_share == pytest.approx(shares, abs=0.02)


def test_a_gland_alone_has_no_gap_and_no_neighbour():
    alone = around(OutlinesInMemory([shapely.box(0, 0, 5, 5)]), radius=50, close=10)
    assert np.isnan(alone.gaps).tolist() == [True]
    assert alone.counts.tolist() == [0]
    assert alone.close_share.tolist() == [0]
    assert np.isnan(alone.disorder).tolist() == [True]


def test_no_gland_has_no_gap():
    nothing = around(OutlinesInMemory([]), radius=50)
    assert len(nothing.gaps) == len(nothing.counts) == len(nothing.close_share) == len(nothing.disorder) == 0


def test_a_gland_inside_the_hole_of_another_is_as_far_as_its_border():
    ring = shapely.box(0, 0, 100, 100).difference(shapely.box(20, 20, 80, 80))
    found = around(OutlinesInMemory([ring, shapely.box(45, 45, 55, 55)]), radius=50)
    assert found.gaps.tolist() == [25.0, 25.0]


def test_half_of_a_border_stands_back_to_back():
    pair = [shapely.box(0, 0, 20, 100), shapely.box(25, 0, 45, 100)]  # 5 apart
    found = around(OutlinesInMemory(pair), radius=50, close=15)
    # All of the side that faces the other, and 10 of both short sides: 120 of 240.
    assert found.close_share == pytest.approx([0.5, 0.5], rel=0.01)
    assert around(OutlinesInMemory(pair), radius=50, close=4).close_share.tolist() == [0, 0]


def test_a_border_between_two_others_counts_once():
    row = [shapely.box(x, 0, x + 10, 10) for x in (0, 12, 24)]
    found = around(OutlinesInMemory(row), radius=50, close=12)
    assert found.close_share[1] == pytest.approx(1.0)


def test_disorder_of_parallel_crossed_and_oblique_axes():
    row = OutlinesInMemory([shapely.box(x, 0, x + 10, 10) for x in (0, 12, 24)])
    ellipses = np.full(3, 0.9)

    def disorder(*degrees: float, eccentricities: np.ndarray = ellipses) -> list[float]:
        found = measure_neighbours(row, np.deg2rad(degrees), eccentricities, radius=5, close=5)
        return found.disorder.tolist()

    assert disorder(10, 190, 10) == pytest.approx([0, 0, 0], abs=1e-12)  # opposite directions are one axis
    assert disorder(0, 90, 0) == pytest.approx([1, 1, 1])
    assert disorder(0, 45, 45) == pytest.approx([0.5, 0.25, 0])  # the middle one has two neighbours
    round_one = np.array([0.9, 0.9, 0.0])
    assert disorder(0, 45, 0, eccentricities=round_one)[:2] == pytest.approx([0.5, 0.5])
    assert np.isnan(disorder(0, 45, 0, eccentricities=round_one)[2])


def test_disorder_of_axes_at_random_is_one_half():
    rng = np.random.default_rng(0)
    row = OutlinesInMemory([shapely.box(12 * x, 0, 12 * x + 10, 10) for x in range(2000)])
    found = measure_neighbours(row, rng.uniform(0, np.pi, 2000), rng.uniform(0.2, 1, 2000), radius=5, close=5)
    assert found.disorder.mean() == pytest.approx(0.5, abs=0.03)


def test_outlines_on_disk_come_back_in_any_order_and_answer_as_those_in_memory(tmp_path):
    rng = np.random.default_rng(1)
    outlines = [shapely.Point(*rng.uniform(0, 900, 2)).buffer(rng.uniform(1, 30)) for _ in range(200)]
    with OutlineSpool(tmp_path / "outlines.wkb") as spool:
        spool.extend(outlines[:150])
        spool.extend([])
        spool.extend(outlines[150:])
        assert [o.equals(p) for o, p in zip(spool, outlines, strict=True)] == [True] * 200
        numbers = np.array([199, 3, 3, 0])
        assert all(a.equals(outlines[n]) for a, n in zip(spool.read(numbers), numbers, strict=True))
        assert np.array_equal(spool.bounds, shapely.bounds(np.array(outlines)))
        on_disk = around(spool, radius=40, close=10)
    in_memory = around(OutlinesInMemory(outlines), radius=40, close=10)
    for field in dataclasses.fields(Neighbourhood):
        found, expected = getattr(on_disk, field.name), getattr(in_memory, field.name)
        assert np.array_equal(found, expected, equal_nan=True), field.name


def test_no_outline_on_disk_is_read_as_none(tmp_path):
    with OutlineSpool(tmp_path / "outlines.wkb") as spool:
        assert list(spool) == []
        assert spool.bounds.shape == (0, 4)
