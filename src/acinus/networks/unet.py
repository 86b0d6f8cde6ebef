"""A small U-Net with local context: the default network at working resolution on a CPU.

Source: Ronneberger et al. 2015 (arXiv 1505.04597). Two departures, both ours: coarse features are narrowed
before they are enlarged, which saves a third of the arithmetic, and the coarsest level sees the average of
its neighbourhood, as the pyramid of PSPNet sees that of the whole image. A neighbourhood of fixed size,
unlike the whole image, gives the same result however a slide is cut into windows.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated

import torch
from torch import nn
from torch.nn import functional

from acinus.core.limits import Count, Limits, OddCount
from acinus.core.settings import settings_class
from acinus.networks.prediction import Prediction
from acinus.networks.reach import unet_reach_px
from acinus.networks.spec import NetworkSpec

__all__ = ["UNet", "UNetSpec"]


class UNet(nn.Module):
    """Encoder and decoder of plain convolutions.

    Parameters
    ----------
    widths : sequence of int
        Channels of each level, finest first; every further level halves the resolution. Powers of two are
        2.4 times as fast on a CPU as (24, 48, 80, 128), which has 1.5 times the arithmetic.
    context_cells : int
        Odd side of the neighbourhood averaged at the coarsest level, in its own pixels (with four levels at
        2.5 µm/px one is 20 µm wide).
    """

    def __init__(self, *, widths: Sequence[int] = (16, 32, 64, 128), context_cells: int = 13) -> None:
        super().__init__()
        inputs = (3, *widths[:-1])
        self.encoder = nn.ModuleList(
            nn.Sequential(_conv(i, o), _conv(o, o)) for i, o in zip(inputs, widths, strict=True)
        )
        self.context_cells = context_cells
        self.context = nn.Conv2d(2 * widths[-1], widths[-1], 1)
        pairs = list(pairwise(widths))
        self.narrow = nn.ModuleList(nn.Conv2d(coarse, fine, 1) for fine, coarse in pairs)
        self.decoder = nn.ModuleList(
            nn.Sequential(_conv(2 * fine, fine), _conv(fine, fine)) for fine, _ in pairs
        )
        self.classifier = nn.Conv2d(widths[0], 1, 1)
        self.stride = 2 ** (len(widths) - 1)

    def forward(self, images: torch.Tensor) -> Prediction:
        """Map (B, 3, H, W) normalised images, H and W multiples of `stride`, to logits and features."""
        skips: list[torch.Tensor] = []
        x = images
        for level, block in enumerate(self.encoder):
            if level:
                x = functional.max_pool2d(x, 2)
            x = block(x)  # (B, widths[level], H / 2^level, W / 2^level)
            skips.append(x)
        around = functional.avg_pool2d(
            x, self.context_cells, stride=1, padding=self.context_cells // 2, count_include_pad=False
        )
        # Each skip is let go as it is used: of a large image one takes 100 MB.
        x = functional.relu(self.context(torch.cat([skips.pop(), around], dim=1)))
        for level in range(len(self.decoder) - 1, -1, -1):
            x = functional.interpolate(
                self.narrow[level](x), scale_factor=2, mode="bilinear", align_corners=False
            )
            x = self.decoder[level](torch.cat([skips.pop(), x], dim=1))
        return Prediction(logits=self.classifier(x), features=x)


def _conv(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


@settings_class
class UNetSpec(NetworkSpec):
    """The default network (ours).

    Attributes
    ----------
    widths : tuple of int
        Channels of each level, as of `UNet`.
    context_cells : int
        Side of the neighbourhood averaged at the coarsest level, as of `UNet`.
    """

    widths: Annotated[tuple[Count, ...], Limits(least=1, most=8)] = (16, 32, 64, 128)
    context_cells: OddCount = 13

    @property
    def stride(self) -> int:
        """Side of a pixel of the coarsest level; crops are a multiple of it."""
        return int(2 ** (len(self.widths) - 1))

    @property
    def reach_px(self) -> int:
        """Distance beyond which nothing changes what the network says of a pixel."""
        return unet_reach_px(levels=len(self.widths), context_cells=self.context_cells)

    def build(self) -> UNet:
        """Return the network with random weights."""
        return UNet(widths=self.widths, context_cells=self.context_cells)
