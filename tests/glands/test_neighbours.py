"""Gaps and neighbours against every pair looked at, and outlines that are read in batches."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from acinus.glands import neighbours
from acinus.glands.neighbours import OutlinesInMemory, gaps_and_neighbours
from acinus.glands.spool import OutlineSpool

rectangles = st.builds(
    lambda x, y, width, height: shapely.box(x, y, x + width, y + height),
    *(st.integers(0, 400), st.integers(0, 400), st.integers(1, 90), st.integers(1, 90)),
)


def by_pairs(outlines: list[shapely.Polygon], radius: float) -> tuple[list[float], list[int]]:
    distances = [
        [one.distance(other) for j, other in enumerate(outlines) if j != i] for i, one in enumerate(outlines)
    ]
    return [min(row) for row in distances], [sum(d <= radius for d in row) for row in distances]


@settings(max_examples=60)
@given(st.lists(rectangles, min_size=2, max_size=12), st.integers(0, 120))
def test_gaps_and_counts_are_those_of_all_pairs_also_in_batches(outlines, radius):
    gaps, counts = by_pairs(outlines, radius)
    for batch in (1, 5, 1000):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(neighbours, "_BATCH", batch)
            found = gaps_and_neighbours(OutlinesInMemory(outlines), radius=radius)
        assert found[0] == pytest.approx(gaps)
        assert found[1].tolist() == counts


def test_a_gland_alone_has_no_gap_and_no_neighbour():
    gaps, counts = gaps_and_neighbours(OutlinesInMemory([shapely.box(0, 0, 5, 5)]), radius=50)
    assert np.isnan(gaps).tolist() == [True]
    assert counts.tolist() == [0]


def test_no_gland_has_no_gap():
    gaps, counts = gaps_and_neighbours(OutlinesInMemory([]), radius=50)
    assert len(gaps) == len(counts) == 0


def test_a_gland_inside_the_hole_of_another_is_as_far_as_its_border():
    ring = shapely.box(0, 0, 100, 100).difference(shapely.box(20, 20, 80, 80))
    gaps, _ = gaps_and_neighbours(OutlinesInMemory([ring, shapely.box(45, 45, 55, 55)]), radius=50)
    assert gaps.tolist() == [25.0, 25.0]


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
        on_disk = gaps_and_neighbours(spool, radius=40)
    in_memory = gaps_and_neighbours(OutlinesInMemory(outlines), radius=40)
    assert np.array_equal(on_disk[0], in_memory[0])
    assert np.array_equal(on_disk[1], in_memory[1])


def test_no_outline_on_disk_is_read_as_none(tmp_path):
    with OutlineSpool(tmp_path / "outlines.wkb") as spool:
        assert list(spool) == []
        assert spool.bounds.shape == (0, 4)
