from __future__ import annotations

import pytest
import torch
from torch import nn

from acinus.networks.fold import without_batch_norm
from acinus.networks.pspnet import PSPNet
from acinus.networks.unet import UNet


def with_history(network: nn.Module) -> nn.Module:
    """Give batch norms statistics and weights as after training."""
    torch.manual_seed(0)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            for values in (layer.running_mean, layer.bias.data):
                nn.init.normal_(values)
            for values in (layer.running_var, layer.weight.data):
                nn.init.uniform_(values, 0.5, 2.0)
    return network.eval()


def norms(network: nn.Module) -> int:
    return sum(isinstance(layer, nn.BatchNorm2d) for layer in network.modules())


@pytest.mark.parametrize("network", [UNet(widths=(4, 8, 8)), PSPNet()], ids=["U-Net", "PSPNet"])
def test_without_batch_norm_the_network_says_the_same(network: nn.Module):
    network = with_history(network)
    state = {name: value.clone() for name, value in network.state_dict().items()}
    folded = without_batch_norm(network)
    images = torch.randn(2, 3, 48, 40)
    with torch.no_grad():
        expected, found = network(images), folded(images)
    assert torch.allclose(found.logits, expected.logits, rtol=1e-3, atol=1e-4)
    assert torch.allclose(found.features, expected.features, rtol=1e-3, atol=1e-4)
    assert norms(folded) < norms(network)
    for name, value in network.state_dict().items():
        assert torch.equal(value, state[name])


def test_no_batch_norm_of_the_default_network_is_left():
    assert norms(UNet()) == 14
    assert norms(without_batch_norm(UNet().eval())) == 0
