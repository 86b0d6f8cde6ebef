"""Stage 1 from end to end: unlabelled images in, proposal maps out, many images in parallel processes."""

from __future__ import annotations

import os
import warnings
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack
from typing import cast

import joblib
import torch

from acinus.core.image import RgbArray, RgbImage
from acinus.core.interrupts import exit_with_parent, interrupts_deferred
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
    """Yield the proposal map of each image in order.

    Parameters
    ----------
    processes : int
        Number of processes that share the images; 1 computes in this one. The result does not depend on it.
    """
    if processes == 1 or len(images) == 1:
        for image in images:
            yield _mine_alone(image, settings, network, seed)
        return
    # loky starts fresh interpreters, so neither threads nor an unguarded script of the user's are a danger.
    backend = joblib.parallel_config("loky", initializer=exit_with_parent, initargs=(os.getpid(),))
    with ExitStack() as at_end:
        with interrupts_deferred(), backend:
            pool = joblib.Parallel(n_jobs=min(processes, len(images)), return_as="generator")
            tasks = (joblib.delayed(_mine_alone)(image, settings, network, seed) for image in images)
            proposals = cast("Generator[ProposalMap]", pool(tasks))
            at_end.callback(_close_quietly, proposals)
        for proposal in proposals:  # noqa: UP028 (`yield from` would close it, but not quietly)
            yield proposal


def _close_quietly(proposals: Generator[ProposalMap]) -> None:
    """End the processes of a generator of joblib's, without its warning that they had not finished."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        proposals.close()


def _mine_alone(
    image: RgbImage, settings: MiningSettings, network: ShallowCNN | None, seed: int
) -> ProposalMap:
    """Mine on one thread, wherever: more of them add up in another order and round differently."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return mine_image(image, settings, network=network, seed=seed)
    finally:
        torch.set_num_threads(threads)
