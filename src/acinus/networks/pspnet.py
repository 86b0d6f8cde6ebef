"""PSPNet, the segmentation network the proposal names: dilated ResNet and pyramid pooling.

Source: Zhao et al. 2017 (arXiv 1612.01105), section 3.2 and figure 3.
"""

from __future__ import annotations

import torch

from acinus.networks.prediction import Prediction
from acinus.networks.pyramid import PooledClassifier
from acinus.networks.resnet import ResNet

__all__ = ["PSPNet"]


class PSPNet(PooledClassifier):
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
        backbone = ResNet(depth=depth)
        super().__init__(backbone.channels, bins=bins, features=features)
        self.backbone = backbone
        self.stride = self.backbone.stride

    def forward(self, images: torch.Tensor) -> Prediction:
        """Map (B, 3, H, W) normalised images, H and W multiples of 8, to logits and features at H/8."""
        return self.classify(self.backbone(images), size=images.shape[-2:])
