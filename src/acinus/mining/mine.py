"""Stage 1 from end to end: unlabelled images in, proposal maps out, many images in parallel processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from acinus.core.image import RgbArray, RgbImage
from acinus.core.parallel import in_processes
from acinus.core.proposal import ProposalMap
from acinus.data.resample import rgb_at_mpp
from acinus.mining.cluster import cluster_responses
from acinus.mining.cue import AgreedBackground
from acinus.mining.morphology import blur
from acinus.mining.settings import MiningSettings
from acinus.mining.train import responses_of, train_shallow
from acinus.networks.shallow import ShallowCNN

__all__ = ["fit_shallow", "mine_image", "mine_proposals"]

_NEXT_NETWORK = 100_003  # added to the seed for each further network: far from the seeds that people choose


def fit_shallow(images: Sequence[RgbImage], settings: MiningSettings, *, seed: int) -> list[ShallowCNN]:
    """Train the networks that all images share; none when each image trains its own."""
    if not settings.shallow.shared:
        return []
    return _trained([rgb_at_mpp(image, settings.mpp) for image in images], settings, seed=seed)


def mine_image(
    image: RgbImage, settings: MiningSettings, *, networks: Sequence[ShallowCNN], seed: int
) -> ProposalMap:
    """Return the proposal map of one image, at the working resolution.

    Parameters
    ----------
    networks : sequence of ShallowCNN
        The shared networks; without any they are trained on this image alone.
    """
    rgb: RgbArray = rgb_at_mpp(image, settings.mpp)
    clusterings = [
        _clusters(network, rgb, settings, seed=_seed_of(number, seed))
        for number, network in enumerate(networks or _trained([rgb], settings, seed=seed))
    ]
    working = RgbImage(rgb=rgb, mpp=settings.mpp, name=image.name)
    if isinstance(settings.cue, AgreedBackground):
        return settings.cue.of_several(working, clusterings)
    return settings.cue(working, clusterings[0])


def _trained(images: Sequence[RgbArray], settings: MiningSettings, *, seed: int) -> list[ShallowCNN]:
    """Return as many networks as the settings say, trained on images at the working resolution."""
    return [
        train_shallow(images, settings.shallow, seed=_seed_of(number, seed))
        for number in range(settings.shallow.networks)
    ]


def _clusters(
    network: ShallowCNN, rgb: RgbArray, settings: MiningSettings, *, seed: int
) -> NDArray[np.uint8]:
    """Return the cluster number of each pixel, (H, W)."""
    responses = responses_of(network, rgb)  # (H, W, C)
    if settings.smoothing_um > 0.0:
        responses = blur(responses, settings.smoothing_um, mpp=settings.mpp)
    return cluster_responses(responses, clusters=settings.clusters, seed=seed)


def _seed_of(number: int, seed: int) -> int:
    """Return the seed of one of several networks; the first has the fit's own."""
    return seed + _NEXT_NETWORK * number


def mine_proposals(
    images: Sequence[RgbImage],
    settings: MiningSettings,
    *,
    networks: Sequence[ShallowCNN],
    seed: int,
    processes: int,
) -> Iterator[ProposalMap]:
    """Return the proposal map of each image in order, one after the other.

    Parameters
    ----------
    processes : int
        Number of processes that share the images; 1 computes in this one. The result does not depend on it.
    """
    work = partial(_mine_alone, settings=settings, networks=networks, seed=seed)
    return in_processes(work, images, processes=processes)


def _mine_alone(
    image: RgbImage, *, settings: MiningSettings, networks: Sequence[ShallowCNN], seed: int
) -> ProposalMap:
    """Mine on one thread, wherever: more of them add up in another order and round differently."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return mine_image(image, settings, networks=networks, seed=seed)
    finally:
        torch.set_num_threads(threads)
