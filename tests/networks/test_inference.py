from __future__ import annotations

import pytest
import torch
from torch import nn

from acinus.networks.inference import for_inference
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
def test_prepared_for_inference_a_network_says_the_same(network: nn.Module):
    network = with_history(network)
    state = {name: value.clone() for name, value in network.state_dict().items()}
    prepared = for_inference(network)
    images = torch.randn(2, 3, 48, 40)
    with torch.no_grad():
        expected, found = network(images), prepared(images)
    assert torch.allclose(found.logits, expected.logits, rtol=1e-3, atol=1e-4)
    assert torch.allclose(found.features, expected.features, rtol=1e-3, atol=1e-4)
    assert norms(prepared) < norms(network)
    for name, value in network.state_dict().items():
        assert torch.equal(value, state[name])


def test_no_batch_norm_of_the_default_network_is_left():
    assert norms(UNet()) == 14
    assert norms(for_inference(UNet().eval())) == 0


@pytest.mark.parametrize("half", [False, True], ids=["float32", "bfloat16"])
def test_the_default_network_says_the_same_to_the_bit_from_any_number_of_threads(half: bool):
    network = for_inference(with_history(UNet())).to(memory_format=torch.channels_last)
    images = torch.randn(1, 3, 160, 200).contiguous(memory_format=torch.channels_last)
    found, threads = [], torch.get_num_threads()
    try:
        for count in (1, 2, 3, 4):
            torch.set_num_threads(count)
            with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=half):
                found.append(network(images).logits.sigmoid())
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(found[0], other) for other in found[1:])


class Halved(nn.Conv2d):
    """A layer that does more than the class it derives from."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x) / 2.0


class Rectified(nn.BatchNorm2d):
    """A batch norm with its activation, as timm has it."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x).relu()


def test_layers_of_derived_classes_stay_as_they_are():
    network = nn.Sequential(
        Halved(3, 4, 1), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 3), Rectified(4), nn.Conv2d(4, 2, 1, padding=1)
    )
    network = with_history(network)
    images = torch.randn(2, 3, 8, 8)
    with torch.no_grad():
        assert torch.allclose(for_inference(network)(images), network(images), atol=1e-5)
