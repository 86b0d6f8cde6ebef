from __future__ import annotations

import pytest
import torch

from acinus.networks.reach import unet_reach_px
from acinus.networks.unet import UNet


@pytest.mark.parametrize(("widths", "context_cells"), [((4, 8), 3), ((2, 4, 4), 5), ((16, 32, 64, 128), 13)])
def test_the_reach_is_the_farthest_pixel_that_has_a_gradient(widths: tuple[int, ...], context_cells: int):
    torch.manual_seed(0)
    network = UNet(widths=widths, context_cells=context_cells).eval()
    side, cell = 512, network.stride
    image = torch.rand(1, 3, cell, side, requires_grad=True)
    logits = network(image).logits
    farthest = 0
    for column in range(side // 2, side // 2 + cell):
        image.grad = None
        logits[..., column].sum().backward(retain_graph=True)
        assert image.grad is not None
        seen = torch.nonzero(image.grad.abs().sum(dim=(0, 1, 2))).ravel()
        farthest = max(farthest, column - int(seen.min()), int(seen.max()) - column)
    assert farthest == unet_reach_px(levels=len(widths), context_cells=context_cells)
