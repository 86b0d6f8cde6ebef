from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from acinus.core.image import RgbImage
from acinus.core.segmenter import Segmenter
from acinus.data.augment import normalise
from acinus.data.resample import resize_map, rgb_at_mpp
from acinus.grouping.segmenter import NetworkSegmenter, embed, predict
from acinus.networks.prediction import Prediction
from acinus.networks.unet import UNet

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def network() -> UNet:
    torch.manual_seed(0)
    return UNet(widths=(4, 8), context_cells=3).eval()


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def as_batch(rgb: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(normalise(rgb)).permute(2, 0, 1)[None]


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
    probability = predict(network, noise(*size), device=CPU, mirrors=True)
    assert probability.shape == size
    assert probability.dtype == np.float32
    assert probability.min() >= 0
    assert probability.max() <= 1
    assert embed(network, noise(*size), device=CPU).shape == (*size, 4)


def test_probability_is_the_logistic_of_the_logits(network: UNet):
    rgb = noise(16, 12)
    with torch.no_grad():
        expected = 1 / (1 + torch.exp(-network(as_batch(rgb)).logits))[0, 0]
    assert predict(network, rgb, device=CPU, mirrors=False) == pytest.approx(expected.numpy(), abs=1e-5)


def test_the_last_row_and_column_are_repeated_up_to_the_stride():
    rgb = noise(6, 5)
    padded = np.pad(rgb, ((0, 2), (0, 3), (0, 0)), mode="edge")
    expected = predict(RedRamp(), padded, device=CPU, mirrors=False)[:6, :5]
    assert np.array_equal(predict(RedRamp(), rgb, device=CPU, mirrors=False), expected)


def test_mirrors_average_the_predictions_of_the_four_mirror_images():
    rgb = noise(8, 12)
    views = [
        predict(RedRamp(), rgb[::down, ::right], device=CPU, mirrors=False)[::down, ::right]
        for down in (1, -1)
        for right in (1, -1)
    ]
    assert not np.allclose(views[0], views[1])
    mean = predict(RedRamp(), rgb, device=CPU, mirrors=True)
    assert mean == pytest.approx(np.mean(views, axis=0), abs=1e-6)


def test_with_mirrors_a_mirrored_image_has_the_mirrored_probability(network: UNet):
    rgb = noise(16, 24)
    upright = predict(network, rgb, device=CPU, mirrors=True)
    mirrored = predict(network, rgb[:, ::-1], device=CPU, mirrors=True)
    assert mirrored[:, ::-1] == pytest.approx(upright, abs=1e-6)


def test_coarse_features_are_enlarged_to_the_image():
    rgb = np.full((9, 10, 3), (255, 0, 51), np.uint8)
    features = embed(RedRamp(), rgb, device=CPU)
    assert features.shape == (9, 10, 3)
    assert np.unique(features.reshape(-1, 3), axis=0).ravel().tolist() == pytest.approx([2.0, -2.0, -1.2])


def test_a_segmenter_works_at_its_resolution_and_answers_at_the_image_s(network: UNet):
    image = RgbImage(noise(40, 50), mpp=1.25)
    segmenter = NetworkSegmenter(network, mpp=2.5, device=CPU, mirrors=False)
    assert isinstance(segmenter, Segmenter)
    small = predict(network, rgb_at_mpp(image, 2.5), device=CPU, mirrors=False)
    assert small.shape == (20, 25)
    assert np.array_equal(segmenter.probability(image), resize_map(small, (40, 50)))
