"""Stage 1 into a folder: the proposals of each image in files of their own, resumable at any moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from acinus.core.cores import usable_cores
from acinus.core.errors import InputError
from acinus.core.files import make_folder
from acinus.core.image import RgbImage
from acinus.core.progress import Progress
from acinus.core.proposal import ProposalMap, proposal_path
from acinus.mining.appearance import FEATURES
from acinus.mining.mine import fit_shallow, learn_appearance, look_again_at, looks_again, mine_proposals
from acinus.mining.settings import MiningSettings
from acinus.networks.pixel_network import PixelNetwork
from acinus.networks.shallow import ShallowCNN
from acinus.networks.weights import load_own_weights, save_weights

__all__ = ["load_proposals", "mine_into"]

_PROPOSALS, _FIRST_LOOK = "proposals", "first_look"
_NETWORK, _APPEARANCE = "shallow.safetensors", "appearance.safetensors"


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

    Where stage 1 looks twice, those of the first look go to ``first_look/``.

    Parameters
    ----------
    folder : Path
        Exists. Gets ``shallow.safetensors`` too, the network that the images share (of several, the others
        are ``shallow_1.safetensors`` and so on), and ``appearance.safetensors``; what an earlier call with
        the same arguments left there is not computed again.
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
    count = processes or usable_cores()

    def first_look(missing: Sequence[RgbImage]) -> Iterator[ProposalMap]:
        networks = _shared_networks(folder, images, settings, seed=seed)
        return mine_proposals(missing, settings, networks=networks, seed=seed, processes=count)

    def second_look(missing: Sequence[RgbImage]) -> Iterator[ProposalMap]:
        appearance = _kept_appearance(folder, images, settings, seed=seed)
        if appearance is None:
            return _load(folder / _FIRST_LOOK, [image.name for image in missing])
        return look_again_at(missing, settings, appearance=appearance, processes=count)

    mine = partial(_mine, total=len(images), progress=progress)
    missing = _missing(folder / _PROPOSALS, images)
    look = first_look
    if looks_again(settings):
        look = second_look
        if missing:
            unseen = _missing(folder / _FIRST_LOOK, images)
            mine(folder / _FIRST_LOOK, unseen, first_look, "Stage 1: first look")
    mine(folder / _PROPOSALS, missing, look, "Stage 1: proposals")


def _mine(
    target: Path,
    missing: Sequence[RgbImage],
    look: Callable[[Sequence[RgbImage]], Iterator[ProposalMap]],
    title: str,
    *,
    total: int,
    progress: Progress,
) -> None:
    """Write into `target` what a look makes of the images, of so many in all, of which nothing is there."""
    with progress.task(title, total=total, done=total - len(missing)) as advance:
        if not missing:
            return
        make_folder(target)
        for image, proposal in zip(missing, look(missing), strict=True):
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
    return list(_load(folder / _PROPOSALS, names))


def _load(target: Path, names: Sequence[str]) -> Iterator[ProposalMap]:
    return (ProposalMap.load(proposal_path(target, name)) for name in names)


def _missing(target: Path, images: Sequence[RgbImage]) -> list[RgbImage]:
    return [image for image in images if not _is_mined(target, image.name)]


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


def _kept_appearance(
    folder: Path, images: Sequence[RgbImage], settings: MiningSettings, *, seed: int
) -> PixelNetwork | None:
    """Return the network of the second look, the kept one if there is one; None when nothing can be learnt.

    It learns from files, so that a fit which was interrupted in between learns the same.
    """
    path = folder / _APPEARANCE
    assert settings.second_look is not None
    if path.exists():
        network = PixelNetwork(features=FEATURES, width=settings.second_look.appearance.width)
        network.load_state_dict(load_own_weights(path))
        return network.eval()
    first = _load(folder / _FIRST_LOOK, [image.name for image in images])
    learnt = learn_appearance(images, first, settings, seed=seed)
    if learnt is not None:
        save_weights(learnt, path)
    return learnt
