from __future__ import annotations

import pytest
import torch

from acinus.networks.resnet import ResNet

BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}


def batch_norm(name: str, channels: int) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {
        f"{name}.{part}": (channels,) for part in ("weight", "bias", "running_mean", "running_var")
    }
    return shapes | {f"{name}.num_batches_tracked": ()}


def torchvision_layout(depth: int) -> dict[str, tuple[int, ...]]:
    """Keys and shapes of torchvision's resnet<depth> without its classifier, by rule."""
    shapes = {"conv1.weight": (64, 3, 7, 7)} | batch_norm("bn1", 64)
    inputs = 64
    for stage, (width, blocks) in enumerate(zip((64, 128, 256, 512), BLOCKS[depth], strict=True), start=1):
        outputs = width * (4 if depth == 50 else 1)
        for block in range(blocks):
            at = f"layer{stage}.{block}"
            kernels = (
                [(width, inputs, 1), (width, width, 3), (outputs, width, 1)]
                if depth == 50
                else [(width, inputs, 3), (width, width, 3)]
            )
            for number, (out, into, side) in enumerate(kernels, start=1):
                shapes[f"{at}.conv{number}.weight"] = (out, into, side, side)
                shapes |= batch_norm(f"{at}.bn{number}", out)
            if block == 0 and inputs != outputs:
                shapes[f"{at}.downsample.0.weight"] = (outputs, inputs, 1, 1)
                shapes |= batch_norm(f"{at}.downsample.1", outputs)
            inputs = outputs
    return shapes


@pytest.mark.parametrize("depth", [18, 34, 50])
def test_keys_and_shapes_are_those_of_torchvision(depth: int):
    with torch.device("meta"):
        state = ResNet(depth=depth).state_dict()
    assert {key: tuple(value.shape) for key, value in state.items()} == torchvision_layout(depth)


@pytest.mark.parametrize(("depth", "millions"), [(18, 11.176512), (34, 21.284672), (50, 23.508032)])
def test_the_number_of_weights_is_the_published_one_less_the_classifier(depth: int, millions: float):
    with torch.device("meta"):
        assert sum(weight.numel() for weight in ResNet(depth=depth).parameters()) == round(millions * 1e6)


@pytest.mark.parametrize(("depth", "channels"), [(18, 512), (34, 512), (50, 2048)])
@pytest.mark.parametrize("size", [(8, 8), (64, 40), (224, 224)])
def test_features_are_an_eighth_of_the_image(depth: int, channels: int, size: tuple[int, int]):
    with torch.device("meta"):
        network = ResNet(depth=depth).eval()
        features = network(torch.zeros(2, 3, *size))
    assert features.shape == (2, channels, size[0] // 8, size[1] // 8)
    assert (network.channels, network.stride) == (channels, 8)


def test_the_last_two_stages_are_dilated_in_place_of_strides():
    with torch.device("meta"):
        network = ResNet(depth=50)
    found = [
        (stage[0].conv2.stride, stage[-1].conv2.dilation)
        for stage in (network.layer1, network.layer2, network.layer3, network.layer4)
    ]
    assert found == [((1, 1), (1, 1)), ((2, 2), (1, 1)), ((1, 1), (2, 2)), ((1, 1), (4, 4))]


def test_a_block_adds_what_it_computed_to_what_came_in():
    network = ResNet(depth=18).eval()
    block = network.layer1[0]
    torch.nn.init.zeros_(block.conv2.weight)
    x = torch.randn(1, 64, 5, 5, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(block(x), x.relu(), atol=1e-6)


def test_an_unknown_depth_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"depth is one of \[18, 34, 50\], got 101"):
        ResNet(depth=101)
