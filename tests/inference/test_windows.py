from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
import pytest
import torch

from acinus.core.image import RgbImage
from acinus.core.segmenter import ProbabilityMap, Segmenter
from acinus.grouping.segmenter import NetworkSegmenter
from acinus.grouping.settings import GroupingSettings
from acinus.inference.instances import InstanceSettings
from acinus.inference.segmentation import segment_image
from acinus.inference.windows import maps_in_windows
from acinus.networks.border_unet import BorderUNet
from acinus.networks.unet import UNet


@dataclass
class Blurred:
    """Says how red the neighbourhood of a pixel is, and remembers the sizes it was asked about."""

    mpp: float
    radius_px: int = 4
    asked: list[tuple[int, int]] = field(default_factory=list)

    def probability(self, image: RgbImage) -> ProbabilityMap:
        self.asked.append(image.shape)
        side = 2 * self.radius_px + 1
        red = image.rgb[..., 0].astype(np.float32) / 255.0
        return np.asarray(cv2.blur(red, (side, side), borderType=cv2.BORDER_REFLECT_101), np.float32)


@dataclass
class Counting:
    """Numbers its calls."""

    mpp: float
    calls: int = 0

    def probability(self, image: RgbImage) -> ProbabilityMap:
        self.calls += 1
        return np.full(image.shape, self.calls, np.float32)


def noise(shape: tuple[int, int], *, mpp: float) -> RgbImage:
    rgb = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    return RgbImage(rgb, mpp=mpp)


def test_the_stand_ins_are_segmenters():
    assert isinstance(Blurred(mpp=1.0), Segmenter)


@pytest.mark.parametrize("shape", [(1300, 1500), (700, 1281), (90, 60), (1, 2000)])
def test_windows_give_what_the_whole_image_gives(shape: tuple[int, int]):
    image, segmenter = noise(shape, mpp=4.0), Blurred(mpp=4.0)
    whole = segmenter.probability(image)
    assert np.abs(maps_in_windows(image, segmenter).probability - whole).max() < 1e-5


@pytest.mark.parametrize(("mpp", "segmenter_mpp"), [(4.0, 4.0), (4.0, 2.5), (3.0, 2.5)])
def test_no_window_is_larger_than_its_bound_whatever_the_image(mpp: float, segmenter_mpp: float):
    segmenter = Blurred(mpp=segmenter_mpp)
    maps_in_windows(noise((200, 5000), mpp=mpp), segmenter)
    assert len(segmenter.asked) > 3
    cell_um = 64 * segmenter_mpp
    bound_um = 2500 + 2 * 320 + 3 * cell_um  # the window and both margins are rounded to cells
    assert max(width for _, width in segmenter.asked) * mpp <= bound_um


def test_an_image_below_a_window_is_asked_about_once_and_whole():
    segmenter = Blurred(mpp=2.5)
    maps_in_windows(noise((500, 600), mpp=4.0), segmenter)
    assert segmenter.asked == [(500, 600)]


def test_every_pixel_belongs_to_exactly_one_window():
    segmenter = Counting(mpp=2.5)
    result = maps_in_windows(noise((1300, 1500), mpp=4.0), segmenter).probability
    assert np.unique(result).tolist() == list(range(1, segmenter.calls + 1))


@dataclass
class FarSighted(Blurred):
    """Knows how far it looks."""

    @property
    def reach_px(self) -> int:
        return self.radius_px


def test_the_margin_is_as_wide_as_a_method_looks():
    image = noise((60, 1900), mpp=4.0)
    far = FarSighted(mpp=4.0, radius_px=140)  # 560 µm
    assert np.abs(maps_in_windows(image, far).probability - far.probability(image)).max() < 1e-5
    unsaid = Blurred(mpp=4.0, radius_px=140)
    assert np.abs(maps_in_windows(image, unsaid).probability - far.probability(image)).max() > 1e-3


@pytest.mark.parametrize("mpp", [1.25, 3.54])
def test_a_network_says_how_far_it_looks_at_any_size_of_glands(mpp: float):
    settings = GroupingSettings(mpp=mpp)  # what a spec says of its reach is tested in tests/networks
    segmenter = NetworkSegmenter.of(UNet().eval(), settings, device=torch.device("cpu"))
    assert (segmenter.mpp, segmenter.reach_px) == (mpp, 214)


def test_windows_give_the_depth_of_the_whole_image():
    torch.manual_seed(0)
    network = BorderUNet(widths=(4, 8), context_cells=3, fine=4).eval()
    segmenter = NetworkSegmenter(network, mpp=2.5, device=torch.device("cpu"), views=1)
    image = noise((160, 1400), mpp=2.5)
    maps, whole = maps_in_windows(image, segmenter), segmenter.gland_maps(image)
    assert maps.depth is not None
    assert whole.depth is not None
    assert np.abs(maps.depth - whole.depth).max() < 1e-5


def test_windows_of_a_method_without_depth_have_none():
    assert maps_in_windows(noise((20, 30), mpp=4.0), Blurred(mpp=4.0)).depth is None


@pytest.mark.parametrize("mpp", [2.5, 1.25])
def test_windows_of_a_network_give_what_it_gives_for_the_whole_image(mpp: float):
    torch.manual_seed(0)
    network = UNet(widths=(4, 8), context_cells=3).eval()
    segmenter = NetworkSegmenter(network, mpp=2.5, device=torch.device("cpu"), views=1)
    image = noise((160, round(3500 / mpp)), mpp=mpp)
    windows = maps_in_windows(image, segmenter).probability
    assert np.abs(windows - segmenter.probability(image)).max() < 1e-5


def test_an_image_is_segmented_into_numbered_glands():
    rgb = np.zeros((200, 300, 3), np.uint8)
    rgb[20:80, 20:80] = 255
    rgb[100:180, 100:280] = 255
    image = RgbImage(rgb, mpp=2.0, name="crypt")
    result = segment_image(image, Blurred(mpp=2.0, radius_px=0), InstanceSettings())
    assert result.gland_count == 2
    assert np.array_equal(result.labels > 0, rgb[..., 0] > 0)
    assert np.array_equal(result.probability, (rgb[..., 0] > 0).astype(np.float32))
    assert result.image is image


def test_an_image_without_glands_counts_none():
    image = RgbImage(np.zeros((30, 30, 3), np.uint8), mpp=2.0)
    assert segment_image(image, Blurred(mpp=2.0), InstanceSettings()).gland_count == 0
