from __future__ import annotations

import pytest
import torch

from acinus.networks.shallow import ShallowCNN


@pytest.fixture
def network() -> ShallowCNN:
    torch.manual_seed(0)
    return ShallowCNN(channels=6, responses=5)


@pytest.mark.parametrize("size", [(1, 1), (7, 12), (32, 32)])
def test_every_pixel_of_an_image_of_any_size_gets_a_response(network: ShallowCNN, size: tuple[int, int]):
    assert network.eval()(torch.zeros(2, 3, *size)).shape == (2, 5, *size)


def test_layers_come_in_the_order_of_the_proposal(network: ShallowCNN):
    kinds = [type(layer).__name__ for layer in network.layers]
    assert kinds == ["Conv2d", "ReLU", "BatchNorm2d"] * 3 + ["Conv2d", "BatchNorm2d"]


@pytest.mark.parametrize("depth", [1, 3, 4])
def test_a_pixel_sees_as_many_pixels_around_it_as_there_are_layers(depth: int):
    torch.manual_seed(0)
    network = ShallowCNN(channels=6, responses=5, depth=depth).eval()
    generator = torch.Generator().manual_seed(1)
    image = torch.randn(1, 3, 21, 21, generator=generator)
    other = image.clone()
    other[..., 10, 10] += 5.0
    with torch.no_grad():
        change = (network(image) - network(other)).abs().amax(dim=(0, 1))
    rows, columns = torch.nonzero(change > 1e-7, as_tuple=True)
    assert (rows.min(), rows.max()) == (10 - depth, 10 + depth)
    assert (columns.min(), columns.max()) == (10 - depth, 10 + depth)


def test_responses_are_centred_and_of_unit_variance_while_training(network: ShallowCNN):
    generator = torch.Generator().manual_seed(1)
    responses = network.train()(torch.randn(4, 3, 16, 16, generator=generator))
    assert responses.mean(dim=(0, 2, 3)).abs().max().item() < 1e-4
    assert responses.var(dim=(0, 2, 3)).sub(1).abs().max().item() < 0.05
