import numpy as np
import pytest

from acinus.core.errors import InputError, MppError
from acinus.core.image import RgbImage


def test_shape_is_height_then_width():
    assert RgbImage(np.zeros((3, 7, 3), np.uint8), mpp=0.5).shape == (3, 7)


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros((4, 5), np.uint8), r"\(4, 5\) uint8"),
        (np.zeros((4, 5, 4), np.uint8), r"\(4, 5, 4\) uint8"),
        (np.zeros((4, 5, 3), np.float32), r"\(4, 5, 3\) float32"),
        (np.zeros((4, 5, 3), np.uint16), r"\(4, 5, 3\) uint16"),
        (np.zeros((0, 5, 3), np.uint8), r"\(0, 5, 3\) uint8"),
    ],
)
def test_arrays_that_are_empty_or_not_8_bit_rgb_are_refused_by_name(array: np.ndarray, said: str):
    with pytest.raises(
        InputError, match=rf"^crypt: expected an \(H, W, 3\) uint8 array with pixels, got {said}; convert"
    ):
        RgbImage(array, mpp=0.5, name="crypt")


def test_an_image_without_a_possible_resolution_is_refused_by_name():
    with pytest.raises(MppError, match=r"^crypt gives 40 µm/px"):
        RgbImage(np.zeros((4, 5, 3), np.uint8), mpp=40.0, name="crypt")
