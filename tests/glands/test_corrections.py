"""What a person drew against what was found: rectangles whose overlaps are known."""

from __future__ import annotations

import pytest
import shapely

from acinus.glands.corrections import correct_outlines
from acinus.glands.features import Annotations

LEFT, MIDDLE, RIGHT = (shapely.box(x, 0, x + 10, 10) for x in (0, 20, 40))
LABELS, FOUND = [3, 5, 9], [LEFT, MIDDLE, RIGHT]


def drawn(
    *glands: shapely.Polygon, regions: tuple = (), wrong: tuple = (), complete: bool = True
) -> Annotations:
    return Annotations(list(glands), list(regions), [], 0, wrong=list(wrong), complete=complete)


def test_the_same_outlines_change_nothing():
    corrected = correct_outlines(LABELS, FOUND, drawn(RIGHT, LEFT, MIDDLE))
    assert (corrected.kept.tolist(), corrected.drawn, corrected.changes) == ([True] * 3, {}, [])


def test_a_rounded_outline_is_the_same_and_one_moved_by_an_edge_is_not():
    moved = shapely.box(20.01, 0, 30.01, 10)  # IoU 0.998
    edited = shapely.box(21, 0, 31, 10)  # 9 / 11
    assert correct_outlines(LABELS, FOUND, drawn(LEFT, moved, RIGHT)).changes == []
    corrected = correct_outlines(LABELS, FOUND, drawn(LEFT, edited, RIGHT))
    assert corrected.changes == [(5, "replaced")]
    assert corrected.drawn == {5: edited}


def test_what_was_not_drawn_is_removed_and_what_was_drawn_elsewhere_is_added():
    other = shapely.box(60, 0, 70, 10)
    corrected = correct_outlines(LABELS, FOUND, drawn(LEFT, other, RIGHT))
    assert corrected.kept.tolist() == [True, False, True]
    assert corrected.drawn == {10: other}
    assert sorted(corrected.changes) == [(5, "removed"), (10, "added")]


def test_only_regions_that_were_looked_at_are_corrected():
    around_middle = shapely.box(15, -5, 35, 15)
    corrected = correct_outlines(LABELS, FOUND, drawn(regions=(around_middle,)))
    assert corrected.kept.tolist() == [True, False, True]
    assert corrected.changes == [(5, "removed")]


def test_verdicts_speak_of_single_glands():
    inside = shapely.box(41, 1, 47, 9)
    corrected = correct_outlines(LABELS, FOUND, drawn(inside, wrong=(LEFT,), complete=False))
    assert corrected.kept.tolist() == [False, True, False]
    assert sorted(corrected.changes) == [(3, "removed"), (9, "replaced")]


def test_an_outline_over_two_glands_takes_the_place_of_both():
    both = shapely.box(0, 0, 31, 10)
    corrected = correct_outlines(LABELS, FOUND, drawn(both, RIGHT))
    assert corrected.drawn == {3: both}
    assert sorted(corrected.changes) == [(3, "replaced"), (5, "removed")]


def test_a_gland_cut_in_two_gives_its_label_to_the_first_part():
    parts = shapely.box(20, 0, 24, 10), shapely.box(25, 0, 30, 10)
    corrected = correct_outlines(LABELS, FOUND, drawn(LEFT, *parts, RIGHT))
    assert corrected.drawn == {5: parts[0], 10: parts[1]}
    assert corrected.changes == [(5, "replaced"), (10, "replaced")]


def test_a_gland_drawn_in_the_hole_of_another_leaves_that_one_as_it_is():
    ring = LEFT.difference(shapely.box(3, 3, 7, 7))
    core = shapely.box(3, 3, 7, 7)
    corrected = correct_outlines([1], [ring], drawn(ring, core))
    assert corrected.kept.tolist() == [True]
    assert corrected.changes == [(2, "added")]


@pytest.mark.parametrize("share", [0.4, 0.6])
def test_an_outline_covers_a_gland_from_half_of_it_on(share):
    beside = shapely.box(10 - 10 * share, 0, 20 - 10 * share, 10)
    corrected = correct_outlines([1], [LEFT], drawn(beside, complete=False))
    assert corrected.kept.tolist() == [share < 0.5]
    assert corrected.changes == ([(2, "added")] if share < 0.5 else [(1, "replaced")])


def test_nothing_found_takes_what_was_drawn():
    corrected = correct_outlines([], [], drawn(LEFT, RIGHT))
    assert corrected.drawn == {1: LEFT, 2: RIGHT}
    assert corrected.changes == [(1, "added"), (2, "added")]
