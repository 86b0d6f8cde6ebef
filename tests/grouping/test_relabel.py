from __future__ import annotations

import numpy as np
import pytest

from acinus.core.proposal import BACKGROUND, EXTERIOR, IGNORE, INTERIOR, ProposalMap
from acinus.grouping.relabel import OmissionRelabelling, SelfTraining


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
    result = RULES(proposal(was), np.array([[probability]], np.float32))
    assert result.regions.tolist() == [[becomes]]


def test_proposals_that_stay_keep_their_confidence_and_new_ones_have_full():
    result = RULES(proposal(EXTERIOR, INTERIOR, IGNORE), np.array([[0.9, 0.3, 0.9]], np.float32))
    assert result.confidence.tolist() == [[0.5, 0.5, 1.0]]


def test_relabelling_leaves_the_proposal_given_alone():
    before = proposal(BACKGROUND, EXTERIOR)
    RULES(before, np.array([[0.9, 0.0]], np.float32))
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
