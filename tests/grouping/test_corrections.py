"""Verdicts of people on pixels: what they replace of a proposal, and how often they are drawn."""

from __future__ import annotations

import numpy as np
import shapely

from acinus.core.proposal import BACKGROUND, EXTERIOR, IGNORE, INTERIOR, ProposalMap
from acinus.grouping.batch import TrainingImage, draw_batch
from acinus.grouping.corrections import ImageCorrections, Verdicts

# 2 µm per pixel; a row of 8 pixels is 16 µm long.
MPP = 2.0
SIZE = (16.0, 2.0)


def proposal(regions: list[int], glands: list[int] | None) -> ProposalMap:
    numbers = None if glands is None else np.array([glands], np.int32)
    return ProposalMap(
        np.array([regions], np.uint8), np.full((1, len(regions)), 0.5, np.float32), MPP, numbers
    )


def verdicts(
    glands: list[int],
    background: list[int],
    left_out: list[int] | None = None,
    *,
    wrong: list[int] | None = None,
) -> Verdicts:
    none = [0] * len(glands)
    return Verdicts(
        np.array([glands], np.int32),
        np.array([background], bool),
        np.array([wrong or none], bool),
        np.array([left_out or none], bool),
    )


def test_outlines_in_um_become_glands_background_and_what_is_left_out():
    said = ImageCorrections(
        SIZE,
        glands=[shapely.box(0, 0, 4, 2)],
        wrong=[shapely.box(2, 0, 8, 2)],
        left_out=[shapely.box(10, 0, 12, 2)],
    )
    found = said.verdicts((1, 8))
    assert found.glands.tolist() == [[1, 1, 0, 0, 0, 0, 0, 0]]
    # Where a gland was drawn in place of a wrong one, it counts.
    assert found.wrong.tolist() == [[False, False, True, True, False, False, False, False]]
    assert not found.background.any()
    assert found.left_out.tolist() == [[False, False, False, False, False, True, False, False]]


def test_outlines_lie_on_the_pixels_of_an_image_whose_size_was_rounded():
    said = ImageCorrections((15.0, 2.0), complete=[shapely.box(0, 0, 15, 2)])  # 7.5 px of 2 µm
    assert said.verdicts((1, 8)).background.tolist() == [[True] * 8]


def test_where_all_glands_were_drawn_the_rest_is_background():
    said = ImageCorrections(
        SIZE,
        glands=[shapely.box(0, 0, 4, 2), shapely.box(6, 0, 8, 2)],
        complete=[shapely.box(0, 0, 12, 2)],
        left_out=[shapely.box(8, 0, 10, 2)],
    )
    found = said.verdicts((1, 8))
    assert sorted(set(found.glands[0, [0, 1, 3]].tolist())) == [1, 2]
    assert found.background[0].tolist() == [False, False, True, False, False, True, False, False]


def test_a_verdict_takes_the_place_of_the_proposal_and_counts_fully():
    mined = proposal([EXTERIOR, EXTERIOR, IGNORE, BACKGROUND, INTERIOR, IGNORE], [1, 1, 0, 0, 2, 0])
    told = verdicts([0, 0, 1, 1, 0, 0], [1, 0, 0, 0, 0, 0]).over(mined)
    assert told.regions.tolist() == [[BACKGROUND, EXTERIOR, EXTERIOR, EXTERIOR, INTERIOR, IGNORE]]
    assert told.confidence.tolist() == [[1.0, 0.5, 1.0, 1.0, 0.5, 0.5]]
    # Half of gland 1 was judged, which is not most of it; the new gland has a number of its own.
    assert told.glands is not None
    assert told.glands.tolist() == [[0, 1, 3, 3, 2, 0]]
    assert mined.regions[0, 0] == EXTERIOR  # it stays as it was


def test_what_was_called_wrong_is_background_that_counts_like_a_proposal():
    mined = proposal([EXTERIOR, EXTERIOR, INTERIOR, IGNORE], [1, 1, 1, 0])
    said = verdicts([0, 0, 0, 0], [0, 0, 0, 0], wrong=[1, 1, 0, 0])
    told = said.over(mined)
    assert told.regions.tolist() == [[BACKGROUND, BACKGROUND, IGNORE, IGNORE]]
    assert told.confidence.tolist() == [[1.0, 1.0, 0.5, 0.5]]
    image = TrainingImage.of(np.zeros((1, 4, 3), np.uint8), told, None, said.spoken, 4.0)
    assert image.targets[0, :2, 2].tolist() == [1.0, 1.0]  # and not 4
    assert image.spoken is None  # so that no crop is drawn around it


def test_where_all_glands_were_drawn_a_wrong_one_is_background_that_counts_fully():
    said = ImageCorrections(SIZE, wrong=[shapely.box(0, 0, 8, 2)], complete=[shapely.box(4, 0, 16, 2)])
    found = said.verdicts((1, 8))
    assert found.background[0].tolist() == [False, False, *[True] * 6]
    assert found.wrong[0].tolist() == [True, True, *[False] * 6]


def test_what_is_left_of_a_gland_of_which_most_was_judged_is_ignored():
    mined = proposal([EXTERIOR, EXTERIOR, INTERIOR, BACKGROUND], [1, 1, 1, 0])
    told = verdicts([0, 0, 0, 0], [1, 1, 0, 0]).over(mined)
    assert told.regions.tolist() == [[BACKGROUND, BACKGROUND, IGNORE, BACKGROUND]]
    assert told.glands is not None
    assert told.glands.tolist() == [[0, 0, 0, 0]]


def test_what_is_left_out_is_ignored_and_proposals_without_numbers_stay_without():
    told = verdicts([1, 0, 0], [0, 1, 0], [0, 0, 1]).over(proposal([IGNORE, EXTERIOR, EXTERIOR], None))
    assert told.regions.tolist() == [[EXTERIOR, BACKGROUND, IGNORE]]
    assert told.glands is None


def test_the_gap_between_two_drawn_glands_is_taught_as_background():
    empty = ProposalMap(
        np.full((12, 20), IGNORE, np.uint8), np.zeros((12, 20), np.float32), MPP, np.zeros((12, 20), np.int32)
    )
    said = ImageCorrections((40.0, 24.0), glands=[shapely.box(0, 0, 18, 24), shapely.box(22, 0, 40, 24)])
    found = said.verdicts((12, 20))
    taught = TrainingImage.of(np.zeros((12, 20, 3), np.uint8), found.over(empty)).targets
    gap, inside = taught[6, 9:11], taught[6, 4]
    assert (gap[:, 2] > 1.0).all()  # nobody said anything there, yet it parts two glands
    assert inside[0] == 1.0


def test_a_verdict_weighs_more_than_a_proposal():
    mined = proposal([EXTERIOR, EXTERIOR, BACKGROUND, BACKGROUND], [0, 0, 0, 0])
    said = verdicts([0, 0, 0, 0], [0, 0, 1, 0])
    image = TrainingImage.of(np.zeros((1, 4, 3), np.uint8), said.over(mined), None, said.spoken, 4.0)
    assert image.targets[0, :, 2].tolist() == [0.0, 0.0, 4.0, 0.5]
    assert image.spoken is not None
    assert image.spoken.tolist() == [2]


def test_an_image_without_verdicts_is_as_one_of_which_nobody_spoke():
    mined = proposal([EXTERIOR, BACKGROUND], [1, 0])
    image = TrainingImage.of(np.zeros((1, 2, 3), np.uint8), mined, None, np.zeros((1, 2), bool), 4.0)
    assert image.spoken is None


def _plain(value: int, spoken: np.ndarray | None) -> TrainingImage:
    """Return an image of one grey value, all of it background."""
    targets = np.zeros((64, 96, 5), np.float16)
    targets[..., 2] = 1.0
    return TrainingImage(np.full((64, 96, 3), value, np.uint8), targets, spoken)


def _share_of_white(spoken: np.ndarray) -> float:
    """Return how often crops come from a white image with verdicts beside two black ones without."""
    images = [_plain(0, None), _plain(0, None), _plain(255, spoken)]
    batch = draw_batch(
        images,
        crops=1000,
        crop_px=8,
        scale_range=0.0,
        stain_strength=0.0,
        rng=np.random.default_rng(0),
        spoken_frequency=6.0,
    )
    return float((batch.images.mean(dim=(1, 2, 3)) > 0).float().mean())


def test_crops_come_as_many_times_as_often_from_where_there_are_verdicts():
    everywhere = np.arange(64 * 96, dtype=np.int32)
    assert abs(_share_of_white(everywhere) - 6.0 / 8.0) < 0.04  # 6 × 1 image against 2 × 1
    # A quarter of it, 6 × ¼, and the rest as often as without: 2.25 against 2.
    assert abs(_share_of_white(everywhere[: 64 * 24]) - 2.25 / 4.25) < 0.04
    # One pixel: as good as none.
    assert abs(_share_of_white(everywhere[:1]) - 1.0 / 3.0) < 0.04


def test_each_such_crop_holds_a_pixel_with_a_verdict_even_at_the_sides():
    height, width = 64, 96
    for row, column in ((0, 0), (63, 95), (30, 50)):
        targets = np.zeros((height, width, 5), np.float16)
        targets[row, column, 2] = 1.0
        spoken = np.array([row * width + column], np.int32)
        image = TrainingImage(np.zeros((height, width, 3), np.uint8), targets, spoken)
        batch = draw_batch(
            [image],
            crops=50,
            crop_px=16,
            scale_range=0.0,
            stain_strength=0.0,
            rng=np.random.default_rng(1),
            spoken_frequency=1e9,
        )
        assert batch.background.amax(dim=(1, 2, 3)).tolist() == [1.0] * 50


def test_the_digest_of_corrections_depends_on_every_outline_and_on_what_it_says():
    box, other = shapely.box(0, 0, 4, 2), shapely.box(0, 0, 4, 3)
    said = [
        ImageCorrections(SIZE),
        ImageCorrections((16.0, 3.0)),
        ImageCorrections(SIZE, glands=[box]),
        ImageCorrections(SIZE, wrong=[box]),
        ImageCorrections(SIZE, complete=[box]),
        ImageCorrections(SIZE, left_out=[box]),
        ImageCorrections(SIZE, glands=[other]),
        ImageCorrections(SIZE, glands=[box, other]),
    ]
    assert len({each.state for each in said}) == len(said)
    assert ImageCorrections(SIZE, glands=[shapely.box(0, 0, 4, 2)]).state == said[2].state
