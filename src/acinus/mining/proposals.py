"""Stage 1 into a folder: the proposals of each image in files of their own, resumable at any moment."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from acinus.core.errors import InputError
from acinus.core.files import make_folder
from acinus.core.image import RgbImage
from acinus.core.progress import Progress
from acinus.core.proposal import ProposalMap, proposal_path
from acinus.mining.mine import fit_shallow, mine_proposals
from acinus.mining.settings import MiningSettings
from acinus.networks.shallow import ShallowCNN
from acinus.networks.weights import load_own_weights, save_weights

__all__ = ["load_proposals", "mine_into"]

_NETWORK = "shallow.safetensors"


def mine_into(
    folder: Path,
    images: Sequence[RgbImage],
    settings: MiningSettings,
    *,
    seed: int,
    processes: int | None,
    progress: Progress,
) -> None:
    """Write the proposals of each image into ``proposals/`` as soon as they are there.

    Parameters
    ----------
    folder : Path
        Exists. Gets ``shallow.safetensors`` too, the network that the images share (of several, the others
        are ``shallow_1.safetensors`` and so on); what an earlier call with the same arguments left there is
        not computed again.
    images : sequence of RgbImage
        With distinct names.
    processes : int or None
        Processes that share the images; None takes one per core.

    Raises
    ------
    ModelError
        When the network that an earlier call left is damaged.
    OutputError
        When `folder` cannot be written to, or its disk is full.
    """
    target = make_folder(folder / "proposals")
    missing = [image for image in images if not _is_mined(target, image.name)]
    with progress.task("Stage 1: proposals", total=len(images), done=len(images) - len(missing)) as advance:
        if not missing:
            return
        networks = _shared_networks(folder, images, settings, seed=seed)
        mined = mine_proposals(
            missing, settings, networks=networks, seed=seed, processes=processes or os.cpu_count() or 1
        )
        for image, proposal in zip(missing, mined, strict=True):
            proposal.save(proposal_path(target, image.name))
            advance(image.name)


def load_proposals(folder: Path, names: Sequence[str]) -> list[ProposalMap]:
    """Return the proposals that `mine_into` wrote, in the order of `names`.

    Files round the confidence: a fit that reads them sees the same values, interrupted or not.

    Raises
    ------
    InputError
        When a file is missing or damaged.
    """
    return [ProposalMap.load(proposal_path(folder / "proposals", name)) for name in names]


def _is_mined(target: Path, name: str) -> bool:
    try:
        ProposalMap.load(proposal_path(target, name))
    except InputError:
        return False
    return True


def _shared_networks(
    folder: Path, images: Sequence[RgbImage], settings: MiningSettings, *, seed: int
) -> list[ShallowCNN]:
    """Return the networks that the images share, kept ones where there are; none when each has its own."""
    shallow = settings.shallow
    paths = [folder / _NETWORK] + [
        folder / f"shallow_{number}.safetensors" for number in range(1, shallow.networks)
    ]
    if shallow.shared and all(path.exists() for path in paths):
        networks = [ShallowCNN(channels=shallow.channels, responses=shallow.responses) for _ in paths]
        for network, path in zip(networks, paths, strict=True):
            network.load_state_dict(load_own_weights(path))
        return [network.eval() for network in networks]
    trained = fit_shallow(images, settings, seed=seed)
    for network, path in zip(trained, paths, strict=False):
        save_weights(network, path)
    return trained
