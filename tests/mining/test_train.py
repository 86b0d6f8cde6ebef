from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from acinus.data.augment import normalise
from acinus.losses.feature_clustering import FeatureClusteringLoss
from acinus.losses.iic import IICLoss
from acinus.losses.spatial import spatial_loss
from acinus.mining.train import ShallowSettings, responses_of, train_shallow

TINY = ShallowSettings(channels=8, responses=6, steps=12, batch_crops=2, crop_px=24)


def textures(seed: int, side: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """Half an image of coarse noise, half of fine, of equal mean and spread; and which is fine."""
    rng = np.random.default_rng(seed)
    fine = rng.normal(size=(side, side))
    coarse = np.kron(rng.normal(size=(side // 8, side // 8)), np.ones((8, 8)))
    is_fine = np.zeros((side, side), bool)
    is_fine[:, side // 2 :] = True
    if seed % 2:
        is_fine = is_fine.T
    value = np.where(is_fine, fine, coarse)[..., None]
    return np.clip(np.array([200, 150, 190]) + 35 * value, 0, 255).astype(np.uint8), is_fine


IMAGES = [textures(seed)[0] for seed in range(4)]


def test_the_same_seed_gives_the_same_weights_and_another_does_not():
    first, again, other = (train_shallow(IMAGES, TINY, seed=seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["layers.0.weight"], other["layers.0.weight"])


def test_training_does_not_disturb_the_callers_random_numbers():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train_shallow(IMAGES, TINY, seed=1)
    assert torch.equal(torch.rand(3), expected)


def test_the_network_comes_in_evaluation_mode():
    assert not train_shallow(IMAGES, replace(TINY, steps=1), seed=0).training


@pytest.mark.parametrize("loss", [FeatureClusteringLoss(), IICLoss()])
def test_the_loss_falls(loss: FeatureClusteringLoss | IICLoss):
    crops = torch.from_numpy(normalise(np.stack([image[16:48, 16:48] for image in IMAGES]))).permute(
        0, 3, 1, 2
    )

    def loss_after(steps: int) -> float:
        settings = replace(TINY, loss=loss, steps=steps, spatial_weight=1.0, learning_rate=0.05)
        network = train_shallow(IMAGES, settings, seed=0).train()
        with torch.no_grad():
            responses = network(crops)
            return (loss(responses, responses) + spatial_loss(responses)).item()

    assert loss_after(25) < loss_after(0) - 0.1


def test_iic_with_a_shared_network_separates_two_textures():
    settings = ShallowSettings(
        loss=IICLoss(),
        spatial_weight=0.0,
        channels=8,
        responses=2,
        steps=40,
        batch_crops=4,
        crop_px=32,
        learning_rate=0.05,
    )
    pictures = [textures(seed) for seed in range(6)]
    network = train_shallow([rgb for rgb, _ in pictures], settings, seed=0)
    agree = np.mean([(responses_of(network, rgb).argmax(2) == fine).mean() for rgb, fine in pictures])
    assert max(agree, 1 - agree) > 0.85


def test_the_spatial_loss_makes_neighbours_alike():
    rough, smooth = (
        train_shallow(IMAGES, replace(TINY, steps=25, spatial_weight=weight), seed=0) for weight in (0.0, 5.0)
    )
    steps = [np.abs(np.diff(responses_of(network, IMAGES[0]), axis=0)).mean() for network in (rough, smooth)]
    assert steps[1] < 0.8 * steps[0]


class Recording:
    """A loss that remembers the responses of both views."""

    needs_view = True

    def __init__(self) -> None:
        self.pairs: list[tuple[torch.Tensor, torch.Tensor]] = []

    def __call__(self, responses: torch.Tensor, view_responses: torch.Tensor) -> torch.Tensor:
        self.pairs.append((responses.detach(), view_responses.detach()))
        return (responses - view_responses).square().mean()


def test_the_view_is_turned_back_onto_the_crop():
    """The middle of a plain quadrant responds to its colour alone, whichever way the view was turned."""
    rgb = np.zeros((48, 48, 3), np.uint8)
    rgb[:24, :24], rgb[:24, 24:], rgb[24:, :24] = (250, 250, 250), (250, 90, 90), (90, 90, 250)
    loss = Recording()
    settings = ShallowSettings(
        loss=loss, channels=8, responses=8, steps=1, batch_crops=24, crop_px=48, learning_rate=1e-12
    )
    train_shallow([rgb], settings, seed=0)
    middles = [responses[:, :, 12::24, 12::24].flatten(1) for responses in loss.pairs[0]]  # (B, C·4)
    assert torch.nn.functional.cosine_similarity(*middles).min().item() > 0.8


def test_an_image_smaller_than_a_crop_is_mirrored():
    tiny = np.full((5, 3, 3), 200, np.uint8)
    network = train_shallow([tiny], replace(TINY, steps=2), seed=0)
    assert responses_of(network, tiny).shape == (5, 3, 6)


def test_responses_are_those_of_the_network_pixel_by_pixel():
    network = train_shallow(IMAGES, replace(TINY, steps=2), seed=0)
    image = IMAGES[0][:20, :30]
    batch = torch.from_numpy(normalise(image)).permute(2, 0, 1)[None]
    with torch.no_grad():
        expected = network(batch)[0]
    responses = responses_of(network, image)
    assert responses.dtype == np.float32
    assert responses.shape == (20, 30, 6)
    assert responses[7, 11].tolist() == expected[:, 7, 11].tolist()
