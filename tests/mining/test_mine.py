from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from acinus.core.image import RgbImage
from acinus.core.proposal import BACKGROUND, ProposalMap
from acinus.core.settings import settings_class
from acinus.mining.cue import AgreedBackground, Cue, DarkestCluster
from acinus.mining.mine import fit_shallow, mine_image, mine_proposals
from acinus.mining.settings import MiningSettings
from acinus.mining.train import ShallowSettings

SHALLOW = ShallowSettings(channels=6, responses=5, steps=4, batch_crops=2, crop_px=24)
SETTINGS = MiningSettings(shallow=SHALLOW, cue=DarkestCluster(min_cluster_um2=300.0))
ALONE = replace(SETTINGS, shallow=replace(SHALLOW, shared=False))


def picture(seed: int) -> RgbImage:
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:70, :90]
    distance = np.hypot(rows - rng.uniform(25, 45), columns - rng.uniform(30, 60))
    rgb = np.full((70, 90, 3), (220, 160, 195), np.int64)
    rgb[distance < 24] = (95, 55, 135)
    rgb[distance < 14] = (238, 225, 238)
    return RgbImage(
        np.clip(rgb + rng.normal(0, 8, rgb.shape), 0, 255).astype(np.uint8), mpp=1.0, name=f"p{seed}"
    )


@settings_class
class Nothing(Cue):
    """Calls everything background."""

    def __call__(self, image: RgbImage, clusters: np.ndarray) -> ProposalMap:
        shape = (image.rgb.shape[0], image.rgb.shape[1])
        return ProposalMap(np.full(shape, BACKGROUND, np.uint8), np.ones(shape, np.float32), image.mpp)


IMAGES = [picture(seed) for seed in range(3)]


def equal(a: ProposalMap, b: ProposalMap) -> bool:
    return (
        np.array_equal(a.regions, b.regions) and np.array_equal(a.confidence, b.confidence) and a.mpp == b.mpp
    )


def test_two_processes_give_exactly_what_one_gives():
    one, two = (
        list(mine_proposals(IMAGES, ALONE, networks=[], seed=0, processes=processes)) for processes in (1, 2)
    )
    assert len(one) == len(two) == 3
    assert all(equal(a, b) for a, b in zip(one, two, strict=True))


def test_mining_computes_on_one_thread_and_gives_the_others_back(monkeypatch: pytest.MonkeyPatch):
    during = []

    def watch(image: RgbImage, settings: MiningSettings, **more: object) -> str:
        during.append(torch.get_num_threads())
        return image.name

    monkeypatch.setattr("acinus.mining.mine.mine_image", watch)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        names = list(mine_proposals(IMAGES, SETTINGS, networks=[], seed=0, processes=1))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert names == ["p0", "p1", "p2"]
    assert during == [1, 1, 1]


def test_a_shared_network_is_trained_once_and_an_own_one_never_beforehand():
    (shared,), (again,) = (fit_shallow(IMAGES, SETTINGS, seed=0) for _ in range(2))
    assert torch.equal(shared.layers[0].weight, again.layers[0].weight)
    assert fit_shallow(IMAGES, ALONE, seed=0) == []


def test_further_networks_differ_and_leave_the_first_as_it_is():
    (alone,) = fit_shallow(IMAGES, SETTINGS, seed=3)
    several = replace(SETTINGS, shallow=replace(SHALLOW, networks=3))
    first, *others = fit_shallow(IMAGES, several, seed=3)
    assert torch.equal(first.layers[0].weight, alone.layers[0].weight)
    assert len(others) == 2
    assert not torch.equal(others[0].layers[0].weight, others[1].layers[0].weight)


@pytest.mark.parametrize("shared", [True, False])
def test_what_any_of_several_networks_doubts_is_no_background(shared: bool):
    settings = replace(
        SETTINGS,
        shallow=replace(SHALLOW, networks=3, shared=shared),
        cue=AgreedBackground(trusted=Nothing(), doubter=SETTINGS.cue),
    )
    networks = fit_shallow(IMAGES, settings, seed=1)
    proposal = mine_image(IMAGES[0], settings, networks=networks, seed=1)
    maps = [
        mine_image(
            IMAGES[0],
            replace(settings, shallow=replace(SHALLOW, shared=shared)),
            networks=networks[number : number + 1],
            seed=1 + 100_003 * number,
        )
        for number in range(3)
    ]
    expected = np.logical_and.reduce([each.regions == BACKGROUND for each in maps])
    assert np.array_equal(proposal.regions == BACKGROUND, expected)


def test_a_proposal_has_the_working_resolution():
    proposal = mine_image(IMAGES[0], SETTINGS, networks=fit_shallow(IMAGES, SETTINGS, seed=0), seed=0)
    assert proposal.regions.shape == (56, 72)  # 70 × 90 px at 1.0 µm/px, at 1.25
    assert proposal.mpp == 1.25


def test_mining_an_image_twice_gives_the_same():
    a, b = (mine_image(IMAGES[1], ALONE, networks=[], seed=4) for _ in range(2))
    assert equal(a, b)


def test_the_ring_is_found_from_the_image_alone():
    settings = replace(SETTINGS, shallow=replace(SHALLOW, steps=20), clusters=3)
    networks = fit_shallow(IMAGES, settings, seed=0)
    proposal = mine_image(IMAGES[0], settings, networks=networks, seed=0)
    rgb = IMAGES[0].rgb.astype(int)
    truth = rgb[..., 1] < 110  # the ring is the only dark thing
    rows, columns = np.nonzero(truth)
    at = (rows * 0.8).astype(int).clip(0, 55), (columns * 0.8).astype(int).clip(0, 71)
    assert proposal.gland[at].mean() > 0.9


def test_no_images_give_no_proposals():
    assert list(mine_proposals([], SETTINGS, networks=[], seed=0, processes=1)) == []
