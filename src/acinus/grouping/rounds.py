"""Stage 2 from end to end: images and proposals in, a trained network out, in resumable rounds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import safetensors.torch
import torch
from torch import nn

from acinus.core.files import atomic_path, make_folder
from acinus.core.image import RgbArray
from acinus.core.proposal import ProposalMap
from acinus.data.resample import resize_map, resize_regions
from acinus.grouping.batch import TrainingImage
from acinus.grouping.segmenter import embed, predict
from acinus.grouping.settings import GroupingSettings, PSPNetSpec
from acinus.grouping.train import StepRecord, train_network
from acinus.networks.pspnet import PSPNet
from acinus.networks.weights import load_backbone_weights

__all__ = ["build_network", "relabel", "train_rounds"]


def train_rounds(
    images: Sequence[RgbArray],
    names: Sequence[str],
    proposals: Sequence[ProposalMap],
    settings: GroupingSettings,
    *,
    seed: int,
    device: torch.device,
    folder: Path,
    weights: str | None,
    on_step: Callable[[int, StepRecord], None],
) -> nn.Module:
    """Train `settings.rounds` networks, each on the proposals as the one before relabelled them.

    Parameters
    ----------
    images : sequence of (H, W, 3) uint8
        At `settings.mpp`.
    names : sequence of str
        Under which relabelled proposals are written.
    proposals : sequence of ProposalMap
        Of stage 1, at any resolution.
    folder : Path
        Takes ``round<i>.safetensors`` once a round is done, ``round<i>.checkpoint`` while it runs and
        ``proposals_round<i>/`` from the second round on. A call with the same arguments goes on from there.
    weights : str, optional
        Initial weights of the backbone, see `load_backbone_weights`.
    on_step : callable
        Receives the round and the metrics of each step.
    """
    make_folder(folder)
    current = [_at_size(proposal, rgb, settings.mpp) for proposal, rgb in zip(proposals, images, strict=True)]
    network: nn.Module = build_network(settings, seed=seed, weights=weights)
    for number in range(settings.rounds):
        round_seed = seed * 1000 + number
        network = build_network(settings, seed=round_seed, weights=weights)
        finished, checkpoint = folder / f"round{number}.safetensors", folder / f"round{number}.checkpoint"
        if finished.exists():
            network.load_state_dict(safetensors.torch.load_file(finished))
            # In the order of channels that training leaves: another one may round differently.
            network.to(device).to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
        else:
            network = train_network(
                network,
                [TrainingImage.of(rgb, proposal) for rgb, proposal in zip(images, current, strict=True)],
                settings,
                seed=round_seed,
                device=device,
                on_step=lambda record, number=number: on_step(number, record),  # type: ignore[misc]
                checkpoint=checkpoint,
            )
            save_weights(network, finished)
            checkpoint.unlink(missing_ok=True)
        if number + 1 < settings.rounds:
            target = make_folder(folder / f"proposals_round{number + 1}")
            current = [
                relabel(network, rgb, proposal, settings, device=device)
                for rgb, proposal in zip(images, current, strict=True)
            ]
            for name, proposal in zip(names, current, strict=True):
                proposal.save(target / f"{name}.png")
    return network


def relabel(
    network: nn.Module,
    rgb: RgbArray,
    proposal: ProposalMap,
    settings: GroupingSettings,
    *,
    device: torch.device,
) -> ProposalMap:
    """Return the proposals of the next round for one image at the working resolution."""
    if settings.omission is not None:
        proposal = settings.omission(proposal, embed(network, rgb, device=device))
    if settings.self_training is not None:
        proposal = settings.self_training(proposal, predict(network, rgb, device=device, mirrors=True))
    return proposal


def build_network(settings: GroupingSettings, *, seed: int, weights: str | None) -> nn.Module:
    """Return a fresh network; random weights are drawn from `seed`.

    Raises
    ------
    ModelError
        When `weights` do not fit the network.
    """
    torch.manual_seed(seed)
    network = settings.network.build()
    if weights is not None and isinstance(settings.network, PSPNetSpec) and isinstance(network, PSPNet):
        load_backbone_weights(network.backbone, weights, depth=settings.network.depth)
    return network


def save_weights(network: nn.Module, path: Path) -> None:
    """Write the state dict as safetensors, whole or not at all."""
    state = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    with atomic_path(path) as temporary:
        # Written by Python, so that a full disk is an OSError and not safetensors' own.
        temporary.write_bytes(safetensors.torch.save(state))


def _at_size(proposal: ProposalMap, rgb: RgbArray, mpp: float) -> ProposalMap:
    shape = (rgb.shape[0], rgb.shape[1])
    return ProposalMap(
        regions=resize_regions(proposal.regions, shape),
        confidence=resize_map(proposal.confidence, shape),
        mpp=mpp,
    )
