"""Stage 1 from end to end: unlabelled images in, proposal maps out, many images in parallel processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import torch

from acinus.core.image import RgbArray, RgbImage
from acinus.core.parallel import in_processes
from acinus.core.proposal import ProposalMap
from acinus.data.resample import rgb_at_mpp
from acinus.mining.cluster import cluster_responses
from acinus.mining.morphology import blur
from acinus.mining.settings import MiningSettings
from acinus.mining.train import responses_of, train_shallow
from acinus.networks.shallow import ShallowCNN

__all__ = ["fit_shallow", "mine_image", "mine_proposals"]


def fit_shallow(images: Sequence[RgbImage], settings: MiningSettings, *, seed: int) -> ShallowCNN | None:
    """Train the network that all images share; None when each image trains its own."""
    if not settings.shallow.shared:
        return None
    return train_shallow([rgb_at_mpp(image, settings.mpp) for image in images], settings.shallow, seed=seed)


def mine_image(
    image: RgbImage, settings: MiningSettings, *, network: ShallowCNN | None, seed: int
) -> ProposalMap:
    """Return the proposal map of one image, at the working resolution.

    Parameters
    ----------
    network : ShallowCNN or None
        The shared network; None trains one on this image alone.
    """
    rgb: RgbArray = rgb_at_mpp(image, settings.mpp)
    if network is None:
        network = train_shallow([rgb], settings.shallow, seed=seed)
    responses = responses_of(network, rgb)  # (H, W, C)
    if settings.smoothing_um > 0.0:
        responses = blur(responses, settings.smoothing_um, mpp=settings.mpp)
    clusters = cluster_responses(responses, clusters=settings.clusters, seed=seed)
    return settings.cue(RgbImage(rgb=rgb, mpp=settings.mpp, name=image.name), clusters)


def mine_proposals(
    images: Sequence[RgbImage],
    settings: MiningSettings,
    *,
    network: ShallowCNN | None,
    seed: int,
    processes: int,
) -> Iterator[ProposalMap]:
    """Return the proposal map of each image in order, one after the other.

    Parameters
    ----------
    processes : int
        Number of processes that share the images; 1 computes in this one. The result does not depend on it.
    """
    work = partial(_mine_alone, settings=settings, network=network, seed=seed)
    return in_processes(work, images, processes=processes)


def _mine_alone(
    image: RgbImage, *, settings: MiningSettings, network: ShallowCNN | None, seed: int
) -> ProposalMap:
    """Mine on one thread, wherever: more of them add up in another order and round differently."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return mine_image(image, settings, network=network, seed=seed)
    finally:
        torch.set_num_threads(threads)
