"""PSPNet, the segmentation network the proposal names: dilated ResNet and pyramid pooling.

Source: Zhao et al. 2017 (arXiv 1612.01105), section 3.2 and figure 3.
"""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from torch import nn
from torch.nn import functional

from acinus.core.errors import UsageError
from acinus.core.limits import Count, Counts, Flag, Limits
from acinus.core.settings import refuse, settings_class
from acinus.networks.prediction import Prediction
from acinus.networks.pyramid import PooledClassifier
from acinus.networks.resnet import ResNet
from acinus.networks.spec import NetworkSpec
from acinus.networks.weights import load_backbone_weights

__all__ = ["PSPNet", "PSPNetSpec"]

_WIDTH = 64  # of the published ResNets


class PSPNet(PooledClassifier):
    """Pyramid scene parsing network with one output channel.

    Parameters
    ----------
    depth, width, output_stride : int
        Of the ResNet.
    bins : tuple of int
        Side of each pooled grid; the paper's are 1, 2, 3 and 6.
    features : int
        Channels of the embedding before the classifier.
    auxiliary : bool
        Train a second classifier on the last stage but one (section 3.3 and figure 4).
    """

    def __init__(
        self,
        *,
        depth: int = 18,
        width: int = _WIDTH,
        output_stride: int = 8,
        bins: tuple[int, ...] = (1, 2, 3, 6),
        features: int = 128,
        auxiliary: bool = False,
    ) -> None:
        backbone = ResNet(depth=depth, width=width, output_stride=output_stride)
        super().__init__(backbone.channels, bins=bins, features=features)
        self.backbone = backbone
        self.stride = self.backbone.stride
        self.auxiliary = _auxiliary_classifier(backbone.middle_channels) if auxiliary else None

    def forward(self, images: torch.Tensor) -> Prediction:
        """Map (B, 3, H, W) normalised images, H and W multiples of `stride`, to logits and features."""
        size = images.shape[-2:]
        middle = self.backbone.middle(images)  # (B, C, H / stride, W / stride)
        prediction = self.classify(self.backbone.layer4(middle), size=size)
        if self.auxiliary is None or not self.training:
            return prediction
        second = functional.interpolate(
            self.auxiliary(middle), size=size, mode="bilinear", align_corners=False
        )
        return prediction._replace(auxiliary=second)


def _auxiliary_classifier(channels: int) -> nn.Sequential:
    narrow = max(1, channels // 4)
    return nn.Sequential(
        nn.Conv2d(channels, narrow, 3, padding=1, bias=False),
        nn.BatchNorm2d(narrow),
        nn.ReLU(inplace=True),
        nn.Conv2d(narrow, 1, 1),
    )


@settings_class
class PSPNetSpec(NetworkSpec):
    """The network the proposal names.

    Attributes
    ----------
    depth : {18, 34, 50}
        Depth of the ResNet.
    width : int
        Channels of its first layers, a multiple of 8 (paper: 64, which initial weights need; half of it costs
        a quarter).
    output_stride : {4, 8}
        Side of a pixel of the features in px (paper: 8; ours: 4 tells narrow stroma from gland, at about
        four times the cost).
    bins : tuple of int
        Side of each pooled grid.
    features : int
        Channels of the embedding before the classifier.
    auxiliary : bool
        A second classifier on the last stage but one while training (paper); its weight is
        `GroupingSettings.auxiliary_weight`.
    """

    depth: Annotated[Literal[18, 34, 50], Limits()] = 18
    width: Count = _WIDTH
    output_stride: Annotated[Literal[4, 8], Limits()] = 8
    bins: Counts = (1, 2, 3, 6)
    features: Count = 128
    auxiliary: Flag = False

    def __post_init__(self) -> None:
        """Refuse widths at which PyTorch's dilated convolutions on a CPU write beyond their memory."""
        if self.width % 8:
            raise refuse("width", self.width, "a multiple of 8")

    @property
    def stride(self) -> int:
        """Side of a pixel of the features; crops are a multiple of it."""
        return int(self.output_stride)

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
        return PSPNet(
            depth=self.depth,
            width=self.width,
            output_stride=self.output_stride,
            bins=self.bins,
            features=self.features,
            auxiliary=self.auxiliary,
        )

    def load_weights(self, network: nn.Module, weights: str) -> None:
        """Fill the backbone, see `acinus.networks.weights.load_backbone_weights`."""
        assert isinstance(network, PSPNet)
        if self.width != _WIDTH:
            raise UsageError(
                f"initial weights fit a ResNet of width {_WIDTH}, the network's is {self.width}; "
                f"set network.width to {_WIDTH} or leave {weights} out"
            )
        load_backbone_weights(network.backbone, weights, depth=self.depth)
