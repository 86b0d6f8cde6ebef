"""Pyramid pooling: what each cell of a feature map learns of the image as a whole; and the classifier.

Source: Zhao et al. 2017 (arXiv 1612.01105), section 3.2 and figure 3.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from acinus.networks.prediction import Prediction

__all__ = ["PooledClassifier", "PyramidPooling"]


class PyramidPooling(nn.ModuleList):
    """Appends averages over grids of several sizes to a feature map.

    Parameters
    ----------
    channels : int
        Of the feature map.
    bins : tuple of int
        Side of each pooled grid; the paper's are 1, 2, 3 and 6.

    Attributes
    ----------
    channels : int
        Of the result.

    Notes
    -----
    Bins are pooled as adaptive averages. When the feature map is smaller than a bin, cells repeat, as in
    PyTorch's adaptive pooling.
    """

    def __init__(self, channels: int, bins: tuple[int, ...] = (1, 2, 3, 6)) -> None:
        branch = max(1, channels // len(bins))
        # Batch norm cannot learn from the 1×1 bin of a batch of one, hence none in the branches.
        super().__init__(
            nn.Sequential(nn.AdaptiveAvgPool2d(size), nn.Conv2d(channels, branch, 1), nn.ReLU(inplace=True))
            for size in bins
        )
        self.channels = channels + branch * len(bins)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, C, h, w) to (B, channels, h, w), the map itself first."""
        size = x.shape[-2:]
        pooled = [
            functional.interpolate(branch(x), size=size, mode="bilinear", align_corners=False)
            for branch in self
        ]
        return torch.cat([x, *pooled], dim=1)


class PooledClassifier(nn.Module):
    """What follows the backbone of a PSPNet; networks inherit it, so that their weights keep their names.

    Parameters
    ----------
    channels : int
        Of the feature map.
    bins : tuple of int
        Side of each pooled grid.
    features : int
        Channels of the embedding before the classifier, which has one output channel.
    """

    def __init__(self, channels: int, *, bins: tuple[int, ...], features: int) -> None:
        super().__init__()
        self.pyramid = PyramidPooling(channels, bins)
        self.fuse = nn.Sequential(
            nn.Conv2d(self.pyramid.channels, features, 3, padding=1, bias=False),
            nn.BatchNorm2d(features),
            nn.ReLU(inplace=True),
        )
        self.classifier = nn.Conv2d(features, 1, 1)

    def classify(self, x: torch.Tensor, *, size: torch.Size) -> Prediction:
        """Map a feature map (B, C, h, w) to logits of `size` (H, W) and features (B, D, h, w)."""
        features = self.fuse(self.pyramid(x))
        logits = functional.interpolate(
            self.classifier(features), size=size, mode="bilinear", align_corners=False
        )
        return Prediction(logits=logits, features=features)
