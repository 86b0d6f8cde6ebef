from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from acinus.core.geometry import Box
from acinus.core.image import RgbImage
from acinus.core.proposal import BACKGROUND, EXTERIOR, IGNORE, INTERIOR
from acinus.mining import second_look as module
from acinus.mining.closed_shapes import ClosedShapes, Shape
from acinus.mining.second_look import SecondLook
from acinus.networks.pixel_network import PixelNetwork

IMAGE = RgbImage(np.full((60, 100, 3), (200, 120, 180), np.uint8), mpp=1.0, name="a")
NETWORK = PixelNetwork(features=1, width=1)  # what it would say is given below
LOOK = SecondLook(surround_um=3.0)


def square(x: int, y: int, side: int, *, score: float, scale: float = 1.0) -> Shape:
    gland = np.ones((side, side), bool)
    ring = gland.copy()
    ring[2:-2, 2:-2] = False
    return Shape(Box(x, y, side, side), gland, ring, scale=scale, score=score, least_score=0.5)


def look(monkeypatch, likeness: np.ndarray, *shapes: Shape, settings: SecondLook = LOOK):
    """Return the map of a second look at shapes, where pixels look so much like gland."""
    monkeypatch.setattr(ClosedShapes, "found", lambda self, image: list(shapes))
    monkeypatch.setattr(module, "likeness_of", lambda *_, **__: likeness.astype(np.float32))
    return settings(IMAGE, ClosedShapes(), NETWORK)


def curve(value: float) -> float:
    return 1.0 / (1.0 + math.exp(-value / 0.1))


def test_of_two_shapes_of_one_score_the_one_that_looks_like_gland_is_taken(monkeypatch):
    likeness = np.full((60, 100), 0.1)
    likeness[10:30, 10:30] = 0.9
    proposal = look(monkeypatch, likeness, square(10, 10, 20, score=0.02), square(60, 10, 20, score=0.02))
    assert proposal.glands.max() == 1
    assert (proposal.glands[10:30, 10:30] == 1).all()
    assert (proposal.regions[10:30, 10:12] == EXTERIOR).all()
    assert (proposal.regions[12:28, 12:28] == INTERIOR).all()
    assert (proposal.regions[proposal.glands == 0] == BACKGROUND).all()


def test_the_score_is_that_of_the_shape_times_two_curves(monkeypatch):
    likeness = np.full((60, 100), 0.55)
    likeness[10:30, 10:30] = 0.7
    expected = 0.3 * curve(0.7 - 0.5) * curve(0.7 - 0.55 - 0.1)
    for least, taken in ((expected - 0.001, 1), (expected + 0.001, 0)):
        settings = replace(LOOK, gland_score=least, coarse_score=1.0)
        proposal = look(monkeypatch, likeness, square(10, 10, 20, score=0.3), settings=settings)
        assert proposal.glands.max() == taken
    settings = replace(LOOK, gland_score=0.01)
    confidence = look(monkeypatch, likeness, square(10, 10, 20, score=0.3), settings=settings).confidence
    assert confidence[20, 20] == pytest.approx(0.5 + 0.5 * expected / 0.3, rel=1e-4)


def test_what_looks_no_more_like_gland_than_its_surroundings_is_none(monkeypatch):
    proposal = look(monkeypatch, np.full((60, 100), 0.9), square(10, 10, 20, score=0.02))
    assert proposal.glands.max() == 0
    assert (proposal.regions == IGNORE).all()


def test_a_shape_that_fills_the_image_has_no_surroundings(monkeypatch):
    shape = Shape(Box(0, 0, 100, 60), np.ones((60, 100), bool), np.zeros((60, 100), bool), 1.0, 0.05, 0.5)
    assert look(monkeypatch, np.full((60, 100), 0.9), shape).glands.max() == 1


def test_a_shape_of_another_scale_needs_more(monkeypatch):
    likeness = np.zeros((60, 100))
    likeness[10:30, 10:30] = likeness[10:30, 60:80] = 1.0
    fine, coarse = square(10, 10, 20, score=0.02), square(60, 10, 20, score=0.02, scale=2.0)
    proposal = look(monkeypatch, likeness, fine, coarse)
    assert proposal.glands[20, 20] == 1
    assert proposal.glands[20, 70] == 0
    assert look(monkeypatch, likeness, replace(coarse, score=0.04)).glands[20, 70] == 1


def test_a_shape_on_a_better_one_is_left_out(monkeypatch):
    likeness = np.zeros((60, 100))
    likeness[10:30, 10:40] = 1.0
    better, worse = square(10, 10, 20, score=0.5), square(20, 10, 20, score=0.4)
    assert look(monkeypatch, likeness, worse, better).glands[20, [15, 25, 35]].tolist() == [1, 1, 0]


def test_what_looks_half_like_gland_and_wide_gaps_are_ignored(monkeypatch):
    likeness = np.full((60, 100), 0.32)
    likeness[:, 50:] = 0.34
    gaps = np.zeros((60, 100), bool)
    gaps[:5] = True
    monkeypatch.setattr(module, "find_tissue", lambda *_, **__: type("Tissue", (), {"wide_gaps": gaps}))
    regions = look(monkeypatch, likeness).regions
    assert (regions[5:, :50] == BACKGROUND).all()
    assert (regions[:, 50:] == IGNORE).all()
    assert (regions[:5] == IGNORE).all()


def test_without_interior_the_inside_of_a_gland_stays_unknown(monkeypatch):
    likeness = np.zeros((60, 100))
    likeness[10:30, 10:30] = 1.0
    likeness[14:26, 14:26] = 0.2  # a lumen looks like background
    monkeypatch.setattr(ClosedShapes, "found", lambda self, image: [square(10, 10, 20, score=0.5)])
    monkeypatch.setattr(module, "likeness_of", lambda *_, **__: likeness.astype(np.float32))
    regions = LOOK(IMAGE, ClosedShapes(interior=False), NETWORK).regions
    assert (regions[14:26, 14:26] == IGNORE).all()
    assert (regions[10:30, 10:12] == EXTERIOR).all()
