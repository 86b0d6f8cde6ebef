"""Label maps in image files: what comes back, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from PIL import Image

from acinus.core.errors import InputError
from acinus.slides.label_image import read_labels


@pytest.mark.parametrize(
    ("name", "dtype", "largest"),
    [
        ("a.png", np.uint8, 255),
        ("a.png", np.uint16, 65535),
        ("a.bmp", np.uint8, 255),
        ("a.tif", np.int32, 10**6),
    ],
)
def test_label_values_come_back_unchanged(tmp_path, name, dtype, largest):
    labels = np.zeros((40, 50), dtype)
    labels[2:9, 2:9], labels[20:30, 20:30] = 7, largest
    if name.endswith("tif"):
        tifffile.imwrite(tmp_path / name, labels)
    else:
        Image.fromarray(labels).save(tmp_path / name)
    read = read_labels(tmp_path / name)
    assert read.dtype == np.int32
    assert np.array_equal(read, labels)


@pytest.mark.parametrize("mode", ["L", "RGB", "1"])
def test_each_area_of_a_binary_mask_is_one_gland(tmp_path, mode):
    mask = np.zeros((40, 50), np.uint8)
    mask[2:9, 2:9] = 255
    mask[20:30, 20:30] = 255
    mask[30:33, 30:33] = 255  # touches the former by a corner: the same gland
    Image.fromarray(mask).convert(mode).save(tmp_path / "mask.png")
    labels = read_labels(tmp_path / "mask.png")
    assert np.unique(labels).tolist() == [0, 1, 2]
    assert labels[5, 5] != labels[25, 25] == labels[32, 32]


def test_a_map_of_one_gland_stays_one_gland(tmp_path):
    labels = np.zeros((40, 50), np.uint8)
    labels[5:30, 5:30] = 3
    Image.fromarray(labels).save(tmp_path / "one.png")
    assert np.array_equal(read_labels(tmp_path / "one.png"), labels > 0)


def test_palette_labels_are_their_indices(tmp_path):
    labels = np.arange(40 * 50, dtype=np.uint8).reshape(40, 50) % 4
    image = Image.fromarray(labels)
    image.putpalette([0, 0, 0, 9, 200, 30, 80, 80, 255, 250, 1, 1])
    image.save(tmp_path / "a.png")
    assert np.array_equal(read_labels(tmp_path / "a.png"), labels)


def test_an_empty_or_tiny_map_is_read(tmp_path):
    Image.new("L", (40, 50)).save(tmp_path / "empty.png")
    assert not read_labels(tmp_path / "empty.png").any()
    tifffile.imwrite(tmp_path / "one.tif", np.array([[5]], np.uint8))
    assert read_labels(tmp_path / "one.tif").tolist() == [[1]]


def test_pictures_and_numbers_that_are_no_labels_are_refused(tmp_path):
    picture = tmp_path / "picture.png"
    Image.new("RGB", (40, 50), (200, 100, 150)).save(picture)
    with pytest.raises(InputError, match=r"picture\.png is a colour image, expected one channel"):
        read_labels(picture)
    tifffile.imwrite(tmp_path / "half.tif", np.full((9, 9), 0.5, np.float32))
    with pytest.raises(InputError, match=r"half\.tif holds fractions"):
        read_labels(tmp_path / "half.tif")
    tifffile.imwrite(tmp_path / "minus.tif", np.full((9, 9), -1, np.int16))
    with pytest.raises(InputError, match=r"minus\.tif holds values outside 0"):
        read_labels(tmp_path / "minus.tif")
    (tmp_path / "text.png").write_text("no labels at all")
    with pytest.raises(InputError, match=r"text\.png holds text"):
        read_labels(tmp_path / "text.png")


@pytest.mark.parametrize("mode", ["grey 8", "grey 16", "RGB", "1 bit"])
def test_a_png_that_is_too_large_for_pillow_is_read_into_a_temporary_file(tmp_path, monkeypatch, mode):
    labels = np.zeros((40, 50), np.uint16 if mode == "grey 16" else np.uint8)
    labels[2:9, 2:9], labels[20:30, 20:30] = 1, (1 if mode == "1 bit" else 700 if mode == "grey 16" else 9)
    picture = labels.astype(bool) if mode == "1 bit" else labels
    Image.fromarray(np.dstack([picture] * 3) if mode == "RGB" else picture).save(tmp_path / "a.png")
    expected = read_labels(tmp_path / "a.png")
    monkeypatch.setattr("acinus.core.scratch.LARGEST_IN_MEMORY_PX", 1000)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)  # twice as many are an error
    assert np.array_equal(read_labels(tmp_path / "a.png"), expected)
    assert expected.max() == {"1 bit": 2, "grey 16": 700}.get(mode, 9)


def test_a_png_that_is_cut_off_or_says_more_than_it_can_hold_is_refused_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr("acinus.core.scratch.LARGEST_IN_MEMORY_PX", 1000)
    Image.fromarray(np.random.default_rng(0).integers(0, 9, (40, 50), np.uint8)).save(tmp_path / "a.png")
    whole = (tmp_path / "a.png").read_bytes()
    huge = whole[:16] + (100_000).to_bytes(4, "big") * 2 + whole[24:]
    for damaged in (whole[: len(whole) // 2], huge):
        (tmp_path / "a.png").write_bytes(damaged)
        with pytest.raises(InputError, match=r"a\.png is damaged or truncated; copy it again"):
            read_labels(tmp_path / "a.png")


def test_a_palette_that_is_too_large_for_pillow_is_refused_with_what_to_do(tmp_path, monkeypatch):
    Image.new("P", (50, 40)).save(tmp_path / "a.png")
    monkeypatch.setattr("acinus.core.scratch.LARGEST_IN_MEMORY_PX", 1000)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)
    with pytest.raises(InputError, match="too large for a plain image; convert it to a tiled TIFF"):
        read_labels(tmp_path / "a.png")
