from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from acinus.core.proposal import BACKGROUND, EXTERIOR, IGNORE, INTERIOR, ProposalMap
from acinus.core.segmenter import GlandMaps
from acinus.grouping.relabel import OmissionRelabelling, SelfTraining
from acinus.inference.instances import InstanceSettings
from acinus.inference.reading import ImageReading
from acinus.inference.refinement import RefinementSettings


def relabelled(was: ProposalMap, *probability: float, rules: SelfTraining | None = None) -> ProposalMap:
    """Apply rules to a row of pixels of which a network tells the probability alone."""
    maps = GlandMaps(np.array([probability], np.float32))
    return (rules or RULES)(was, maps, np.zeros((1, len(probability), 3), np.uint8))


def proposal(*regions: int, confidence: float = 0.5) -> ProposalMap:
    values = np.array([regions], np.uint8)
    return ProposalMap(values, np.full(values.shape, confidence, np.float32), mpp=2.5)


RULES = SelfTraining(gland_above=0.6, gland_kept_above=0.2, background_below=0.12, background_kept_below=0.3)


@pytest.mark.parametrize(
    ("was", "probability", "becomes"),
    [
        (BACKGROUND, 0.05, BACKGROUND),
        (BACKGROUND, 0.25, BACKGROUND),
        (BACKGROUND, 0.35, IGNORE),
        (BACKGROUND, 0.55, IGNORE),
        (BACKGROUND, 0.65, EXTERIOR),
        (IGNORE, 0.05, BACKGROUND),
        (IGNORE, 0.15, IGNORE),
        (IGNORE, 0.55, IGNORE),
        (IGNORE, 0.65, EXTERIOR),
        (EXTERIOR, 0.05, IGNORE),
        (EXTERIOR, 0.15, IGNORE),
        (EXTERIOR, 0.25, EXTERIOR),
        (EXTERIOR, 0.95, EXTERIOR),
        (INTERIOR, 0.05, IGNORE),
        (INTERIOR, 0.25, INTERIOR),
        (INTERIOR, 0.95, INTERIOR),
    ],
)
def test_self_training_keeps_adds_and_doubts_by_rule(was: int, probability: float, becomes: int):
    result = relabelled(proposal(was), probability)
    assert result.regions.tolist() == [[becomes]]


def test_proposals_that_stay_keep_their_confidence_and_new_ones_have_full():
    result = relabelled(proposal(EXTERIOR, INTERIOR, IGNORE), 0.9, 0.3, 0.9)
    assert result.confidence.tolist() == [[0.5, 0.5, 1.0]]


def test_relabelling_leaves_the_proposal_given_alone():
    before = proposal(BACKGROUND, EXTERIOR)
    relabelled(before, 0.9, 0.0)
    OmissionRelabelling()(before, np.ones((1, 2, 3), np.float32))
    assert before.regions.tolist() == [[BACKGROUND, EXTERIOR]]
    assert before.confidence.tolist() == [[0.5, 0.5]]


def vectors(*angles_degrees: float) -> np.ndarray:
    angle = np.radians(angles_degrees)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)[None].astype(np.float32)


def test_background_nearer_in_direction_to_gland_than_to_background_is_ignored():
    was = proposal(EXTERIOR, INTERIOR, BACKGROUND, BACKGROUND, BACKGROUND, BACKGROUND)
    result = OmissionRelabelling()(was, vectors(0, 0, 90, 90, 85, 10))
    assert result.regions.tolist() == [[EXTERIOR, INTERIOR, BACKGROUND, BACKGROUND, BACKGROUND, IGNORE]]
    assert result.confidence.tolist() == was.confidence.tolist()
    assert result.mpp == was.mpp


def test_the_length_of_features_does_not_matter():
    was = proposal(EXTERIOR, EXTERIOR, BACKGROUND, BACKGROUND, BACKGROUND)
    features = vectors(0, 5, 90, 80, 10)
    scaled = features * np.array([1, 9, 0.2, 30, 4], np.float32)[:, None]
    assert np.array_equal(
        OmissionRelabelling()(was, features).regions, OmissionRelabelling()(was, scaled).regions
    )


def test_gland_and_ignored_pixels_are_never_relabelled():
    was = proposal(EXTERIOR, INTERIOR, IGNORE, BACKGROUND)
    result = OmissionRelabelling(margin=-2.0)(was, vectors(90, 90, 0, 0))
    assert result.regions.tolist() == [[EXTERIOR, INTERIOR, IGNORE, IGNORE]]


def test_omitted_glands_become_gland_where_the_paper_is_followed():
    was = proposal(EXTERIOR, INTERIOR, IGNORE, BACKGROUND, BACKGROUND)
    result = OmissionRelabelling(as_gland=True)(was, vectors(0, 0, 0, 5, 90))
    assert result.regions.tolist() == [[EXTERIOR, INTERIOR, IGNORE, EXTERIOR, BACKGROUND]]


def test_a_margin_makes_omission_rarer():
    was = proposal(EXTERIOR, BACKGROUND, BACKGROUND, BACKGROUND)
    features = vectors(0, 90, 90, 10)
    assert (OmissionRelabelling(margin=0.0)(was, features).regions == IGNORE).sum() == 1
    assert (OmissionRelabelling(margin=0.9)(was, features).regions == IGNORE).sum() == 0


@pytest.mark.parametrize("regions", [(EXTERIOR, INTERIOR), (BACKGROUND, IGNORE)])
def test_with_one_side_missing_nothing_can_be_omitted(regions: tuple[int, int]):
    was = proposal(*regions)
    assert OmissionRelabelling(margin=-2.0)(was, vectors(0, 90)).regions.tolist() == [list(regions)]


def test_features_of_length_zero_are_no_error():
    was = proposal(EXTERIOR, BACKGROUND)
    assert OmissionRelabelling()(was, np.zeros((1, 2, 3), np.float32)).regions.tolist() == [[1, 0]]


# What follows is in maps of 1 µm/px that a network told by hand, read as images are, but for the colours.
READING = ImageReading(RefinementSettings(colour_weight=0.0, tissue_only=False), InstanceSettings())
WHOLE = SelfTraining(
    gland_above=0.6,
    gland_kept_above=0.2,
    background_below=0.12,
    background_kept_below=0.3,
    least_dip=0.5,
    max_hole_um2=50.0,
    min_area_um2=200.0,
)
SHAPE = (40, 90)
LEFT, RIGHT, BRIDGE = np.s_[8:32, 5:35], np.s_[8:32, 41:71], np.s_[16:24, 35:41]
SPECK = np.s_[2:6, 80:86]


def two_proposed() -> ProposalMap:
    """Two glands of stage 1, each with a ring, 6 px apart; nothing is known of the rest."""
    regions, glands = np.full(SHAPE, IGNORE, np.uint8), np.zeros(SHAPE, np.int32)
    for number, place in enumerate((LEFT, RIGHT), start=1):
        regions[place], glands[place] = EXTERIOR, number
    regions[12:28, 9:31] = regions[12:28, 45:67] = INTERIOR
    return ProposalMap(regions, np.full(SHAPE, 0.7, np.float32), mpp=1.0, glands=glands)


def told(
    *places: tuple[slice, slice], shallow: tuple[tuple[slice, slice], ...] = (), outside: float = 0.05
) -> GlandMaps:
    """Maps that are sure of the places, all of them deep but for some."""
    probability, depth = np.full(SHAPE, outside, np.float32), np.zeros(SHAPE, np.float32)
    for place in places:
        probability[place], depth[place] = 0.9, 1.0
    for place in shallow:
        depth[place] = 0.0
    return GlandMaps(probability, depth)


def passed_on(maps: GlandMaps, was: ProposalMap | None = None, rules: SelfTraining = WHOLE) -> ProposalMap:
    return rules(was or two_proposed(), maps, np.zeros((*SHAPE, 3), np.uint8), READING)


def numbers_in(result: ProposalMap, place: tuple[slice, slice]) -> list[int]:
    assert result.glands is not None
    return np.unique(result.glands[place]).tolist()


def test_two_glands_stay_two_where_the_network_drew_a_bridge_between_them():
    result = passed_on(told(LEFT, RIGHT, BRIDGE, shallow=(BRIDGE,)))
    [first], [second] = numbers_in(result, np.s_[8:32, 5:34]), numbers_in(result, np.s_[8:32, 42:71])
    assert first != second
    assert result.glands is not None
    assert result.glands.max() == 2


def test_a_deep_bridge_makes_two_glands_one():
    result = passed_on(told(LEFT, RIGHT, np.s_[8:32, 35:41]))
    assert numbers_in(result, np.s_[8:32, 5:71]) == [1]


def test_a_gland_keeps_what_stage_1_knew_of_it_and_takes_up_what_belongs_to_it():
    more = np.s_[4:8, 5:35]
    result = passed_on(told(LEFT, RIGHT, more))
    was = two_proposed()
    for place in (LEFT, RIGHT):
        assert np.array_equal(result.regions[place], was.regions[place])
        assert (result.confidence[place] == np.float32(0.7)).all()
    assert (result.regions[more] == EXTERIOR).all()
    assert (result.confidence[more] == 1.0).all()
    assert numbers_in(result, more) == numbers_in(result, LEFT)


def test_a_gland_that_no_proposal_knows_gets_a_number():
    was = two_proposed()
    assert was.glands is not None
    only_left = was.glands != 2
    regions = np.where(only_left, was.regions, IGNORE).astype(np.uint8)
    alone = ProposalMap(regions, was.confidence, 1.0, np.where(only_left, was.glands, 0).astype(np.int32))
    result = passed_on(told(LEFT, RIGHT), alone)
    assert (result.regions[RIGHT] == EXTERIOR).all()
    [number] = numbers_in(result, RIGHT)
    assert number > 0
    assert [number] != numbers_in(result, LEFT)


def test_what_is_too_small_for_a_gland_is_taught_as_neither():
    result = passed_on(told(LEFT, RIGHT, SPECK))  # 24 µm²
    assert (result.regions[SPECK] == IGNORE).all()
    assert numbers_in(result, SPECK) == [0]
    assert (result.regions[2:6, 87:] == BACKGROUND).all()


def test_a_gland_that_the_network_does_not_see_is_doubted():
    result = passed_on(told(LEFT))
    assert (result.regions[RIGHT] == IGNORE).all()
    assert numbers_in(result, RIGHT) == [0]


def test_small_holes_belong_to_the_gland_and_large_ones_do_not():
    maps = told(LEFT, RIGHT)
    maps.probability[14:18, 14:18] = 0.05  # 16 µm² of the left gland, 100 of the right one
    maps.probability[14:24, 50:60] = 0.05
    result = passed_on(maps)
    assert (result.regions[14:18, 14:18] == EXTERIOR).all()
    assert (result.regions[14:24, 50:60] == IGNORE).all()


def test_without_a_reading_or_a_depth_pixels_alone_are_passed_on():
    maps = told(LEFT, RIGHT, SPECK)
    for maps_told, reading in ((maps, None), (GlandMaps(maps.probability), READING)):
        result = WHOLE(two_proposed(), maps_told, np.zeros((*SHAPE, 3), np.uint8), reading)
        assert result.glands is None
        assert (result.regions[SPECK] == EXTERIOR).all()


def test_colours_find_what_the_network_missed_unless_they_are_left_out():
    """The right gland is as dark as the left one, but the network says 0.45 of it."""
    rgb = np.full((*SHAPE, 3), (225, 170, 205), np.uint8)
    rgb[LEFT] = rgb[RIGHT] = (110, 60, 140)
    maps = told(LEFT, RIGHT, outside=0.02)
    maps.probability[RIGHT] = 0.45
    reading = ImageReading(
        RefinementSettings(colour_weight=0.6, least_um2=100.0, smoothing_um=0.0, tissue_only=False),
        InstanceSettings(),
    )
    unknown = ProposalMap(np.full(SHAPE, IGNORE, np.uint8), np.ones(SHAPE, np.float32), 1.0)
    heeded, alone = (
        replace(WHOLE, refined=refined)(unknown, maps, rgb, reading) for refined in (True, False)
    )
    assert (heeded.regions[RIGHT] == EXTERIOR).all()  # 0.4 · 0.45 + 0.6 = 0.78
    assert (alone.regions[RIGHT] == IGNORE).all()
    assert heeded.glands is not None
    assert heeded.glands.max() == 2
