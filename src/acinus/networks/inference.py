"""A network prepared for many forward passes on a CPU: faster, and the same from any number of threads."""

from __future__ import annotations

import copy
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

__all__ = ["for_inference"]


def for_inference(network: nn.Module) -> nn.Module:
    """Return a copy of a network in evaluation mode that says the same up to rounding (logits of 1e-5).

    Each batch norm behind a convolution in an `nn.Sequential` becomes part of it: the default network's
    forward pass takes 7 % less processor time and 140 MB less on 1280 × 1280 px.

    Layers of derived classes stay as they are: in other libraries' backbones they do more than their base.

    1×1 convolutions become matrix products. As convolutions they add up their channels in an order that
    depends on the number of threads, and one pixel in some millions is rounded to another 1/255.
    """
    network = copy.deepcopy(network)
    for module in list(network.modules()):
        if isinstance(module, nn.Sequential):
            _fold_batch_norms(module)
        for name, layer in list(module.named_children()):
            if type(layer) is nn.Conv2d and _is_pointwise(layer):
                setattr(module, name, _Pointwise(layer))
    return network


def _fold_batch_norms(block: nn.Sequential) -> None:
    for (first, layer), (second, norm) in pairwise(list(block.named_children())):
        if type(layer) is nn.Conv2d and type(norm) is nn.BatchNorm2d:
            setattr(block, first, nn.utils.fuse_conv_bn_eval(layer, norm))
            setattr(block, second, nn.Identity())


def _is_pointwise(layer: nn.Conv2d) -> bool:
    kernel, stride, padding = layer.kernel_size, layer.stride, layer.padding
    return kernel == (1, 1) and stride == (1, 1) and padding == (0, 0) and layer.groups == 1


class _Pointwise(nn.Module):
    """A 1×1 convolution as the product of each pixel's channels with a matrix."""

    def __init__(self, layer: nn.Conv2d) -> None:
        super().__init__()
        self.weight = nn.Parameter(layer.weight[:, :, 0, 0], requires_grad=False)
        self.bias = None if layer.bias is None else nn.Parameter(layer.bias, requires_grad=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, C, H, W) to (B, outputs, H, W), both with the channels of a pixel side by side."""
        return functional.linear(x.permute(0, 2, 3, 1), self.weight, self.bias).permute(0, 3, 1, 2)
