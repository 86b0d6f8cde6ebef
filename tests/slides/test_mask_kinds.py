"""Masks and label maps as other tools write them: read as they are meant, or refused."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps
from scipy import ndimage

from acinus.core.errors import InputError
from acinus.slides.label_image import read_label_image, read_labels

# Six discs; a label map and a mask of them.
ROWS, COLUMNS = np.mgrid[:160, :240]
LABELS = np.zeros((160, 240), np.uint8)
for number, (row, column, radius) in enumerate(
    [(30, 30, 18), (30, 90, 22), (40, 180, 30), (110, 40, 25), (115, 120, 12), (120, 200, 28)], start=1
):
    LABELS[(ROWS - row) ** 2 + (COLUMNS - column) ** 2 <= radius**2] = number
GLAND = LABELS > 0
MASK = np.where(GLAND, 255, 0).astype(np.uint8)


def told(path) -> str:
    [notice] = read_label_image(path).notices
    return notice


def assert_six_glands(path) -> None:
    labels = read_labels(path)
    assert np.unique(labels).tolist() == list(range(7))
    assert np.array_equal(labels > 0, GLAND)


@pytest.mark.parametrize(
    "resample", [Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.BOX]
)
@pytest.mark.parametrize("scale", [0.5, 0.8, 1.7])
def test_a_mask_that_was_resized_is_cut_at_half_and_keeps_its_glands(tmp_path, resample, scale):
    size = (round(240 * scale), round(160 * scale))
    Image.fromarray(MASK).resize(size, resample).save(tmp_path / "soft.png")
    expected = np.asarray(Image.fromarray(MASK).resize(size, resample)) >= 128
    labels = read_labels(tmp_path / "soft.png")
    assert labels.max() == 6
    assert np.array_equal(labels > 0, expected)


def test_soft_edges_are_told_and_where_they_were_cut(tmp_path):
    Image.fromarray(MASK).resize((190, 130), Image.Resampling.BILINEAR).save(tmp_path / "soft.png")
    assert told(tmp_path / "soft.png") == "soft.png: edges are soft (grey between 0 and 255), cut at half"
    Image.fromarray(MASK).save(tmp_path / "hard.png")
    assert read_label_image(tmp_path / "hard.png").notices == ()


@pytest.mark.parametrize("top", [1.0, 255.0])
def test_a_soft_mask_of_fractions_is_cut_at_half(tmp_path, top):
    soft = ndimage.uniform_filter(GLAND.astype(np.float32), 3) * np.float32(top)
    tifffile.imwrite(tmp_path / "soft.tif", soft)
    labels = read_labels(tmp_path / "soft.tif")
    assert labels.max() == 6
    assert np.array_equal(labels > 0, soft >= top / 2)


@pytest.mark.parametrize("quality", [30, 75, 95])
def test_a_mask_saved_as_jpeg_keeps_its_glands_and_a_label_map_is_refused(tmp_path, quality):
    Image.fromarray(MASK).save(tmp_path / "mask.jpg", quality=quality)
    labels = read_labels(tmp_path / "mask.jpg")
    assert labels.max() == 6
    assert np.count_nonzero((labels > 0) != GLAND) < 0.01 * GLAND.size
    Image.fromarray(LABELS * 9).save(tmp_path / "labels.jpg", quality=quality)
    with pytest.raises(
        InputError, match=r"labels\.jpg is compressed as JPEG is, .* export the label map again"
    ):
        read_labels(tmp_path / "labels.jpg")


def test_a_label_map_that_went_through_jpeg_or_a_resize_is_refused_whatever_its_format_now(tmp_path):
    Image.fromarray(LABELS * 9).save(tmp_path / "labels.jpg")
    Image.open(tmp_path / "labels.jpg").save(tmp_path / "jpeg.png")
    Image.fromarray(LABELS).resize((190, 130), Image.Resampling.BILINEAR).save(tmp_path / "resized.png")
    for name in ("jpeg", "resized"):
        with pytest.raises(InputError, match=rf"{name}\.png has soft edges between more than two values"):
            read_labels(tmp_path / f"{name}.png")


def test_touching_glands_and_thin_ones_are_no_soft_edges(tmp_path):
    labels = np.zeros((60, 90), np.uint16)
    for number in range(1, 30):
        labels[5 : 50 - number, 3 * number : 3 * number + 3] = number  # side by side, 3 px wide
    labels[55:57, ::2] = 40
    Image.fromarray(labels).save(tmp_path / "a.png")
    assert np.array_equal(read_labels(tmp_path / "a.png"), labels)


def palette_image(indices: np.ndarray, colours: list[int]) -> Image.Image:
    image = Image.fromarray(indices.astype(np.uint8))
    image.putpalette(colours)
    return image


def test_of_a_palette_of_greys_what_is_shown_counts(tmp_path):
    palette_image(~GLAND, [255, 255, 255, 0, 0, 0]).save(tmp_path / "swapped.png")
    assert_six_glands(tmp_path / "swapped.png")
    assert told(tmp_path / "swapped.png") == "swapped.png: values are those of its palette's colours"
    palette_image(GLAND, [0, 0, 0, 255, 255, 255]).save(tmp_path / "plain.png")
    assert_six_glands(tmp_path / "plain.png")
    assert read_label_image(tmp_path / "plain.png").notices == ()
    soft = np.asarray(Image.fromarray(MASK).resize((190, 130), Image.Resampling.BILINEAR))
    palette_image(soft, np.repeat(np.arange(256), 3).tolist()).save(tmp_path / "soft.png")
    assert read_labels(tmp_path / "soft.png").max() == 6


def test_in_imagej_s_inverting_palette_255_is_gland_though_it_is_shown_black(tmp_path):
    inverting = np.repeat(np.arange(255, -1, -1), 3).tolist()
    palette_image(MASK, inverting).save(tmp_path / "imagej.png")
    assert_six_glands(tmp_path / "imagej.png")


def test_of_a_palette_of_colours_black_is_the_background(tmp_path):
    colours = [200, 30, 30, 30, 200, 30, 30, 30, 200, 90, 90, 0, 0, 90, 90, 90, 0, 90, 0, 0, 0]
    shifted = np.where(LABELS == 0, 6, LABELS - 1)  # background last
    palette_image(shifted, colours).save(tmp_path / "a.png")
    assert_six_glands(tmp_path / "a.png")
    tifffile_palette = np.zeros((3, 256), np.uint16)
    tifffile_palette[:, :7] = np.array(colours, np.uint16).reshape(7, 3).T * 257
    tifffile.imwrite(
        tmp_path / "a.tif", shifted.astype(np.uint8), photometric="palette", colormap=tifffile_palette
    )
    assert_six_glands(tmp_path / "a.tif")


def test_a_palette_of_which_white_and_black_may_both_be_background_is_refused(tmp_path):
    palette_image(LABELS % 3, [255, 255, 255, 0, 0, 0, 250, 0, 0]).save(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"a\.png has a palette in which 0 is white and 1 is black"):
        read_labels(tmp_path / "a.png")


def test_where_white_is_zero_white_is_gland(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", 255 - MASK, photometric="miniswhite")
    assert_six_glands(tmp_path / "a.tif")
    assert told(tmp_path / "a.tif") == "a.tif: 0 is white in this file; white is read as gland"
    tifffile.imwrite(tmp_path / "bits.tif", ~GLAND, photometric="miniswhite", software="scanner")
    assert_six_glands(tmp_path / "bits.tif")
    tifffile.imwrite(tmp_path / "many.tif", LABELS, photometric="miniswhite")
    with pytest.raises(InputError, match=r"many\.tif says that 0 is white and holds more than two values"):
        read_labels(tmp_path / "many.tif")


def test_software_that_says_white_is_zero_without_meaning_it_is_not_believed(tmp_path):
    tifffile.imwrite(tmp_path / "bits.tif", GLAND)  # tifffile marks every 1-bit file so
    assert_six_glands(tmp_path / "bits.tif")
    tifffile.imwrite(
        tmp_path / "imagej.tif", MASK, photometric="miniswhite", description="ImageJ=1.54f\n", metadata=None
    )
    assert_six_glands(tmp_path / "imagej.tif")


@pytest.mark.parametrize("compression", [None, "group4", "packbits"])
def test_one_bit_files_are_masks(tmp_path, compression):
    options = {} if compression is None else {"compression": compression}
    Image.fromarray(MASK).convert("1").save(tmp_path / "a.tif", **options)
    assert_six_glands(tmp_path / "a.tif")
    Image.fromarray(MASK).convert("1").save(tmp_path / "a.png")
    assert_six_glands(tmp_path / "a.png")


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_grey_that_was_saved_in_three_channels_is_one(tmp_path, planar):
    stacked = np.stack([LABELS] * 3, axis=0 if planar == "separate" else 2)
    tifffile.imwrite(tmp_path / "a.tif", stacked, photometric="rgb", planarconfig=planar)
    assert np.array_equal(read_labels(tmp_path / "a.tif"), LABELS)


def test_transparency_is_the_mask_only_where_there_is_no_other(tmp_path):
    grey, empty = Image.fromarray(LABELS), Image.new("L", (240, 160))
    for channels in ((grey, empty), (grey, Image.new("L", (240, 160), 255))):
        Image.merge("LA", channels).save(tmp_path / "grey.png")
        assert np.array_equal(read_labels(tmp_path / "grey.png"), LABELS)
    Image.merge("RGBA", (empty, empty, empty, Image.fromarray(MASK))).save(tmp_path / "a.png")
    assert_six_glands(tmp_path / "a.png")
    assert told(tmp_path / "a.png") == "a.png: the mask is what is opaque"


def test_several_planes_and_maps_without_background_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "stack.tif", np.stack([LABELS] * 5), photometric="minisblack")
    with pytest.raises(InputError, match=r"stack\.tif holds several planes \(5 × 160 × 240\), expected one"):
        read_labels(tmp_path / "stack.tif")
    Image.fromarray(LABELS + 1).save(tmp_path / "from1.png")
    with pytest.raises(InputError, match=r"from1\.png holds values from 1 to 7 but no 0"):
        read_labels(tmp_path / "from1.png")


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_a_label_map_is_turned_as_its_tag_says_like_the_image_it_belongs_to(tmp_path, name, orientation):
    """What is seen in a viewer counts; `upright` is the picture that Pillow shows."""
    exif = Image.Exif()
    exif[274] = orientation
    if name == "a.png":
        Image.fromarray(LABELS).save(tmp_path / name, exif=exif)
    else:
        tifffile.imwrite(tmp_path / name, LABELS, extratags=[(274, 3, 1, orientation, True)])
    plain = Image.fromarray(LABELS)
    plain.getexif()[274] = orientation
    upright = np.asarray(ImageOps.exif_transpose(plain))
    found = read_label_image(tmp_path / name)
    assert np.array_equal(found.labels, upright)
    assert len(found.notices) == (orientation > 1)
    assert all(notice == f"{name}: it is turned as its orientation tag says" for notice in found.notices)


def test_the_largest_picture_of_a_tiff_is_the_label_map(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(LABELS[::4, ::4].copy())
        writer.write(LABELS)
        writer.write(LABELS[::2, ::2].copy())
    assert_six_glands(tmp_path / "a.tif")
    assert told(tmp_path / "a.tif") == "a.tif: the largest picture of it is read, which is not the first"


def test_a_mask_that_marks_what_lies_around_the_glands_is_doubted(tmp_path):
    Image.fromarray(255 - MASK).save(tmp_path / "a.png")
    said = (
        "a.png: one area takes all four sides, with holes in it; if the holes are the glands, invert the mask"
    )
    assert told(tmp_path / "a.png") == said
    for sound in (
        MASK,
        np.full_like(MASK, 255),
        np.where(LABELS == 2, 0, 255)[:60].astype(np.uint8) * GLAND[:60],
    ):
        Image.fromarray(sound).save(tmp_path / "a.png")
        assert read_label_image(tmp_path / "a.png").notices == ()


def test_a_map_of_classes_is_doubted(tmp_path):
    inner = ndimage.binary_erosion(GLAND, iterations=3)
    Image.fromarray(np.where(inner, 1, 2 * GLAND).astype(np.uint8)).save(tmp_path / "a.png")
    said = "2 values make 12 separate areas and are read as 2 glands; if they are classes, number the glands"
    assert told(tmp_path / "a.png") == f"a.png: {said}"
    crumbs = LABELS.copy()
    crumbs[0, ::3] = np.arange(80) % 6 + 1  # each gland has crumbs elsewhere
    Image.fromarray(crumbs).save(tmp_path / "a.png")
    assert read_label_image(tmp_path / "a.png").notices == ()
