from __future__ import annotations

import numpy as np
import pytest
import tifffile
from PIL import Image

from acinus.core.errors import InputError, MppError
from acinus.slides import open_slide, read_image
from acinus.slides.images import is_slide

COLOUR = (200, 100, 150)


def save(path, mode: str, colour, size=(40, 50), **options):
    Image.new(mode, size, colour).save(path, **options)
    return path


def test_an_image_carries_its_stem_and_the_resolution_given(tmp_path):
    image = read_image(save(tmp_path / "crypt 1.png", "RGB", COLOUR), mpp=0.5)
    assert (image.name, image.mpp, image.shape) == ("crypt 1", 0.5, (50, 40))
    assert (image.rgb == COLOUR).all()


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_transparency_is_laid_on_white(tmp_path, suffix):
    half = read_image(save(tmp_path / f"half.{suffix}", "RGBA", (200, 100, 150, 51)), mpp=0.5)
    assert half.rgb[0, 0].tolist() == [244, 224, 234]  # 255 − 0.2 · (255 − c)
    clear = read_image(save(tmp_path / f"clear.{suffix}", "RGBA", (0, 0, 0, 0)), mpp=0.5)
    assert (clear.rgb == 255).all()


def test_a_palette_becomes_its_colours(tmp_path):
    palette = Image.new("P", (40, 50), 1)
    palette.putpalette([0, 0, 0, *COLOUR])
    for name in ("a.png", "a.bmp", "a.tif"):
        palette.save(tmp_path / name)
        assert (read_image(tmp_path / name, mpp=0.5).rgb == COLOUR).all()


@pytest.mark.parametrize("suffix", ["jpg", "tif"])
def test_cmyk_becomes_rgb(tmp_path, suffix):
    image = read_image(save(tmp_path / f"a.{suffix}", "CMYK", (0, 255, 0, 0)), mpp=0.5)  # magenta ink alone
    red, green, blue = image.rgb[0, 0]
    assert red > 200
    assert blue > 200
    assert green < 60


def test_sixteen_bit_png_keeps_the_high_byte(tmp_path):
    import cv2

    values = np.zeros((50, 40, 3), np.uint16)
    values[:] = (0x12FF, 0x3400, 0xFFFF)
    cv2.imwrite(str(tmp_path / "a.png"), values[..., ::-1])
    assert read_image(tmp_path / "a.png", mpp=0.5).rgb[0, 0].tolist() == [0x12, 0x34, 0xFF]


@pytest.mark.parametrize(("mode", "value"), [("L", 90), ("1", 1), ("LA", (90, 255)), ("I;16", 900)])
def test_greyscale_is_refused_with_what_was_expected(tmp_path, mode, value):
    path = save(tmp_path / "grey.png", mode, value)
    with pytest.raises(InputError, match=r"^grey\.png is greyscale; expected a colour image of an H&E"):
        read_image(path, mpp=0.5)


@pytest.mark.parametrize("colour", [(255, 255, 255), (0, 0, 0)])
def test_white_and_black_images_are_read_like_any_other(tmp_path, colour):
    assert (read_image(save(tmp_path / "a.png", "RGB", colour), mpp=0.5).rgb == colour).all()


@pytest.mark.parametrize("size", [(1, 1), (31, 500)])
def test_an_image_too_small_for_a_gland_is_refused(tmp_path, size):
    path = save(tmp_path / "tiny.png", "RGB", COLOUR, size=size)
    with pytest.raises(InputError, match=rf"tiny\.png has {size[0]} × {size[1]} px, expected at least 32"):
        read_image(path, mpp=0.5)


def test_a_huge_image_is_left_to_the_command_for_slides(tmp_path, monkeypatch):
    monkeypatch.setattr("acinus.slides.images.LARGEST_IMAGE_PX", 1999)
    with pytest.raises(InputError, match=r"Mpx, too many to hold in memory; acinus segment takes it"):
        read_image(save(tmp_path / "a.png", "RGB", COLOUR), mpp=0.5)


def test_pillows_warning_about_large_images_does_not_reach_the_user(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1500)  # 2000 px: a warning
    assert read_image(save(tmp_path / "a.png", "RGB", COLOUR), mpp=0.5).shape == (50, 40)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 900)  # an error
    with pytest.raises(InputError, match=r"a\.png is too large for a plain image; convert it to a tiled"):
        read_image(tmp_path / "a.png", mpp=0.5)


def test_an_image_without_resolution_asks_for_it(tmp_path):
    with pytest.raises(MppError, match="pass --mpp"):
        read_image(save(tmp_path / "a.png", "RGB", COLOUR))


def test_what_is_a_slide_is_said_by_its_maker_its_levels_or_its_size(tmp_path, monkeypatch):
    plain = save(tmp_path / "plain.png", "RGB", COLOUR)
    pyramid = tmp_path / "pyramid.tif"
    with tifffile.TiffWriter(pyramid) as file:
        for side in (128, 64):
            file.write(np.zeros((side, side, 3), np.uint8), photometric="rgb", tile=(64, 64))
    for path, expected in ((plain, False), (pyramid, True)):
        with open_slide(path) as slide:
            assert is_slide(slide) == expected
    monkeypatch.setattr("acinus.slides.images.LARGEST_IMAGE_PX", 1999)
    with open_slide(plain) as slide:
        assert is_slide(slide)


@pytest.mark.real_data
def test_a_scanner_s_file_of_one_level_is_a_slide(acinus_data):
    with open_slide(acinus_data / "slides" / "CMU-1-Small-Region.svs") as slide:
        assert len(slide.levels) == 1
        assert is_slide(slide)
