"""What processes that fit together do in the tests of `joined_process_group`."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from acinus.core.progress import Advance, SilentProgress
from acinus.core.proposal import ProposalMap
from acinus.grouping.batch import TrainingImage
from acinus.grouping.knowledge_diffusion import KnowledgeDiffusionLoss
from acinus.grouping.process_group import ProcessGroup
from acinus.grouping.settings import GroupingSettings
from acinus.grouping.torchrun import joined_process_group
from acinus.grouping.train import StepRecord, train_network
from acinus.inference.instances import components_of
from acinus.networks.prediction import Prediction
from acinus.networks.unet import UNetSpec
from acinus.pipeline import fit_files
from acinus.pipeline.settings import load_settings


class Trained(NamedTuple):
    """What `train` did: its steps, the network it keeps."""

    records: list[StepRecord]
    state: dict[str, torch.Tensor]


class Plain(nn.Module):
    """A network without batch normalisation: its gradient is the same however its batch is shared out."""

    stride = 1

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Conv2d(3, 6, 3, padding=1)
        self.classifier = nn.Conv2d(6, 2, 1)

    def forward(self, images: torch.Tensor) -> Prediction:
        features = self.features(images).relu()
        answers = self.classifier(features)
        return Prediction(answers[:, :1], features, answers[:, 1:])


def train(group: ProcessGroup | None = None) -> Trained:
    """Train a network on crops that are labelled more and less, by a loss that means over all of them."""
    group = group or ProcessGroup()
    rng = np.random.default_rng(0)
    images = []
    for share in (1.0, 0.3):
        regions = np.kron(rng.choice([0, 1, 2], (6, 6)), np.ones((8, 8))).astype(np.uint8)
        regions[rng.random(regions.shape) > share] = 255
        rgb = rng.integers(0, 255, (48, 48, 3), dtype=np.uint8)
        glands = components_of(np.isin(regions, (1, 2))).numbers
        proposal = ProposalMap(regions, np.ones((48, 48), np.float32), mpp=2.5, glands=glands)
        images.append(TrainingImage.of(rgb, proposal))
    torch.manual_seed(group.rank)  # the first one's weights count
    records: list[StepRecord] = []
    network = train_network(
        Plain(),
        images,
        GroupingSettings(
            network=UNetSpec(),  # whose stride divides the crops; it is not what is trained
            steps=8,
            batch_crops=4,
            crop_px=24,
            learning_rate=1e-2,
            diffusion=KnowledgeDiffusionLoss(per_image=False, stop_gradient=False),
            diffusion_weight=0.5,
            mixed_precision=False,  # which rounds by more than what is compared here
        ),
        steps=8,
        seed=0,
        device=torch.device("cpu"),
        on_step=records.append,
        group=group,
    )
    return Trained(records, network.state_dict())


def train_and_fit(tiles: Path, settings: Path, out: Path) -> None:
    """Train, then fit `tiles`; beside `out` each process leaves what it trained."""
    with joined_process_group("cpu") as (group, device):
        torch.save(tuple(train(group)), out.with_name(f"trained{group.rank}"))
        fit_files._learn(
            [tiles],
            out=out,
            mpp=None,
            seed=3,
            settings=load_settings(settings),
            weights=None,
            processes=1,
            roi=None,
            from_model=None,
            corrections=None,
            device=device,
            group=group,
            progress=SilentProgress(),
        )


class Killer:
    """Progress that ends the process when the second round has taken so many steps."""

    steps = 26

    @contextmanager
    def task(self, name: str, total: int, done: int = 0) -> Iterator[Advance]:
        del total
        yield partial(self.advance, name, iter(range(done + 1, 10**6)))

    def advance(self, name: str, counts: Iterator[int], note: str = "") -> None:
        del note
        if name.startswith("Stage 2: round 2") and next(counts) == self.steps:
            os.kill(os.getpid(), signal.SIGKILL)
