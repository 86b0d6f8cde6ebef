"""A network that gives every pixel an embedding: the encoder of every baseline with a deep network."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from acinus.networks.prediction import Prediction
from acinus.networks.unet import UNet

__all__ = ["DenseNetwork", "repeat_borders"]


class DenseNetwork(nn.Module):
    """The default U-Net with a linear layer in place of its classifier.

    The embedding is centred and scaled per channel by a batch norm without parameters. Features after a ReLU
    all point into one corner of the space, where cosines cannot tell clusters apart; the published methods
    start from ImageNet, which spreads them. Ours.

    Parameters
    ----------
    channels : int
        D, length of the embedding.
    """

    def __init__(self, *, channels: int = 32) -> None:
        super().__init__()
        self.encoder = UNet()
        self.project = nn.Conv2d(self.encoder.classifier.in_channels, channels, 1)
        self.centre = nn.BatchNorm2d(channels, affine=False)
        self.channels = channels
        repeat_borders(self)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map (B, 3, H, W) normalised images of any size to embeddings (B, D, H, W)."""
        height, width = images.shape[-2:]
        bottom, right = -height % self.encoder.stride, -width % self.encoder.stride
        if bottom or right:
            images = functional.pad(images, (0, right, 0, bottom), mode="replicate")
        prediction: Prediction = self.encoder(images)
        embedding: torch.Tensor = self.centre(self.project(prediction.features))
        return embedding[:, :, :height, :width]


def repeat_borders(network: nn.Module) -> None:
    """Let every convolution see the border pixel repeated beyond the image, in place of zeros.

    With zeros an untrained network tells the distance to the image's side, and clusters follow it; so even an
    image of one colour falls into several. Ours.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d) and layer.kernel_size != (1, 1):
            layer.padding_mode = "replicate"
