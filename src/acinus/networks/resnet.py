"""A dilated residual network whose state dict has the layout of torchvision's, so that its weights load.

Sources: He et al. 2016 (arXiv 1512.03385); dilation in place of the last two strides as in PSPNet
(Zhao et al. 2017, arXiv 1612.01105, section 3) after Yu and Koltun (arXiv 1511.07122).
"""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["ResNet"]

_LAYOUTS: dict[int, tuple[bool, tuple[int, int, int, int]]] = {
    18: (False, (2, 2, 2, 2)),
    34: (False, (3, 4, 6, 3)),
    50: (True, (3, 4, 6, 3)),
}


class ResNet(nn.Module):
    """ResNet without its classifier.

    Parameters
    ----------
    depth : {18, 34, 50}
        Number of weighted layers of the original network.
    width : int
        Channels of the first layers; the original's, and that of its ImageNet weights, is 64.
    output_stride : {4, 8}
        Side of a pixel of the last feature map: 8 as in PSPNet, or 4, for which one more stride is replaced
        by dilation. The weights are the same.

    Attributes
    ----------
    channels, middle_channels : int
        Of the last feature map, and of that of the last stage but one.
    """

    def __init__(self, *, depth: int = 18, width: int = 64, output_stride: int = 8) -> None:
        super().__init__()
        if depth not in _LAYOUTS:
            raise ValueError(f"ResNet depth is one of {sorted(_LAYOUTS)}, got {depth}")
        if output_stride not in (4, 8):
            raise ValueError(f"output stride is 4 or 8, got {output_stride}")
        bottleneck, blocks = _LAYOUTS[depth]
        self.expansion = 4 if bottleneck else 1
        self.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self._width = width
        finer = 8 // output_stride  # 2 where the second stage dilates instead of striding
        self.layer1 = self._stage(width, blocks[0], stride=1, dilation=1, bottleneck=bottleneck)
        self.layer2 = self._stage(
            2 * width, blocks[1], stride=2 // finer, dilation=finer, bottleneck=bottleneck
        )
        self.layer3 = self._stage(4 * width, blocks[2], stride=1, dilation=2 * finer, bottleneck=bottleneck)
        self.layer4 = self._stage(8 * width, blocks[3], stride=1, dilation=4 * finer, bottleneck=bottleneck)
        self.middle_channels = 4 * width * self.expansion
        self.channels = 8 * width * self.expansion
        self.stride = output_stride

    def _stage(
        self, width: int, blocks: int, *, stride: int, dilation: int, bottleneck: bool
    ) -> nn.Sequential:
        outputs = width * self.expansion
        layers: list[nn.Module] = []
        for index in range(blocks):
            first = index == 0
            downsample = None
            if first and (stride != 1 or self._width != outputs):
                downsample = nn.Sequential(
                    nn.Conv2d(self._width, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs)
                )
            kind = _Bottleneck if bottleneck else _BasicBlock
            layers.append(
                kind(
                    self._width,
                    width,
                    stride=stride if first else 1,
                    dilation=dilation,
                    downsample=downsample,
                )
            )
            self._width = outputs
        return nn.Sequential(*layers)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map (B, 3, H, W) to (B, channels, H/stride, W/stride)."""
        features: torch.Tensor = self.layer4(self.middle(images))
        return features

    def middle(self, images: torch.Tensor) -> torch.Tensor:
        """Map (B, 3, H, W) to what the last stage is given, (B, middle_channels, H/stride, W/stride)."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(images))))  # (B, width, H/4, W/4)
        features: torch.Tensor = self.layer3(self.layer2(self.layer1(x)))
        return features


class _BasicBlock(nn.Module):
    def __init__(
        self, inputs: int, width: int, *, stride: int, dilation: int, downsample: nn.Module | None
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(
            inputs, width, 3, stride=stride, padding=dilation, dilation=dilation, bias=False
        )
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=dilation, dilation=dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        out: torch.Tensor = self.relu(self.bn2(self.conv2(x)) + shortcut)
        return out


class _Bottleneck(nn.Module):
    def __init__(
        self, inputs: int, width: int, *, stride: int, dilation: int, downsample: nn.Module | None
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(
            width, width, 3, stride=stride, padding=dilation, dilation=dilation, bias=False
        )
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        out: torch.Tensor = self.relu(self.bn3(self.conv3(x)) + shortcut)
        return out
