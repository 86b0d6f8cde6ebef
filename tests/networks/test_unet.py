from __future__ import annotations

import numpy as np
import pytest
import torch

from acinus.networks.unet import UNet


@pytest.fixture(scope="module")
def network() -> UNet:
    """Stride 4, with running statistics that are not those of a fresh network."""
    torch.manual_seed(0)
    network = UNet(widths=(4, 8, 8), context_cells=3)
    generator = torch.Generator().manual_seed(1)
    for _ in range(3):
        network(torch.randn(2, 3, 32, 32, generator=generator))
    return network.eval()


def noise(height: int, width: int) -> torch.Tensor:
    return torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("size", [(8, 8), (40, 24), (64, 8)])
def test_logits_and_features_are_as_large_as_the_image(size: tuple[int, int]):
    network = UNet(widths=(4, 8, 8, 8)).eval()
    prediction = network(torch.zeros(2, 3, *size))
    assert network.stride == 8
    assert prediction.logits.shape == (2, 1, *size)
    assert prediction.features.shape == (2, 4, *size)


def test_a_network_of_one_level_has_no_decoder_and_stride_one():
    network = UNet(widths=(4,), context_cells=3).eval()
    assert network.stride == 1
    assert network(torch.zeros(1, 3, 5, 7)).logits.shape == (1, 1, 5, 7)


def test_logits_are_a_linear_function_of_the_features(network: UNet):
    with torch.no_grad():
        prediction = network(noise(16, 16))
        weight, bias = network.classifier.weight[0, :, 0, 0], network.classifier.bias
        expected = torch.einsum("d,bdhw->bhw", weight, prediction.features) + bias
    assert torch.allclose(prediction.logits[:, 0], expected, atol=1e-5)


REACH = 48
"""More pixels than the network above looks away: (2 + 4 + 8) + 4 + (4 + 4 + 2 + 2) and the grid's 4."""


def test_what_lies_beyond_its_reach_changes_nothing(network: UNet):
    image = noise(160, 160)
    other = image.clone()
    other[..., 100:] = 5.0
    with torch.no_grad():
        change = (network(image).logits - network(other).logits).abs()
    assert change[..., : 100 - REACH].max().item() == 0.0
    assert change[..., 100:].max().item() > 1e-3


@pytest.mark.parametrize("shift", [(4, 0), (0, 8), (12, 20)])
def test_an_image_moved_by_its_stride_has_its_result_moved(network: UNet, shift: tuple[int, int]):
    down, right = shift
    image = noise(160, 160)
    with torch.no_grad():
        there = network(image).logits[..., down:, right:]
        here = network(image[..., down:, right:]).logits
    inside = np.s_[..., REACH : 140 - REACH, REACH : 140 - REACH]
    assert (there - here)[inside].abs().max().item() < 1e-5


def test_a_window_gives_what_the_whole_image_gives(network: UNet):
    image = noise(192, 160)
    with torch.no_grad():
        whole = network(image).logits[..., 16:176, 8:152]
        window = network(image[..., 16:176, 8:152]).logits
    inside = np.s_[..., REACH : 160 - REACH, REACH : 144 - REACH]
    assert (whole - window)[inside].abs().max().item() < 1e-5


def test_a_wider_context_is_seen_from_farther_away():
    reach = {}
    for cells in (1, 5):
        torch.manual_seed(0)
        network = UNet(widths=(4,), context_cells=cells).eval()
        with torch.no_grad():
            image = torch.zeros(1, 3, 16, 64)
            other = image.clone()
            other[..., 32:] = 1.0
            change = (network(image).features - network(other).features).abs().sum(dim=(0, 1, 2))
        reach[cells] = 32 - int(torch.nonzero(change).min())
    assert reach == {1: 2, 5: 4}  # two convolutions of one pixel, and half of five cells
