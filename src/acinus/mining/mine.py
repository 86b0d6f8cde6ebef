"""Stage 1 from end to end: unlabelled images in, proposal maps out, many images in parallel processes.

The first look is the cue's. Where that finds closed shapes there may be a second one, which also knows what
the glands of the first look like.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from acinus.core.image import RgbArray, RgbImage
from acinus.core.parallel import in_processes
from acinus.core.proposal import ProposalMap
from acinus.data.resample import image_at_mpp, rgb_at_mpp
from acinus.mining.appearance import train_appearance
from acinus.mining.choice import NetworkChoice
from acinus.mining.closed_shapes import ClosedShapes, closed_shapes_of
from acinus.mining.cluster import cluster_responses
from acinus.mining.cue import AgreedBackground
from acinus.mining.morphology import blur
from acinus.mining.second_look import SecondLook
from acinus.mining.settings import MiningSettings
from acinus.mining.train import responses_of, train_shallow
from acinus.networks.pixel_network import PixelNetwork
from acinus.networks.shallow import ShallowCNN

__all__ = [
    "Miner",
    "fit_shallow",
    "learn_appearance",
    "look_again",
    "look_again_at",
    "looks_again",
    "mine_image",
    "mine_proposals",
]

_NEXT_NETWORK = 100_003  # added to the seed for each further network: far from the seeds that people choose


def fit_shallow(images: Sequence[RgbImage], settings: MiningSettings, *, seed: int) -> list[ShallowCNN]:
    """Train the networks that all images share; none when each image trains its own."""
    if not settings.shallow.shared:
        return []
    working = [image_at_mpp(image, settings.mpp) for image in images]
    pictures = [image.rgb for image in working]
    tries, cue = settings.shallow.tries, settings.cue
    if tries == 1 or not isinstance(cue, AgreedBackground):
        return _trained(pictures, settings, seed=seed)
    choice = NetworkChoice(cue, working, partial(_clusters, settings=settings, seed=seed))
    trained = _trained(pictures, settings, seed=seed, tries=tries)
    return [choice.best_of(trained[start : start + tries]) for start in range(0, len(trained), tries)]


def mine_image(
    image: RgbImage, settings: MiningSettings, *, networks: Sequence[ShallowCNN], seed: int
) -> ProposalMap:
    """Return the proposal map of the first look at one image, at the working resolution.

    Parameters
    ----------
    networks : sequence of ShallowCNN
        The shared networks; without any they are trained on this image alone.
    """
    working = image_at_mpp(image, settings.mpp)
    clusterings = [
        _clusters(network, working, settings, seed=_seed_of(number, seed))
        for number, network in enumerate(networks or _trained([working.rgb], settings, seed=seed))
    ]
    if isinstance(settings.cue, AgreedBackground):
        return settings.cue.of_several(working, clusterings)
    return settings.cue(working, clusterings[0])


def _trained(
    images: Sequence[RgbArray], settings: MiningSettings, *, seed: int, tries: int = 1
) -> list[ShallowCNN]:
    """Return as many networks as the settings say, or times as many, trained at the working resolution."""
    return [
        train_shallow(images, settings.shallow, seed=_seed_of(number, seed))
        for number in range(settings.shallow.networks * tries)
    ]


def _clusters(
    network: ShallowCNN, image: RgbImage, settings: MiningSettings, *, seed: int
) -> NDArray[np.uint8]:
    """Return the cluster number of each pixel of an image at the working resolution, (H, W)."""
    responses = responses_of(network, image.rgb)  # (H, W, C)
    if settings.smoothing_um > 0.0:
        responses = blur(responses, settings.smoothing_um, mpp=settings.mpp)
    return cluster_responses(responses, clusters=settings.clusters, seed=seed)


def _seed_of(number: int, seed: int) -> int:
    """Return the seed of one of several networks; the first has the fit's own."""
    return seed + _NEXT_NETWORK * number


def looks_again(settings: MiningSettings) -> bool:
    """Say whether there is a second look: it chooses among closed shapes, which not every cue finds."""
    return _second_look_of(settings) is not None


def _second_look_of(settings: MiningSettings) -> tuple[SecondLook, ClosedShapes] | None:
    shapes = closed_shapes_of(settings.cue)
    return None if settings.second_look is None or shapes is None else (settings.second_look, shapes)


def learn_appearance(
    images: Sequence[RgbImage], proposals: Iterable[ProposalMap], settings: MiningSettings, *, seed: int
) -> PixelNetwork | None:
    """Learn for the second look what the glands of the first look like.

    Parameters
    ----------
    proposals : iterable of ProposalMap
        Of the first look at each image, asked for one after the other.

    Returns
    -------
    PixelNetwork or None
        None where there is nothing to learn from, or no second look.
    """
    look = _second_look_of(settings)
    if look is None:
        return None
    second_look, _ = look
    pictures = (rgb_at_mpp(image, settings.mpp) for image in images)
    mined = zip(pictures, proposals, strict=True)
    with _one_thread():
        return train_appearance(mined, second_look.appearance, images=len(images), seed=seed)


def look_again(image: RgbImage, settings: MiningSettings, *, appearance: PixelNetwork) -> ProposalMap:
    """Return the proposal map of the second look at an image, at the working resolution."""
    look = _second_look_of(settings)
    assert look is not None
    second_look, shapes = look
    working = image_at_mpp(image, settings.mpp)
    return second_look(working, shapes, appearance)


@dataclass(frozen=True, eq=False)
class Miner:
    """Stage 1 with what it learnt from images, ready to mine others.

    Attributes
    ----------
    settings : MiningSettings
    networks : sequence of ShallowCNN
        Shared by all images; none where each trains its own.
    appearance : PixelNetwork or None
        None where there is no second look.
    seed : int
    """

    settings: MiningSettings
    networks: Sequence[ShallowCNN]
    appearance: PixelNetwork | None
    seed: int

    @classmethod
    def fit(cls, images: Sequence[RgbImage], settings: MiningSettings, *, seed: int) -> Self:
        """Learn from images all that stage 1 learns."""
        networks = fit_shallow(images, settings, seed=seed)
        first = mine_proposals(images, settings, networks=networks, seed=seed, processes=1)
        return cls(settings, networks, learn_appearance(images, first, settings, seed=seed), seed)

    def __call__(self, image: RgbImage) -> ProposalMap:
        """Return the proposal map of an image, at the working resolution."""
        if self.appearance is not None:
            return look_again(image, self.settings, appearance=self.appearance)
        return mine_image(image, self.settings, networks=self.networks, seed=self.seed)


def mine_proposals(
    images: Sequence[RgbImage],
    settings: MiningSettings,
    *,
    networks: Sequence[ShallowCNN],
    seed: int,
    processes: int,
) -> Iterator[ProposalMap]:
    """Return the proposal map of the first look at each image in order, one after the other.

    Parameters
    ----------
    processes : int
        Number of processes that share the images; 1 computes in this one. The result does not depend on it.
    """
    look = partial(mine_image, settings=settings, networks=networks, seed=seed)
    return in_processes(partial(_alone, look=look), images, processes=processes)


def look_again_at(
    images: Sequence[RgbImage], settings: MiningSettings, *, appearance: PixelNetwork, processes: int
) -> Iterator[ProposalMap]:
    """Return the proposal map of the second look at each image; see `mine_proposals`."""
    look = partial(look_again, settings=settings, appearance=appearance)
    return in_processes(partial(_alone, look=look), images, processes=processes)


def _alone(image: RgbImage, *, look: Callable[[RgbImage], ProposalMap]) -> ProposalMap:
    with _one_thread():
        return look(image)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Compute on one thread, wherever: more of them add up in another order and round differently."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
