"""PSPNet, the segmentation network the proposal names: dilated ResNet and pyramid pooling.

Source: Zhao et al. 2017 (arXiv 1612.01105), section 3.2 and figure 3.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from acinus.networks.prediction import Prediction
from acinus.networks.pyramid import PyramidPooling
from acinus.networks.resnet import ResNet

__all__ = ["PSPNet"]


class PSPNet(nn.Module):
    """Pyramid scene parsing network with one output channel.

    Parameters
    ----------
    depth : {18, 34, 50}
        Depth of the ResNet.
    bins : tuple of int
        Side of each pooled grid; the paper's are 1, 2, 3 and 6.
    features : int
        Channels of the embedding before the classifier.

    Notes
    -----
    The auxiliary loss of the paper is left out: the backbone is shallow here.
    """

    def __init__(self, *, depth: int = 18, bins: tuple[int, ...] = (1, 2, 3, 6), features: int = 128) -> None:
        super().__init__()
        self.backbone = ResNet(depth=depth)
        self.pyramid = PyramidPooling(self.backbone.channels, bins)
        self.fuse = nn.Sequential(
            nn.Conv2d(self.pyramid.channels, features, 3, padding=1, bias=False),
            nn.BatchNorm2d(features),
            nn.ReLU(inplace=True),
        )
        self.classifier = nn.Conv2d(features, 1, 1)
        self.stride = self.backbone.stride

    def forward(self, images: torch.Tensor) -> Prediction:
        """Map (B, 3, H, W) normalised images, H and W multiples of 8, to logits and features at H/8."""
        x = self.backbone(images)  # (B, C, H/8, W/8)
        features = self.fuse(self.pyramid(x))  # (B, D, H/8, W/8)
        logits = functional.interpolate(
            self.classifier(features), size=images.shape[-2:], mode="bilinear", align_corners=False
        )
        return Prediction(logits=logits, features=features)
