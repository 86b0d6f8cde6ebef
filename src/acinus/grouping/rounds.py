"""Stage 2 from end to end: images and proposals in, a trained network out, in resumable rounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

import torch
from torch import nn

from acinus.core.files import make_folder
from acinus.core.image import RgbArray
from acinus.core.proposal import ProposalMap, proposal_path
from acinus.data.resample import resize_map, resize_regions
from acinus.grouping.batch import TrainingImage
from acinus.grouping.corrections import ImageCorrections, Verdicts
from acinus.grouping.process_group import ProcessGroup
from acinus.grouping.relabel import Reading
from acinus.grouping.segmenter import embed, predict
from acinus.grouping.settings import GroupingSettings
from acinus.grouping.train import StepRecord, train_network
from acinus.networks.weights import load_own_weights, save_weights

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
    reading: Reading | None = None,
    group: ProcessGroup | None = None,
    start: nn.Module | None = None,
    corrections: Mapping[str, ImageCorrections] | None = None,
    chances: Sequence[float] | None = None,
) -> nn.Module:
    """Train in rounds, each on the proposals as the network of the one before relabelled them.

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
        ``proposals_round<i>/`` from the second round on, from the first with `start`. A call with the same
        arguments resumes there.
    weights : str, optional
        Initial weights, see `NetworkSpec.load_weights`; where the network's settings name their own, those.
    on_step : callable
        Receives the round and the metrics of each step, in every process.
    reading : Reading, optional
        How images are read with the network, so that rounds are taught what is read; see `SelfTraining`.
    group : ProcessGroup, optional
        The processes that train together; by default this one alone. All see `folder`.
    start : module, optional
        A trained network to go on from, in evaluation mode on `device`: the first round starts from its
        weights, and learns from the proposals as it relabelled them. It stays as it is.
    corrections : mapping, optional
        What people said of images, by their names; it counts instead of proposals, in every round.
    chances : sequence of float, optional
        How often crops are drawn from each image, relative to the others; by default alike.

    Raises
    ------
    ModelError
        When what an earlier call left in `folder` is damaged.
    """
    group = group or ProcessGroup()
    weights = settings.network.own_weights or weights
    make_folder(folder)
    lessons = [
        _Lesson.of(name, rgb, proposal, settings, said=(corrections or {}).get(name), chance=chance)
        for name, rgb, proposal, chance in zip(
            names, images, proposals, chances or [1.0] * len(images), strict=True
        )
    ]
    teacher = start
    earlier = None if start is None else start.state_dict()
    for number in range(settings.rounds):
        if teacher is not None:
            target = make_folder(folder / f"proposals_round{number}")
            _relabel_all(
                lessons, teacher, settings, device=device, reading=reading, folder=target, group=group
            )
        finished, checkpoint = folder / f"round{number}.safetensors", folder / f"round{number}.checkpoint"
        state = group.broadcast(_load_weights, finished)
        # The other processes are given the first one's weights, which may be a download.
        needed = weights if state is None and earlier is None and group.is_first else None
        round_seed = seed * 1000 + number
        network: nn.Module = build_network(settings, seed=round_seed, weights=needed)
        if state is not None:
            network.load_state_dict(state)
            # In the order of channels that training leaves: another one may round differently.
            network.to(device).to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
        else:
            if earlier is not None:
                network.load_state_dict(earlier)
            network = train_network(
                network,
                [lesson.training_image(settings) for lesson in lessons],
                settings,
                steps=settings.steps_of(number),
                seed=round_seed,
                device=device,
                on_step=partial(on_step, number),
                checkpoint=checkpoint,
                group=group,
            )
            if group.is_first:
                save_weights(network, finished)
        if group.is_first:
            checkpoint.unlink(missing_ok=True)  # which a run killed right here leaves, too
        teacher = network
        earlier = network.state_dict() if settings.warm_start else None
    return network


@dataclass
class _Lesson:
    """An image and what is known of it: proposals that rounds relabel, and what people said, which stays.

    Attributes
    ----------
    rgb : (H, W, 3) uint8
        At the working resolution, as `proposal` and `verdicts`.
    chance : float
        How often crops are drawn from it, relative to the others.
    """

    name: str
    rgb: RgbArray
    proposal: ProposalMap
    verdicts: Verdicts | None
    chance: float

    @classmethod
    def of(
        cls,
        name: str,
        rgb: RgbArray,
        proposal: ProposalMap,
        settings: GroupingSettings,
        *,
        said: ImageCorrections | None,
        chance: float,
    ) -> Self:
        verdicts = None if said is None else said.verdicts((rgb.shape[0], rgb.shape[1]))
        lesson = cls(name, rgb, proposal, verdicts, chance)
        lesson.learn(_at_size(proposal, rgb, settings.mpp))
        return lesson

    def learn(self, proposal: ProposalMap) -> None:
        """Take a proposal map, but for what people said otherwise."""
        self.proposal = proposal if self.verdicts is None else self.verdicts.over(proposal)

    def training_image(self, settings: GroupingSettings) -> TrainingImage:
        spoken, left_out = (
            (None, None) if self.verdicts is None else (self.verdicts.spoken, self.verdicts.left_out)
        )
        return TrainingImage.of(
            self.rgb,
            self.proposal,
            settings.borders,
            spoken,
            settings.corrections.weight,
            left_out=left_out,
            chance=self.chance,
        )


def _relabel_all(
    lessons: Sequence[_Lesson],
    teacher: nn.Module,
    settings: GroupingSettings,
    *,
    device: torch.device,
    reading: Reading | None,
    folder: Path,
    group: ProcessGroup,
) -> None:
    """Relabel the proposals of all images, each process its share, and write them into `folder`."""
    paths = [proposal_path(folder, lesson.name) for lesson in lessons]
    for lesson, path in list(zip(lessons, paths, strict=True))[group.rank :: group.size]:
        lesson.learn(relabel(teacher, lesson.rgb, lesson.proposal, settings, device=device, reading=reading))
        lesson.proposal.save(path)
    group.barrier()
    if group.size > 1:  # all read all of them, since files round the confidence
        for lesson, path in zip(lessons, paths, strict=True):
            lesson.proposal = ProposalMap.load(path)


def relabel(
    network: nn.Module,
    rgb: RgbArray,
    proposal: ProposalMap,
    settings: GroupingSettings,
    *,
    device: torch.device,
    reading: Reading | None = None,
) -> ProposalMap:
    """Return the proposals of the next round for one image at the working resolution."""
    if settings.omission is not None:
        proposal = settings.omission(proposal, embed(network, rgb, device=device))
    if settings.self_training is not None:
        maps = predict(network, rgb, device=device, views=4)
        proposal = settings.self_training(proposal, maps, rgb, reading)
    return proposal


def build_network(settings: GroupingSettings, *, seed: int, weights: str | None) -> nn.Module:
    """Return a fresh network; random weights are drawn from `seed`.

    Parameters
    ----------
    weights : str, optional
        Initial weights, see `NetworkSpec.load_weights`; without them no file is read.

    Raises
    ------
    UsageError
        When the network has no use for `weights`.
    ModelError
        When they do not fit it.
    """
    with torch.random.fork_rng(devices=[]):  # the caller's random numbers stay as they are
        torch.manual_seed(seed)
        network = settings.network.build()
    if weights is not None:
        settings.network.load_weights(network, weights)
    return network


def _load_weights(path: Path) -> dict[str, torch.Tensor] | None:
    """Return the state dict that `save_weights` wrote, None when it is not there."""
    return load_own_weights(path) if path.exists() else None


def _at_size(proposal: ProposalMap, rgb: RgbArray, mpp: float) -> ProposalMap:
    shape = (rgb.shape[0], rgb.shape[1])
    return ProposalMap(
        regions=resize_regions(proposal.regions, shape),
        confidence=resize_map(proposal.confidence, shape),
        mpp=mpp,
        glands=None if proposal.glands is None else resize_regions(proposal.glands, shape),
    )
