"""Of several shallow networks the one is taken whose claims cover the glands that another cue found."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
import torch

from acinus.core.image import RgbImage
from acinus.core.proposal import BACKGROUND, EXTERIOR, ProposalMap
from acinus.core.settings import settings_class
from acinus.mining.choice import NetworkChoice
from acinus.mining.cue import AgreedBackground, Cue, DarkestCluster
from acinus.mining.mine import fit_shallow
from acinus.mining.settings import MiningSettings
from acinus.mining.train import ShallowSettings


def proposal(gland: np.ndarray, image: RgbImage) -> ProposalMap:
    regions = np.where(gland, EXTERIOR, BACKGROUND).astype(np.uint8)
    return ProposalMap(regions, np.ones(image.shape, np.float32), image.mpp)


@settings_class
class Dark(Cue):
    """Finds what is dark."""

    def __call__(self, image: RgbImage, clusters: np.ndarray) -> ProposalMap:
        return proposal(image.rgb[..., 0] < 100, image)


@settings_class
class SecondCluster(Cue):
    """Claims the cluster of number 1."""

    def __call__(self, image: RgbImage, clusters: np.ndarray) -> ProposalMap:
        return proposal(clusters == 1, image)


CUE = AgreedBackground(trusted=Dark(), doubter=SecondCluster())


def picture(dark_columns: int, name: str) -> RgbImage:
    rgb = np.full((10, 20, 3), 200, np.uint8)
    rgb[:, :dark_columns] = 50
    return RgbImage(rgb, mpp=1.25, name=name)


def claims(network: Any, image: RgbImage) -> np.ndarray:
    """Let a network that is a number claim so many columns from the left."""
    return (np.arange(20) < network)[None].repeat(10, axis=0).astype(np.uint8)


def choice_of(*dark_columns: int) -> NetworkChoice:
    return NetworkChoice(CUE, [picture(n, f"p{n}") for n in dark_columns], claims)


@pytest.mark.parametrize(
    ("network", "expected"),
    [(0, 0.0), (4, (1.0 + 0.4) / 2), (10, 1.0)],  # of an image with 4 dark columns and of one with 10
)
def test_each_image_with_a_gland_counts_as_much(network: int, expected: float):
    assert choice_of(4, 0, 10).covered(cast(Any, network)) == pytest.approx(expected)


def test_the_network_that_covers_most_is_taken_and_of_equals_the_first():
    networks = cast(Any, [2, 7, 12, 15])
    assert choice_of(4, 10).best_of(networks) == 12
    assert choice_of(0).best_of(networks) == 2  # no gland to choose by


def test_many_images_are_looked_at_from_the_first_to_the_last():
    asked = set()

    def remembered(network: Any, image: RgbImage) -> np.ndarray:
        asked.add(image.name)
        return claims(network, image)

    images = [replace(picture(5, "p"), name=f"p{n}") for n in range(100)]
    NetworkChoice(CUE, images, remembered).covered(cast(Any, 3))
    assert len(asked) == 16
    assert {"p0", "p99"} <= asked


SHALLOW = ShallowSettings(channels=6, responses=5, steps=2, batch_crops=2, crop_px=16)


def first_layer(network: Any) -> torch.Tensor:
    return cast(torch.Tensor, network.layers[0].weight)


def test_a_fit_takes_the_best_of_its_tries(monkeypatch: pytest.MonkeyPatch):
    images = [picture(5, "a"), picture(9, "b")]
    settings = MiningSettings(shallow=replace(SHALLOW, networks=2, tries=3), cue=CUE)
    offered = []

    def last_of(self: NetworkChoice, networks: Any) -> Any:
        offered.append(networks)
        return networks[-1]

    monkeypatch.setattr(NetworkChoice, "best_of", last_of)
    taken = fit_shallow(images, settings, seed=0)
    assert [len(networks) for networks in offered] == [3, 3]
    assert [id(network) for network in taken] == [id(networks[-1]) for networks in offered]
    weights = [first_layer(network) for networks in offered for network in networks]
    assert not any(torch.equal(weights[0], other) for other in weights[1:])


def test_where_no_other_cue_knows_glands_one_network_is_trained():
    settings = MiningSettings(shallow=replace(SHALLOW, tries=3), cue=DarkestCluster())
    images = [picture(5, "a")]
    (taken,) = fit_shallow(images, settings, seed=0)
    (alone,) = fit_shallow(images, replace(settings, shallow=replace(SHALLOW, tries=1)), seed=0)
    assert torch.equal(first_layer(taken), first_layer(alone))
