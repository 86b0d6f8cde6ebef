"""The small network that tells what a pixel belongs to from numbers of that pixel alone."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["PixelNetwork"]


class PixelNetwork(nn.Module):
    """Two hidden layers and one logit: a multilayer perceptron.

    Parameters
    ----------
    features : int
        Numbers that describe a pixel.
    width : int
        Of both hidden layers.
    """

    def __init__(self, *, features: int, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(features, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1)
        )

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Map (N, F) numbers to (N,) logits."""
        logits: torch.Tensor = self.layers(pixels)[:, 0]
        return logits
