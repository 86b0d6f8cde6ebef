"""The default network: folded pixels, a fine answer, a depth."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from acinus.core.geometry import Box
from acinus.grouping.segmenter import NetworkSegmenter
from acinus.networks.border_unet import BorderUNet, BorderUNetSpec

SMALL = {"widths": (4, 8), "context_cells": 3, "fine": 4}


def noise(height: int, width: int, *, seed: int = 2) -> torch.Tensor:
    return torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(seed))


def answered(network: BorderUNet, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    prediction = network(images)
    assert prediction.depth is not None
    return prediction.logits, prediction.depth


@pytest.mark.parametrize(("fold", "size"), [(1, (8, 4)), (2, (8, 12)), (2, (64, 4)), (3, (12, 18))])
def test_glands_and_depth_are_told_of_every_pixel_and_features_of_every_folded_one(
    fold: int, size: tuple[int, int]
):
    network = BorderUNet(fold=fold, **SMALL).eval()
    assert network.stride == 2 * fold
    prediction = network(torch.zeros(2, 3, *size))
    assert prediction.logits.shape == prediction.depth.shape == (2, 1, *size)
    assert prediction.features.shape == (2, 4, size[0] // fold, size[1] // fold)


@pytest.mark.parametrize(
    ("spec", "stride", "reach_px"),
    [
        (BorderUNetSpec(**SMALL), 4, 26),  # 2 · (12 of the trunk + 1)
        (BorderUNetSpec(**SMALL, fold=1), 2, 13),
        (BorderUNetSpec(**SMALL, fold=3), 6, 39),
        (BorderUNetSpec(widths=(16, 32, 64, 128), context_cells=13, fold=2), 16, 214),
    ],
)
def test_the_spec_says_stride_and_reach_of_what_it_builds(spec: BorderUNetSpec, stride: int, reach_px: int):
    assert (spec.stride, spec.reach_px) == (stride, reach_px)
    assert spec.build().stride == stride
    assert spec.tells_depth


def test_the_spec_builds_a_network_of_its_sizes():
    built = BorderUNetSpec(widths=(4, 8), context_cells=5, fold=3, fine=6).build()
    by_hand = BorderUNet(widths=(4, 8), context_cells=5, fold=3, fine=6)
    assert {n: v.shape for n, v in built.state_dict().items()} == {
        n: v.shape for n, v in by_hand.state_dict().items()
    }
    assert built.context_cells == 5


def test_what_saved_weights_call_their_layers():
    """Folders of models hold these names: another one could not be read any more."""
    names = {name.split(".")[0] for name in BorderUNetSpec().build().state_dict()}
    assert names == {"encoder", "context", "narrow", "decoder", "unfolded", "last", "classifier"}
    small = {n: tuple(v.shape) for n, v in BorderUNet(**SMALL).named_parameters()}
    assert small["encoder.0.0.0.weight"] == (4, 12, 3, 3)  # three colours of four pixels
    assert small["unfolded.weight"] == (16, 4, 1, 1)  # four channels of four pixels
    assert small["last.0.weight"] == (4, 7, 3, 3)  # those and three colours
    assert small["classifier.weight"] == (2, 4, 1, 1)


@pytest.mark.parametrize("spec", [BorderUNetSpec(**SMALL), BorderUNetSpec(**SMALL, fold=3)])
def test_the_reach_is_the_farthest_pixel_that_has_a_gradient(spec: BorderUNetSpec):
    torch.manual_seed(0)
    network = spec.build().eval()
    side = 40 * network.stride
    image = torch.rand(1, 3, network.stride, side, requires_grad=True)
    gland, depth = answered(network, image)
    farthest = 0
    for column in range(side // 2, side // 2 + network.stride):
        image.grad = None
        (gland[..., column] + depth[..., column]).sum().backward(retain_graph=True)
        assert image.grad is not None
        seen = torch.nonzero(image.grad.abs().sum(dim=(0, 1, 2))).ravel()
        farthest = max(farthest, column - int(seen.min()), int(seen.max()) - column)
    assert farthest == spec.reach_px


def test_what_lies_beyond_the_reach_changes_nothing():
    torch.manual_seed(0)
    spec = BorderUNetSpec(**SMALL)
    network, image = spec.build().eval(), noise(16, 160)
    for column in range(80, 84):  # at each place in a cell of the coarsest level
        other = image.clone()
        other[..., column + spec.reach_px + 1 :] = 5.0
        other[..., : column - spec.reach_px] = -5.0
        with torch.no_grad():
            for first, second in zip(answered(network, image), answered(network, other), strict=True):
                assert torch.equal(first[..., column], second[..., column])


@pytest.mark.parametrize("shift", [(4, 0), (0, 8), (12, 20)])
def test_an_image_moved_by_its_stride_has_its_result_moved(shift: tuple[int, int]):
    torch.manual_seed(0)
    network = BorderUNet(**SMALL).eval()
    down, right = shift
    image = noise(100, 100)
    with torch.no_grad():
        whole, moved = answered(network, image), answered(network, image[..., down:, right:])
    inside = np.s_[..., 28:50, 28:50]
    for there, here in zip(whole, moved, strict=True):
        assert (there[..., down:, right:] - here)[inside].abs().max().item() < 1e-5


def test_fine_pixels_are_told_apart():
    """Two pixels of one block of the trunk have answers of their own."""
    torch.manual_seed(0)
    network, image = BorderUNet(**SMALL).eval(), torch.zeros(1, 3, 16, 16)
    with torch.no_grad():
        answers = network(image.index_fill(3, torch.tensor([6]), 3.0)).logits[0, 0, 8]
    assert answers[6].item() != pytest.approx(answers[7].item(), abs=1e-4)


def test_both_answers_are_learnt():
    torch.manual_seed(0)
    network = BorderUNet(**SMALL)
    gland, depth = answered(network, noise(16, 16))
    depth.sum().backward()
    assert network.classifier.weight.grad is not None
    assert not network.classifier.weight.grad[0].any()
    assert network.classifier.weight.grad[1].any()
    assert network.encoder[0][0][0].weight.grad.abs().sum() > 0
    gland, _ = answered(network, noise(16, 16))
    gland.sum().backward()
    assert network.classifier.weight.grad[0].any()


def test_an_image_of_any_size_is_segmented():
    from acinus.core.image import RgbImage

    torch.manual_seed(0)
    segmenter = NetworkSegmenter(BorderUNet(**SMALL).eval(), mpp=1.25, device=torch.device("cpu"))
    for shape in ((1, 1), (7, 30)):
        maps = segmenter.gland_maps(RgbImage(np.full((*shape, 3), 100, np.uint8), mpp=1.0))
        assert maps.depth is not None
        assert maps.depth.shape == maps.probability.shape == shape


@given(st.data())
@settings(max_examples=30)
def test_of_a_part_the_same_is_said_as_of_the_whole(data: st.DataObject):
    torch.manual_seed(0)
    spec = BorderUNetSpec(widths=(4, 8, 8), context_cells=3, fine=4, fold=data.draw(st.integers(1, 3)))
    network = spec.build().eval()
    height, width = (spec.stride * data.draw(st.integers(1, 8)) for _ in range(2))
    x, y = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    part = Box(x, y, data.draw(st.integers(1, width - x)), data.draw(st.integers(1, height - y)))
    images = noise(height, width)
    with torch.no_grad():
        whole, cut = network(images), network.of_part(images, part)
    assert cut.logits.shape == cut.depth.shape == (1, 1, part.height, part.width)
    for first, second in ((whole.logits, cut.logits), (whole.depth, cut.depth)):
        assert (first[:, :, y : part.bottom, x : part.right] - second).abs().max().item() < 1e-5


def test_less_is_computed_of_a_part():
    """Of 64 × 64 pixels amid 384 × 384, the last block sees those and the rest of the trunk's pixels."""
    network, sizes = BorderUNet().eval(), []
    network.last.register_forward_hook(lambda _module, _inputs, output: sizes.append(output.shape[2:]))
    network.decoder[0].register_forward_hook(lambda _module, _inputs, output: sizes.append(output.shape[2:]))
    with torch.no_grad():
        network.of_part(noise(384, 384), Box(160, 160, 64, 64))
    assert sizes == [(40, 40), (68, 68)]
