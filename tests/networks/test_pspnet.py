from __future__ import annotations

import pytest
import torch

from acinus.core.errors import UsageError
from acinus.core.settings import apply_settings
from acinus.networks.pspnet import PSPNet, PSPNetSpec


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


@pytest.mark.parametrize("output_stride", [4, 8])
def test_the_output_stride_decides_how_fine_features_are_and_not_which_weights_there_are(output_stride: int):
    torch.manual_seed(0)
    network = PSPNet(width=8, features=8, output_stride=output_stride).eval()
    with torch.no_grad():
        prediction = network(torch.zeros(1, 3, 32, 64))
    assert prediction.features.shape == (1, 8, 32 // output_stride, 64 // output_stride)
    assert prediction.logits.shape == (1, 1, 32, 64)
    usual = PSPNet(width=8, features=8).state_dict()
    assert {name: value.shape for name, value in network.state_dict().items()} == {
        name: value.shape for name, value in usual.items()
    }


def test_the_second_classifier_trains_the_last_stage_but_one_and_answers_only_while_training():
    torch.manual_seed(0)
    network = PSPNet(width=8, features=8, auxiliary=True).train()
    prediction = network(torch.randn(2, 3, 32, 32))
    assert prediction.auxiliary.shape == (2, 1, 32, 32)
    prediction.auxiliary.sum().backward()
    assert all(weight.grad is not None for weight in network.backbone.layer3.parameters())
    assert all(weight.grad is None for weight in network.backbone.layer4.parameters())
    assert network.eval()(torch.randn(2, 3, 32, 32)).auxiliary is None


def test_initial_weights_are_refused_for_a_width_that_they_do_not_have(tmp_path):
    spec = PSPNetSpec(width=8)
    with pytest.raises(UsageError, match="fit a ResNet of width 64, the network's is 8"):
        spec.load_weights(spec.build(), str(tmp_path / "resnet18.pth"))


def test_a_width_that_is_no_multiple_of_8_is_refused():
    with pytest.raises(UsageError, match=r"width.*a multiple of 8"):
        apply_settings(PSPNetSpec(), {"width": 12})
