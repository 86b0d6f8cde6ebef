"""Invariant information clustering for segmentation, with the auxiliary over-clustering head.

Ji et al. 2018 (arXiv 1807.06653): a network and its heads are trained so that the clusters of a pixel and of
the same pixel in a transformed view tell as much as possible about each other (section 3.3). Two heads are
trained in turn, B with as many clusters as there are classes and A with more (auxiliary over-clustering);
each has several sub-heads, of which the one of lowest loss is kept.

Departures: the package's U-Net instead of a VGG; no Sobel filter, since colour is what a stain is for; the
heads are trained in alternate steps instead of alternate epochs, since a run here is hundreds of steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from acinus.baselines.crops import cut, draw_place, to_batch
from acinus.baselines.embedding import embed, fresh_network
from acinus.baselines.fitted import FittedClusters, OnStep, ignore_step, working_images
from acinus.core.image import RgbArray, RgbImage
from acinus.core.limits import Count, Limits, Mpp, Positive, Weight
from acinus.core.settings import settings_class
from acinus.data.augment import Turn, random_turn, stain_jitter
from acinus.data.turns import turn, turn_back_each
from acinus.losses.iic import IICLoss
from acinus.networks.dense import DenseNetwork

__all__ = ["IIC"]


@dataclass(frozen=True, eq=False)
class HeadClusters:
    """The cluster of a pixel is the strongest output of a linear head (K, D) with its bias (K,)."""

    network: DenseNetwork
    device: torch.device
    weight: NDArray[np.float32]
    bias: NDArray[np.float32]

    @property
    def n_clusters(self) -> int:
        """K."""
        return len(self.weight)

    def assign(self, rgb: RgbArray) -> NDArray[np.uint8]:
        """Map an image (H, W, 3) to its clusters (H, W)."""
        logits = embed(self.network, rgb, device=self.device) @ self.weight.T + self.bias  # (H, W, K)
        return np.asarray(logits.argmax(axis=2), dtype=np.uint8)


@settings_class
class IIC:
    """Settings of dense IIC.

    Attributes
    ----------
    clusters : int
        K of head B, which is kept: the number of classes, as in the paper.
    over_clusters : int
        K of head A (the paper's code: three to eight times the classes).
    sub_heads : int
        Copies of each head (the paper's code: 1 for segmentation, 5 for whole images; ours: 3).
    loss : IICLoss
        The mutual information with its window and λ.
    mpp : float
        Working resolution in µm per pixel, the package's.
    channels : int
        Length of the embedding (ours).
    steps : int
        Optimiser steps, odd ones for head B (ours).
    batch_crops, crop_px : int
        Crops per step and their side (ours: 96 px are 240 µm).
    stain_strength : float
        Of `acinus.data.augment.stain_jitter`, in place of the paper's jitter of hue and contrast.
    learning_rate : float
        Adam (the paper's code: 1e-4 to 1e-5 over days; ours for minutes).
    """

    clusters: Annotated[int, Limits(ge=2, le=256)] = 2
    over_clusters: Annotated[int, Limits(ge=2, le=256)] = 12
    sub_heads: Count = 3
    loss: IICLoss = field(default_factory=IICLoss)
    mpp: Mpp = 2.5
    channels: Count = 32
    steps: Count = 120
    batch_crops: Count = 8
    crop_px: Count = 96
    stain_strength: Weight = 1.0
    learning_rate: Positive = 2e-3

    def fit(
        self, images: Sequence[RgbImage], *, seed: int, device: torch.device, on_step: OnStep = ignore_step
    ) -> FittedClusters:
        """Train the network with both heads and keep the best sub-head of B."""
        rgbs = working_images(images, mpp=self.mpp, clusters=self.clusters)
        network = fresh_network(rgbs, channels=self.channels, crop_px=self.crop_px, seed=seed, device=device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed + 1)
            head_a = nn.Conv2d(self.channels, self.sub_heads * self.over_clusters, 1).to(device)
            head_b = nn.Conv2d(self.channels, self.sub_heads * self.clusters, 1).to(device)
        parameters = [*network.parameters(), *head_a.parameters(), *head_b.parameters()]
        optimiser = torch.optim.Adam(parameters, lr=self.learning_rate)
        mean_losses_b = torch.zeros(self.sub_heads)
        rng = np.random.default_rng([seed, 2])
        for step in range(self.steps):
            crops, views, turns = self._draw(rgbs, rng, device)
            embeddings = network(crops)  # (B, D, S, S)
            view_embeddings = turn_back_each(network(views), turns)
            head = head_b if step % 2 else head_a
            losses = torch.stack(
                [
                    self.loss(logits, view_logits)
                    for logits, view_logits in zip(
                        head(embeddings).chunk(self.sub_heads, dim=1),
                        head(view_embeddings).chunk(self.sub_heads, dim=1),
                        strict=True,
                    )
                ]
            )  # (sub_heads,)
            loss = losses.mean()
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            if step % 2:
                mean_losses_b.lerp_(losses.detach().cpu(), 0.1)
            on_step({"step": step, "loss": loss.item(), "head_b" if step % 2 else "head_a": loss.item()})
        best = int(mean_losses_b.argmin())
        clusters = HeadClusters(
            network=network.eval(),
            device=device,
            weight=head_b.weight.detach()[:, :, 0, 0].chunk(self.sub_heads)[best].cpu().numpy(),
            bias=head_b.bias.detach().chunk(self.sub_heads)[best].cpu().numpy(),  # type: ignore[union-attr]
        )
        return FittedClusters.of(clusters, rgbs, mpp=self.mpp)

    def _draw(
        self, images: Sequence[RgbArray], rng: np.random.Generator, device: torch.device
    ) -> tuple[torch.Tensor, torch.Tensor, list[Turn]]:
        """Return crops (B, 3, S, S), their views in other stain and turned, and those turns."""
        places = [draw_place(images, self.crop_px, rng) for _ in range(self.batch_crops)]
        crops = [cut(images[place.image], place, self.crop_px) for place in places]
        views = to_batch(
            [stain_jitter(crop, strength=self.stain_strength, rng=rng) for crop in crops], device
        )
        turns = [random_turn(rng) for _ in crops]
        turned = torch.stack([turn(view, by) for view, by in zip(views, turns, strict=True)])
        return to_batch(crops, device), turned, turns
