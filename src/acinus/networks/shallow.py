"""The shallow network of stage 1: a few 3×3 convolutions whose responses are clustered.

Source: the proposal, after the network of Kim et al. 2020 (arXiv 2007.09990, section III).
"""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["ShallowCNN"]


class ShallowCNN(nn.Module):
    """(3×3 convolution, ReLU, batch norm) × `depth`, then 1×1 convolution and batch norm.

    Parameters
    ----------
    channels : int
        Width of the hidden layers.
    responses : int
        Number of response channels (C, or K when they are read as cluster logits).
    depth : int
        Number of 3×3 layers; the receptive field is ``2 * depth + 1`` pixels.
    """

    def __init__(self, *, channels: int, responses: int, depth: int = 3) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        width = 3
        for _ in range(depth):
            layers += [
                nn.Conv2d(width, channels, 3, padding=1),
                nn.ReLU(inplace=True),
                nn.BatchNorm2d(channels),
            ]
            width = channels
        layers += [nn.Conv2d(width, responses, 1), nn.BatchNorm2d(responses)]
        self.layers = nn.Sequential(*layers)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map (B, 3, H, W) normalised images to (B, C, H, W) responses."""
        responses: torch.Tensor = self.layers(images)
        return responses
