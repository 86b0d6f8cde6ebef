"""Train the shallow network of stage 1 on unlabelled images, and read its responses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from typing import Annotated

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from acinus.core.image import RgbArray
from acinus.core.limits import BelowOne, Count, Flag, Limits, Positive, Weight
from acinus.core.settings import OneOf, settings_class
from acinus.data.augment import Turn, normalise, random_turn, stain_jitter, turned
from acinus.data.turns import turn_back_each
from acinus.losses.feature_clustering import FeatureClusteringLoss
from acinus.losses.self_supervised import SelfSupervisedLoss
from acinus.losses.spatial import spatial_loss
from acinus.networks.shallow import ShallowCNN

__all__ = ["ShallowSettings", "responses_of", "train_shallow"]


@settings_class
class ShallowSettings:
    """Settings of the shallow network.

    Attributes
    ----------
    loss : SelfSupervisedLoss
        Successor's choice by default (MSSG); `IICLoss` is the proposal's own.
    spatial_weight : float
        Weight of the spatial loss against the self-supervised one (MSSG: 5; ours: 1, since the responses are
        blurred before they are clustered).
    channels, responses : int
        Widths (MSSG: 128 both; ours: 16, which costs a fiftieth and whose darkest cluster is as good).
    steps : int
        Optimiser steps (MSSG: 50 for each image); 0 leaves the network untrained.
    batch_crops, crop_px : int
        Crops per step and their side at the working resolution (ours).
    learning_rate, momentum : float
        SGD (MSSG: 0.01 and 0.9).
    shared : bool
        One network for all images (ours: cheaper by the number of images, and IIC needs many images to tell
        clusters apart) or a fresh one per image (MSSG).
    networks : int
        How many are trained, each from weights and crops of its own. Each clusters an image by itself, and
        what any of them doubts is no background, see `AgreedBackground` (ours).
    tries : int
        Of so many, trained likewise, that one is taken whose darkest cluster covers most of the glands that
        another cue has found, where there is another: see `acinus.mining.choice` (ours). By default there is
        no choice: fits on GlaS gain by it, and differ less, but fits on drawn images lose.
    """

    loss: Annotated[SelfSupervisedLoss, OneOf("acinus.losses")] = field(default_factory=FeatureClusteringLoss)
    spatial_weight: Weight = 1.0
    channels: Count = 16
    responses: Count = 16
    steps: Annotated[int, Limits(ge=0)] = 50
    batch_crops: Count = 4
    crop_px: Annotated[int, Limits(ge=16)] = 96
    learning_rate: Positive = 0.01
    momentum: BelowOne = 0.9
    shared: Flag = True
    networks: Count = 1
    tries: Count = 1


def train_shallow(images: Sequence[RgbArray], settings: ShallowSettings, *, seed: int) -> ShallowCNN:
    """Train one shallow network on crops of `images`.

    Parameters
    ----------
    images : sequence of (H, W, 3) uint8
        At the working resolution.

    Returns
    -------
    ShallowCNN
        In evaluation mode.
    """
    rng = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):  # the caller's random numbers stay as they are
        torch.manual_seed(seed)
        network = ShallowCNN(channels=settings.channels, responses=settings.responses).train()
    optimiser = torch.optim.SGD(network.parameters(), lr=settings.learning_rate, momentum=settings.momentum)
    for _ in range(settings.steps):
        crops, views, turns = _draw_crops(images, settings, rng)
        responses = network(crops)  # (B, C, S, S)
        view_responses = turn_back_each(network(views), turns) if settings.loss.needs_view else responses
        self_supervised = settings.loss(responses, view_responses)
        spatial = spatial_loss(responses)
        loss = self_supervised + settings.spatial_weight * spatial
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return network.eval()


@torch.no_grad()
def responses_of(network: ShallowCNN, image: RgbArray) -> NDArray[np.float32]:
    """Return the responses (H, W, C) of one image (H, W, 3)."""
    batch = torch.from_numpy(normalise(image)).permute(2, 0, 1)[None]  # (1, 3, H, W)
    responses: NDArray[np.float32] = network(batch)[0].permute(1, 2, 0).contiguous().numpy()
    return responses


def _draw_crops(
    images: Sequence[RgbArray], settings: ShallowSettings, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor, list[Turn]]:
    """Return crops (B, 3, S, S), their transformed views and the turns by which these were made."""
    crops, views, turns = [], [], []
    for _ in range(settings.batch_crops):
        crop = _random_crop(images[int(rng.integers(len(images)))], settings.crop_px, rng)
        turn = random_turn(rng)
        view = stain_jitter(crop, strength=1.0, rng=rng)
        crops.append(normalise(crop))
        views.append(normalise(turned(view, turn)))
        turns.append(turn)
    return _to_batch(crops), _to_batch(views), turns


def _random_crop(image: RgbArray, side_px: int, rng: np.random.Generator) -> RgbArray:
    """Cut a square out of an image, mirrored at its sides where it is smaller than the square."""
    height, width = image.shape[:2]
    if height < side_px or width < side_px:
        bottom, right = max(0, side_px - height), max(0, side_px - width)
        image = np.asarray(cv2.copyMakeBorder(image, 0, bottom, 0, right, cv2.BORDER_REFLECT), dtype=np.uint8)
        height, width = image.shape[:2]
    y, x = int(rng.integers(height - side_px + 1)), int(rng.integers(width - side_px + 1))
    return image[y : y + side_px, x : x + side_px]


def _to_batch(crops: Sequence[NDArray[np.float32]]) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(np.stack(crops))).permute(0, 3, 1, 2).contiguous()
