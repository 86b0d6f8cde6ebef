from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from acinus.core.proposal import BACKGROUND, EXTERIOR, IGNORE, INTERIOR, ProposalMap
from acinus.mining import appearance as module
from acinus.mining.appearance import (
    FEATURES,
    AppearanceSettings,
    likeness_of,
    pixel_features,
    train_appearance,
)

SETTINGS = AppearanceSettings(pixels_per_image=500, epochs=20, batch_pixels=256)
STANDARDISED = FEATURES - 6


def picture(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two dark discs on pale ground, and where they are."""
    rng = np.random.default_rng(seed)
    discs = np.zeros((90, 120), np.uint8)
    for x in (35, 88):
        cv2.circle(discs, (x, 45), 18, 1, cv2.FILLED)
    rgb = np.where(discs[..., None] > 0, (110, 60, 140), (225, 170, 205)) + rng.normal(0, 6, (90, 120, 3))
    return np.clip(rgb, 0, 255).astype(np.uint8), discs > 0


def said(regions: np.ndarray, confidence: float = 1.0) -> ProposalMap:
    return ProposalMap(regions.astype(np.uint8), np.full(regions.shape, confidence, np.float32), mpp=1.25)


def test_features_are_standardised_within_the_image_but_for_six():
    rgb, _ = picture(0)
    features = pixel_features(rgb, mpp=1.25, finest_um=2.5)
    assert features.shape == (90, 120, FEATURES)
    assert features.dtype == np.float32
    flat = features.reshape(-1, FEATURES)
    assert flat[:, :STANDARDISED].mean(axis=0) == pytest.approx(0.0, abs=1e-3)
    assert flat[:, :STANDARDISED].std(axis=0) == pytest.approx(1.0, abs=1e-3)
    density = np.log(255.0 / 110.0)  # of red deep in a disc, where σ of 4 px sees nothing else
    assert features[45, 35, STANDARDISED] * 0.5 == pytest.approx(density, rel=0.1)


def test_one_colour_has_nothing_to_standardise():
    features = pixel_features(np.full((20, 30, 3), 128, np.uint8), mpp=1.25, finest_um=2.5)
    assert np.isfinite(features).all()
    assert np.abs(features[..., :STANDARDISED]).max() < 0.5  # rounding, of which no more than that is made


def test_a_longer_finest_length_is_the_same_as_finer_pixels():
    rgb, _ = picture(1)
    assert np.array_equal(
        pixel_features(rgb, mpp=1.0, finest_um=2.5), pixel_features(rgb, mpp=2.0, finest_um=5.0)
    )


def test_what_most_shapes_have_in_common_contradicts_the_wrong_one():
    pictures = [picture(seed) for seed in range(4)]
    maps = []
    for number, (_, discs) in enumerate(pictures):
        regions = np.where(discs, EXTERIOR, BACKGROUND)
        if number == 0:
            regions[2:20, 50:70] = INTERIOR  # a shape that closed around nothing
        maps.append(said(regions))
    mined = ((rgb, proposal) for (rgb, _), proposal in zip(pictures, maps, strict=True))
    network = train_appearance(mined, SETTINGS, images=4, seed=0)
    assert network is not None
    rgb, discs = pictures[0]
    likeness = likeness_of(network, rgb, SETTINGS, mpp=1.25)
    assert likeness.shape == (90, 120)
    assert likeness[discs].mean() > 0.8
    assert likeness[2:20, 50:70].mean() < 0.4
    assert likeness[~discs].mean() < 0.3


def test_the_same_seed_learns_the_same_and_leaves_the_random_numbers_alone():
    rgb, discs = picture(2)
    proposal = said(np.where(discs, EXTERIOR, BACKGROUND))
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    one, same, other = (
        train_appearance([(rgb, proposal)], SETTINGS, images=1, seed=seed) for seed in (3, 3, 4)
    )
    assert torch.equal(torch.rand(3), expected)
    weights = [network.layers[0].weight for network in (one, same, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


@pytest.mark.parametrize("region", [EXTERIOR, BACKGROUND, IGNORE])
def test_of_one_class_alone_nothing_is_learnt(region: int):
    rgb, _ = picture(0)
    assert train_appearance([(rgb, said(np.full((90, 120), region)))], SETTINGS, images=1, seed=0) is None


def test_without_images_nothing_is_learnt():
    assert train_appearance([], SETTINGS, images=0, seed=0) is None


def test_both_classes_count_alike_pixels_are_limited_and_ignored_ones_left_out(monkeypatch):
    seen = {}

    def keep(
        features: np.ndarray, gland: np.ndarray, weight: np.ndarray, *more: object, **named: object
    ) -> str:
        seen.update(features=features, gland=gland, weight=weight)
        return "network"

    monkeypatch.setattr(module, "_trained", keep)
    rgb, _ = picture(0)
    regions = np.full((90, 120), IGNORE)
    regions[:10, :7] = EXTERIOR  # 70 pixels
    regions[40:] = BACKGROUND
    settings = replace(SETTINGS, pixels_per_image=200, pixels=600)
    pairs = [(rgb, said(regions, confidence=0.5))] * 4
    assert train_appearance(pairs, settings, images=4, seed=0) == "network"
    assert seen["gland"].sum() == 4 * 70
    assert (seen["gland"] == 0).sum() == 4 * 150  # 600 of 4 images
    assert seen["features"].shape == (4 * 220, FEATURES)
    for label in (0, 1):
        assert seen["weight"][seen["gland"] == label].sum() == pytest.approx(4 * 110, rel=1e-4)
