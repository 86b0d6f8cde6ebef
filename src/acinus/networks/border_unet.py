"""The default network: a U-Net's trunk on coarse pixels, an answer on fine ones, glands and their borders.

The stroma between neighbours is often no wider than one or two pixels at the resolution at which a U-Net is
fast enough for a CPU. So the trunk works on blocks of fine pixels, folded into channels (space to depth, Shi
et al. 2016, arXiv 1609.05158), its features are unfolded again, and one convolution that also sees the image
decides on the fine pixels. Beside gland or not it says how deep inside its gland a pixel lies, which tells
two glands that touch from one: the depth falls to nothing between them (after the distance maps of StarDist,
arXiv 1806.03535, and SDT, arXiv 2310.05262; bounded and learnt as a share, which is ours).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from torch import nn
from torch.nn import functional

from acinus.core.geometry import Box
from acinus.core.limits import Count, Limits, OddCount
from acinus.core.settings import settings_class
from acinus.networks.prediction import Prediction
from acinus.networks.reach import unet_reach_px
from acinus.networks.spec import NetworkSpec
from acinus.networks.unet import UNetTrunk, conv_block, cut, shown_by

__all__ = ["BorderUNet", "BorderUNetSpec"]


class BorderUNet(UNetTrunk):
    """A trunk on folded pixels and a light head on fine ones.

    Parameters
    ----------
    widths, context_cells
        As of `UNetTrunk`, in the trunk's pixels.
    fold : int
        Side, in pixels of the image, of a pixel of the trunk.
    fine : int
        Channels of each fine pixel before the classifiers.
    """

    def __init__(
        self,
        *,
        widths: Sequence[int] = (16, 32, 64, 128),
        context_cells: int = 13,
        fold: int = 2,
        fine: int = 8,
    ) -> None:
        super().__init__(inputs=3 * fold * fold, widths=widths, context_cells=context_cells)
        self.fold = fold
        self.unfolded = nn.Conv2d(widths[0], fine * fold * fold, 1)
        self.last = conv_block(fine + 3, fine)
        self.classifier = nn.Conv2d(fine, 2, 1)  # gland, depth
        self.stride *= fold

    def forward(self, images: torch.Tensor) -> Prediction:
        """Map (B, 3, H, W) normalised images, H and W multiples of `stride`, to all of a prediction."""
        return self.of_part(images, shown_by(images))

    def of_part(self, images: torch.Tensor, part: Box) -> Prediction:
        """Map (B, 3, H, W) to logits of a part of the pixels, and features of the trunk's pixels under it."""
        under = _folded(part.grown(1).intersection(shown_by(images)), self.fold)
        shown = Box(*(self.fold * length for length in (under.x, under.y, under.width, under.height)))
        # (B, C, under.height, under.width)
        coarse = self.features(functional.pixel_unshuffle(images, self.fold), under)
        fine = functional.pixel_shuffle(self.unfolded(coarse), self.fold)  # (B, fine, shown.height, ...)
        answers = self.classifier(self.last(torch.cat([fine, cut(images, shown)], dim=1)))
        answers = cut(answers, part, of=shown)  # (B, 2, part.height, part.width)
        return Prediction(logits=answers[:, :1], features=coarse, depth=answers[:, 1:])


def _folded(part: Box, fold: int) -> Box:
    """Return the trunk's pixels that hold those of a part of the image."""
    left, top = part.x // fold, part.y // fold
    return Box(left, top, -(-part.right // fold) - left, -(-part.bottom // fold) - top)


@settings_class
class BorderUNetSpec(NetworkSpec):
    """The default network (ours).

    Attributes
    ----------
    widths : tuple of int
        Channels of each level of the trunk, finest first.
    context_cells : int
        Side of the neighbourhood averaged at the coarsest level, in its own pixels.
    fold : int
        Side, in working pixels, of a pixel of the trunk: 2 works on 2.5 µm and answers on 1.25 µm.
    fine : int
        Channels of each working pixel before the classifiers.
    """

    widths: Annotated[tuple[Count, ...], Limits(least=1, most=8)] = (16, 32, 64, 128)
    context_cells: OddCount = 13
    fold: Annotated[int, Limits(ge=1, le=4)] = 2
    fine: Count = 8

    @property
    def stride(self) -> int:
        """Side of a pixel of the coarsest level; crops are a multiple of it."""
        return int(self.fold * 2 ** (len(self.widths) - 1))

    @property
    def reach_px(self) -> int:
        """Distance beyond which nothing changes what the network says of a pixel."""
        trunk = unet_reach_px(levels=len(self.widths), context_cells=self.context_cells)
        # One more for the last convolution, whose neighbour may lie in the next pixel of the trunk.
        return int(self.fold * (trunk + 1))

    @property
    def tells_depth(self) -> bool:
        """Predictions have a depth."""
        return True

    def build(self) -> BorderUNet:
        """Return the network with random weights."""
        return BorderUNet(
            widths=self.widths, context_cells=self.context_cells, fold=self.fold, fine=self.fine
        )
