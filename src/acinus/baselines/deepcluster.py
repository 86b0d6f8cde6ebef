"""DeepCluster in its dense form: clusters of the network's own features are the labels it learns next.

Caron et al. 2018 (arXiv 1807.05520), equation 1 (train a classifier on the assignments) and equation 2
(k-means makes the assignments), in turns. The dense form clusters pixels instead of images: the baseline MDC
of Cho et al. 2021 (arXiv 2103.17070, section 3.2), with mini-batch k-means and a cross-entropy balanced by
the size of the clusters, so that large ones do not swallow the rest.

Departures: no Sobel filter, since colour is what a stain is for; the number of clusters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from acinus.baselines.crops import cut, draw_place, to_batch
from acinus.baselines.embedding import cluster_embeddings, fresh_network
from acinus.baselines.fitted import FittedClusters, OnStep, ignore_step, working_images
from acinus.baselines.kmeans import balanced_weights
from acinus.core.image import RgbArray, RgbImage
from acinus.core.limits import Count, Limits, Mpp, Positive
from acinus.core.settings import settings_class
from acinus.data.augment import random_turn
from acinus.data.turns import turn

__all__ = ["DeepCluster"]


@settings_class
class DeepCluster:
    """Settings of dense DeepCluster.

    Attributes
    ----------
    clusters : int
        K (the paper: ten times the classes; ours: six times, as in every method here that over-clusters).
    mpp : float
        Working resolution in µm per pixel, the package's.
    channels : int
        Length of the embedding (ours).
    epochs, steps_per_epoch : int
        Clusterings, and optimiser steps after each (ours).
    batch_crops, crop_px : int
        Crops per step and their side (ours: 96 px are 240 µm).
    learning_rate : float
        Adam, of the network (PiCIE's code: 1e-3 by default).
    classifier_learning_rate : float
        Adam, of the classifier, which starts anew after each clustering (ours: higher, as its steps are few).
    """

    clusters: Annotated[int, Limits(ge=2, le=256)] = 12
    mpp: Mpp = 2.5
    channels: Count = 32
    epochs: Count = 5
    steps_per_epoch: Count = 24
    batch_crops: Count = 8
    crop_px: Count = 96
    learning_rate: Positive = 1e-3
    classifier_learning_rate: Positive = 1e-2

    def fit(
        self, images: Sequence[RgbImage], *, seed: int, device: torch.device, on_step: OnStep = ignore_step
    ) -> FittedClusters:
        """Cluster, learn the clusters, cluster again; the last clustering is kept."""
        rgbs = working_images(images, mpp=self.mpp, clusters=self.clusters)
        network = fresh_network(rgbs, channels=self.channels, crop_px=self.crop_px, seed=seed, device=device)
        optimiser = torch.optim.Adam(network.parameters(), lr=self.learning_rate)
        rng = np.random.default_rng([seed, 2])
        for epoch in range(self.epochs):
            clusters = cluster_embeddings(
                network, rgbs, clusters=self.clusters, whiten=True, rng=rng, device=device
            )
            labels = [clusters.assign(rgb) for rgb in rgbs]  # each (H, W)
            pixels = sum(np.bincount(label.ravel(), minlength=self.clusters) for label in labels)
            weights = torch.from_numpy(balanced_weights(np.asarray(pixels))).to(device)
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed + epoch)
                classifier = nn.Conv2d(self.channels, self.clusters, 1).to(device)
            classifier_optimiser = torch.optim.Adam(classifier.parameters(), lr=self.classifier_learning_rate)
            for step in range(self.steps_per_epoch):
                crops, targets = self._draw(rgbs, labels, rng, device)
                logits = classifier(network(crops))  # (B, K, S, S)
                loss = functional.cross_entropy(logits, targets, weight=weights)
                optimiser.zero_grad()
                classifier_optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                classifier_optimiser.step()
                on_step({"step": epoch * self.steps_per_epoch + step, "epoch": epoch, "loss": loss.item()})
        clusters = cluster_embeddings(
            network.eval(), rgbs, clusters=self.clusters, whiten=True, rng=rng, device=device
        )
        return FittedClusters.of(clusters, rgbs, mpp=self.mpp)

    def _draw(
        self,
        images: Sequence[RgbArray],
        labels: Sequence[NDArray[np.uint8]],
        rng: np.random.Generator,
        device: torch.device,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return turned crops (B, 3, S, S) and the clusters of their pixels (B, S, S) int64."""
        places = [draw_place(images, self.crop_px, rng) for _ in range(self.batch_crops)]
        crops = to_batch([cut(images[place.image], place, self.crop_px) for place in places], device)
        targets = [torch.from_numpy(cut(labels[place.image], place, self.crop_px)) for place in places]
        turns = [random_turn(rng) for _ in places]
        return (
            torch.stack([turn(crop, by) for crop, by in zip(crops, turns, strict=True)]),
            torch.stack([turn(one, by) for one, by in zip(targets, turns, strict=True)]).long().to(device),
        )
