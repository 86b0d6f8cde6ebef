from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from acinus.core.geometry import Box
from acinus.core.image import RgbImage
from acinus.core.segmenter import BorderSegmenter, PartSegmenter, ProbabilityMap, Segmenter, maps_of
from acinus.data.augment import normalise
from acinus.data.resample import resize_map, rgb_at_mpp
from acinus.grouping.segmenter import NetworkSegmenter, embed, predict
from acinus.networks import precision
from acinus.networks.border_unet import BorderUNet
from acinus.networks.prediction import PartNetwork, Prediction
from acinus.networks.unet import UNet

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def network() -> UNet:
    torch.manual_seed(0)
    return UNet(widths=(4, 8), context_cells=3).eval()


def in_single(segmenter: NetworkSegmenter) -> NetworkSegmenter:
    return replace(segmenter, in_half=False)


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def as_batch(rgb: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(normalise(rgb)).permute(2, 0, 1)[None]


def shares(network: nn.Module, rgb: np.ndarray, *, device: torch.device, views: int) -> np.ndarray:
    """Return the probability that a network says of an image."""
    return predict(network, rgb, device=device, views=views).probability


class RedRamp(nn.Module):
    """Logits are the red channel, plus what grows from left to right; features the image at half its size."""

    stride = 4

    def forward(self, images: torch.Tensor) -> Prediction:
        assert images.shape[2] % 4 == images.shape[3] % 4 == 0
        ramp = torch.arange(images.shape[3], dtype=torch.float32) / 10
        return Prediction(images[:, :1] + ramp, nn.functional.avg_pool2d(images, 2))


@pytest.mark.parametrize("size", [(16, 12), (13, 7), (1, 1)])
def test_images_of_any_size_get_a_probability_and_an_embedding_for_each_pixel(
    network: UNet, size: tuple[int, int]
):
    probability = shares(network, noise(*size), device=CPU, views=4)
    assert probability.shape == size
    assert probability.dtype == np.float32
    assert probability.min() >= 0
    assert probability.max() <= 1
    assert embed(network, noise(*size), device=CPU).shape == (*size, 4)


def test_probability_is_the_logistic_of_the_logits(network: UNet):
    rgb = noise(16, 12)
    with torch.no_grad():
        expected = 1 / (1 + torch.exp(-network(as_batch(rgb)).logits))[0, 0]
    assert shares(network, rgb, device=CPU, views=1) == pytest.approx(expected.numpy(), abs=1e-5)


def test_the_last_row_and_column_are_repeated_up_to_the_stride():
    rgb = noise(6, 5)
    padded = np.pad(rgb, ((0, 2), (0, 3), (0, 0)), mode="edge")
    expected = shares(RedRamp(), padded, device=CPU, views=1)[:6, :5]
    assert shares(RedRamp(), rgb, device=CPU, views=1) == pytest.approx(expected, abs=1e-6)


def test_four_views_average_the_predictions_of_the_four_mirror_images():
    rgb = noise(8, 12)
    views = [
        shares(RedRamp(), rgb[::down, ::right], device=CPU, views=1)[::down, ::right]
        for down in (1, -1)
        for right in (1, -1)
    ]
    assert not np.allclose(views[0], views[1])
    mean = shares(RedRamp(), rgb, device=CPU, views=4)
    assert mean == pytest.approx(np.mean(views, axis=0), abs=1e-6)


def test_with_four_views_a_mirrored_image_has_the_mirrored_probability(network: UNet):
    rgb = noise(16, 24)
    upright = shares(network, rgb, device=CPU, views=4)
    mirrored = shares(network, rgb[:, ::-1], device=CPU, views=4)
    assert mirrored[:, ::-1] == pytest.approx(upright, abs=1e-6)


def test_coarse_features_are_enlarged_to_the_image():
    rgb = np.full((9, 10, 3), (255, 0, 51), np.uint8)
    features = embed(RedRamp(), rgb, device=CPU)
    assert features.shape == (9, 10, 3)
    assert np.unique(features.reshape(-1, 3), axis=0).ravel().tolist() == pytest.approx([2.0, -2.0, -1.2])


def test_a_segmenter_works_at_its_resolution_and_answers_at_the_image_s(network: UNet):
    image = RgbImage(noise(40, 50), mpp=1.25)
    segmenter = NetworkSegmenter(network, mpp=2.5, device=CPU, views=1)
    assert isinstance(segmenter, Segmenter)
    small = shares(network, rgb_at_mpp(image, 2.5), device=CPU, views=1)
    assert small.shape == (20, 25)
    assert np.array_equal(segmenter.probability(image), resize_map(small, (40, 50)))


class TellsDepth(RedRamp):
    """Logits of the depth are the green channel, less what grows from left to right."""

    def forward(self, images: torch.Tensor) -> Prediction:
        ramp = torch.arange(images.shape[3], dtype=torch.float32) / 10
        return super().forward(images)._replace(depth=images[:, 1:2] - ramp)


def test_the_depth_is_averaged_over_mirror_images_as_the_probability_is():
    rgb = noise(9, 10)
    odd = predict(TellsDepth(), rgb, device=CPU, views=4)
    assert odd.depth is not None
    assert odd.depth.shape == (9, 10)
    whole = noise(8, 8)  # no padding, which mirror images have on the other side
    maps, alone = (predict(TellsDepth(), whole, device=CPU, views=views) for views in (4, 1))
    assert maps.depth is not None
    assert alone.depth is not None
    green, ramp = normalise(whole)[..., 1], np.arange(8) / 10
    assert alone.depth == pytest.approx(1 / (1 + np.exp(ramp - green)), abs=1e-5)
    mirrored = 1 / (1 + np.exp(ramp[::-1] - green))
    assert maps.depth == pytest.approx((alone.depth + mirrored) / 2, abs=1e-5)


def test_a_network_without_depth_says_nothing_of_it(network: UNet):
    assert predict(network, noise(8, 8), device=CPU, views=4).depth is None
    image = RgbImage(noise(16, 16), mpp=2.5)
    assert NetworkSegmenter(network, mpp=2.5, device=CPU).gland_maps(image).depth is None


def test_a_segmenter_brings_the_depth_to_the_image_s_resolution():
    image = RgbImage(noise(40, 48), mpp=1.25)
    segmenter = NetworkSegmenter(TellsDepth(), mpp=2.5, device=CPU, views=1)
    assert isinstance(segmenter, BorderSegmenter)
    small = predict(TellsDepth(), rgb_at_mpp(image, 2.5), device=CPU, views=1)
    assert small.depth is not None
    maps = maps_of(segmenter, image)
    assert maps.depth is not None
    assert np.array_equal(maps.depth, resize_map(small.depth, (40, 48)))
    assert np.array_equal(maps.probability, segmenter.probability(image))


class SaysHalf:
    """A method that knows nothing of borders."""

    mpp = 2.5

    def probability(self, image: RgbImage) -> ProbabilityMap:
        return np.full(image.shape, 0.5, np.float32)


def test_a_method_that_knows_nothing_of_borders_has_maps_without_depth():
    image = RgbImage(noise(4, 5), mpp=2.5)
    maps = maps_of(SaysHalf(), image)
    assert maps.depth is None
    assert maps.probability.shape == (4, 5)
    assert not isinstance(SaysHalf(), BorderSegmenter)


def test_a_network_prepared_for_many_passes_says_the_same_of_borders():
    torch.manual_seed(0)
    network = BorderUNet(widths=(4, 8), context_cells=3, fine=4).eval()
    image = RgbImage(noise(24, 40), mpp=1.25)
    segmenter = NetworkSegmenter(network, mpp=1.25, device=CPU, views=2)
    maps, prepared = segmenter.gland_maps(image), in_single(segmenter.prepared()).gland_maps(image)
    assert maps.depth is not None
    assert prepared.depth is not None
    assert np.abs(maps.depth - prepared.depth).max() < 1e-5
    assert np.abs(maps.probability - prepared.probability).max() < 1e-5


@pytest.mark.parametrize("views", [1, 2, 4])
@pytest.mark.parametrize("answers_parts", [False, True])
def test_maps_of_a_part_are_those_of_the_image_cut(views: int, answers_parts: bool):
    torch.manual_seed(0)
    network = BorderUNet(widths=(4, 8), context_cells=3, fine=4).eval() if answers_parts else TellsDepth()
    assert isinstance(network, PartNetwork) == answers_parts
    segmenter = NetworkSegmenter(network, mpp=2.5, device=CPU, views=views)
    assert isinstance(segmenter, PartSegmenter)
    part = Box(5, 3, 20, 17)
    for image in (RgbImage(noise(33, 42), mpp=2.5), RgbImage(noise(66, 84), mpp=1.25)):  # its own, and finer
        whole, cut = maps_of(segmenter, image), maps_of(segmenter, image, part)
        assert cut.depth is not None
        assert cut.probability == pytest.approx(whole.probability[3:20, 5:25], abs=1e-6)
        assert cut.depth == pytest.approx(whole.depth[3:20, 5:25], abs=1e-6)


def test_of_a_method_that_answers_whole_images_a_part_is_cut():
    class Columns(SaysHalf):
        def probability(self, image: RgbImage) -> ProbabilityMap:
            return np.tile(np.arange(image.shape[1], dtype=np.float32), (image.shape[0], 1))

    maps = maps_of(Columns(), RgbImage(noise(4, 9), mpp=2.5), Box(2, 1, 3, 2))
    assert maps.probability.tolist() == [[2, 3, 4], [2, 3, 4]]
    assert maps.depth is None


def test_two_views_are_the_image_and_itself_turned_by_half():
    rgb = noise(8, 12)
    upright = shares(RedRamp(), rgb, device=CPU, views=1)
    turned = shares(RedRamp(), rgb[::-1, ::-1], device=CPU, views=1)[::-1, ::-1]
    mean = shares(RedRamp(), rgb, device=CPU, views=2)
    assert mean == pytest.approx((upright + turned) / 2, abs=1e-6)
    assert not np.allclose(mean, upright)
    with pytest.raises(ValueError, match="not 3"):
        shares(RedRamp(), rgb, device=CPU, views=3)


def test_a_segmenter_takes_four_views_and_two_where_it_has_to_make_many_passes(network: UNet):
    rgb = noise(16, 24)
    image = RgbImage(rgb, mpp=2.5)
    segmenter = NetworkSegmenter(network, mpp=2.5, device=CPU)
    four, two, one = (shares(network, rgb, device=CPU, views=views) for views in (4, 2, 1))
    assert np.array_equal(segmenter.probability(image), four)
    assert in_single(segmenter.prepared()).probability(image) == pytest.approx(two, abs=1e-5)
    one_view = replace(segmenter, views=1)
    assert in_single(one_view.prepared()).probability(image) == pytest.approx(one, abs=1e-5)
    assert np.abs(four - two).max() > 1e-4


def test_in_half_precision_a_network_says_nearly_the_same(network: UNet, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(precision, "has_bfloat16", lambda _kind="cpu": True)
    image = RgbImage(noise(40, 56), mpp=2.5)
    single = NetworkSegmenter(network, mpp=2.5, device=CPU)
    half = replace(single, in_half=True)
    expected, found = single.probability(image), half.probability(image)
    assert found.dtype == np.float32
    assert 0 < np.abs(found - expected).max() < 0.01  # bfloat16 keeps eight bits
    part = Box(8, 4, 20, 30)
    assert np.abs(half.maps_of_part(image, part).probability - expected[4:34, 8:28]).max() < 0.01
    assert single.prepared().in_half
