"""PSPNet, the segmentation network the proposal names: dilated ResNet and pyramid pooling.

Source: Zhao et al. 2017 (arXiv 1612.01105), section 3.2 and figure 3.
"""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from torch import nn

from acinus.core.limits import Count, Counts, Limits
from acinus.core.settings import settings_class
from acinus.networks.prediction import Prediction
from acinus.networks.pyramid import PooledClassifier
from acinus.networks.resnet import ResNet
from acinus.networks.spec import NetworkSpec
from acinus.networks.weights import load_backbone_weights

__all__ = ["PSPNet", "PSPNetSpec"]


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


@settings_class
class PSPNetSpec(NetworkSpec):
    """The network the proposal names.

    Attributes
    ----------
    depth : {18, 34, 50}
        Depth of the ResNet.
    bins : tuple of int
        Side of each pooled grid.
    features : int
        Channels of the embedding before the classifier.
    """

    depth: Annotated[Literal[18, 34, 50], Limits()] = 18
    bins: Counts = (1, 2, 3, 6)
    features: Count = 128

    @property
    def stride(self) -> int:
        """Side of a pixel of the features; crops are a multiple of it."""
        return 8

    @property
    def reach_px(self) -> None:
        """None: the pyramid looks at all of an image."""
        return None

    @property
    def takes_weights(self) -> bool:
        """Those of a ResNet."""
        return True

    def build(self) -> PSPNet:
        """Return the network with random weights."""
        return PSPNet(depth=self.depth, bins=self.bins, features=self.features)

    def load_weights(self, network: nn.Module, weights: str) -> None:
        """Fill the backbone, see `acinus.networks.weights.load_backbone_weights`."""
        assert isinstance(network, PSPNet)
        load_backbone_weights(network.backbone, weights, depth=self.depth)
