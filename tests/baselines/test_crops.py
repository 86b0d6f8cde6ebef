import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from acinus.baselines.crops import Geometry, Place, cut, draw_place
from acinus.core.geometry import Box
from acinus.data.turns import turn

TURNS = [(mirrored, quarters) for mirrored in (False, True) for quarters in range(4)]


@pytest.mark.parametrize("by", TURNS)
def test_a_whole_window_is_only_turned(by: tuple[bool, int]):
    image = torch.randn((3, 8, 8), generator=torch.Generator().manual_seed(1))
    assert torch.equal(Geometry(Box(0, 0, 8, 8), 8, by).apply(image), turn(image, by))


def test_a_window_of_half_the_side_shows_that_quarter_enlarged():
    image = torch.zeros((1, 8, 8))
    image[:, 4:, :4] = 1.0
    assert torch.equal(Geometry(Box(0, 4, 4, 4), 8, (False, 0)).apply(image), torch.ones(1, 8, 8))


@given(seed=st.integers(0, 10_000))
def test_transforming_commutes_with_any_linear_function_of_each_pixel(seed: int):
    generator = torch.Generator().manual_seed(seed)
    image = torch.randn((3, 12, 12), generator=generator)
    matrix = torch.randn((5, 3), generator=generator)
    geometry = Geometry.draw(12, least_share=0.5, rng=np.random.default_rng(seed))
    before = torch.einsum("dc,chw->dhw", matrix, geometry.apply(image))
    after = geometry.apply(torch.einsum("dc,chw->dhw", matrix, image))
    assert torch.allclose(before, after, atol=1e-5)


@given(seed=st.integers(0, 10_000))
def test_drawn_windows_lie_inside_the_crop(seed: int):
    geometry = Geometry.draw(20, least_share=0.5, rng=np.random.default_rng(seed))
    window = geometry.window
    assert window.x >= 0
    assert window.y >= 0
    assert 10 <= window.width == window.height
    assert max(window.right, window.bottom) <= 20


def test_a_crop_is_the_square_at_its_place():
    image = np.arange(48, dtype=np.uint8).reshape(6, 8)
    assert cut(image, Place(0, 1, 3), 4).tolist() == image[1:5, 3:7].tolist()


def test_an_image_smaller_than_the_crop_is_mirrored():
    image = np.array([[1, 2], [3, 4]], dtype=np.uint8)
    assert cut(image, Place(0, 0, 0), 4).tolist() == [[1, 2, 2, 1], [3, 4, 4, 3], [3, 4, 4, 3], [1, 2, 2, 1]]


def test_an_image_and_its_map_are_cut_alike():
    rng = np.random.default_rng(5)
    image = rng.integers(0, 255, (30, 20, 3), dtype=np.uint8)
    place = draw_place([image], 16, rng)
    assert np.array_equal(cut(image, place, 16)[..., 1], cut(image[..., 1], place, 16))
