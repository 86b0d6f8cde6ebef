from __future__ import annotations

import pytest
import torch

from acinus.networks.pspnet import PSPNet


@pytest.fixture(scope="module")
def network() -> PSPNet:
    torch.manual_seed(0)
    return PSPNet(depth=18, bins=(1, 2), features=8).eval()


@pytest.mark.parametrize("size", [(8, 8), (40, 24), (64, 64)])
def test_logits_are_as_large_as_the_image_and_features_an_eighth(network: PSPNet, size: tuple[int, int]):
    with torch.no_grad():
        prediction = network(torch.zeros(2, 3, *size))
    assert prediction.logits.shape == (2, 1, *size)
    assert prediction.features.shape == (2, 8, size[0] // 8, size[1] // 8)


def test_a_feature_map_smaller_than_a_bin_is_no_error():
    with torch.no_grad():
        prediction = PSPNet(depth=18, bins=(1, 6), features=8).eval()(torch.zeros(1, 3, 16, 16))
    assert prediction.features.shape == (1, 8, 2, 2)


def test_a_batch_of_one_can_be_trained_on():
    torch.manual_seed(0)
    network = PSPNet(depth=18, features=8).train()
    network(torch.randn(1, 3, 32, 32)).logits.mean().backward()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in network.parameters())


def test_every_pixel_sees_the_whole_image_through_the_pyramid(network: PSPNet):
    generator = torch.Generator().manual_seed(1)
    image = torch.randn(1, 3, 64, 960, generator=generator)
    other = image.clone()
    other[..., 900:] += 3.0  # farther than the backbone reaches
    with torch.no_grad():
        change = (network(image).features - network(other).features)[..., :2].abs().max()
    assert change.item() > 1e-4
