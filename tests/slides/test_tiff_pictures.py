from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from tifffile import TiffWriter

from acinus.core.errors import InputError
from acinus.core.geometry import Box, Size
from acinus.slides import describe, open_slide

HALF_UM = {"resolution": (20000, 20000), "resolutionunit": "CENTIMETER"}
TWO_UM = {"resolution": (5000, 5000), "resolutionunit": "CENTIMETER"}


def halved(rgb: np.ndarray) -> np.ndarray:
    parts = rgb.astype(float).reshape(rgb.shape[0] // 2, 2, rgb.shape[1] // 2, 2, 3)
    return np.rint(parts.mean(axis=(1, 3))).astype(np.uint8)


def pixels(path: Path) -> np.ndarray:
    with open_slide(path, mpp=0.5) as slide:
        return slide.read(Box(0, 0, slide.size.width, slide.size.height), mpp=0.5)


def level_sizes(path: Path) -> list[tuple[int, int]]:
    with open_slide(path) as slide:
        return [(level.size.width, level.size.height) for level in slide.levels]


def test_of_several_series_the_largest_is_read_with_its_own_resolution(tmp_path, rgb, other_rgb):
    path = tmp_path / "a.ome.tif"
    sizes = {"PhysicalSizeX": 1.0, "PhysicalSizeY": 1.0}
    with TiffWriter(path, ome=True) as writer:
        writer.write(
            other_rgb[:, :60], photometric="rgb", metadata={"axes": "YXS", "Name": "label image"} | sizes
        )
        sizes = {"PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5}
        writer.write(rgb, photometric="rgb", metadata={"axes": "YXS", "Name": "scan"} | sizes)
    found = describe(path)
    assert (found["width_px"], found["height_px"], found["mpp"]) == (240, 320, 0.5)
    assert found["notes"] == ["1 other picture of it left out: 60 × 160 px (label image)"]
    assert np.array_equal(pixels(path), rgb)


def test_series_of_one_size_that_differ_in_resolution_are_told_apart_by_their_pages(tmp_path, rgb):
    path = tmp_path / "a.ome.tif"
    with TiffWriter(path, ome=True) as writer:
        for um in (0.5, 1.0):
            axes = {"axes": "YXS", "PhysicalSizeX": um, "PhysicalSizeY": um}
            writer.write(rgb, photometric="rgb", metadata=axes)
    found = describe(path)
    assert (found["mpp"], found["mpp_problem"]) == (0.5, None)
    assert found["notes"] == ["1 other picture of it left out: 240 × 320 px (Image1)"]


def test_a_thumbnail_in_front_is_a_level_and_its_resolution_not_the_images(tmp_path, rgb):
    path = tmp_path / "a.tif"
    with TiffWriter(path) as writer:
        writer.write(halved(rgb), photometric="rgb", metadata=None, **TWO_UM)
        writer.write(rgb, photometric="rgb", metadata=None, **HALF_UM)
    assert level_sizes(path) == [(240, 320), (120, 160)]
    assert describe(path)["mpp"] == 0.5
    assert np.array_equal(pixels(path), rgb)


def test_a_macro_in_front_is_left_out(tmp_path, rgb, other_rgb):
    path = tmp_path / "a.tif"
    with TiffWriter(path) as writer:
        writer.write(other_rgb[:100], photometric="rgb", metadata=None, **TWO_UM)
        writer.write(rgb, photometric="rgb", metadata=None, **HALF_UM)
    assert level_sizes(path) == [(240, 320)]
    found = describe(path)
    assert (found["mpp"], found["notes"]) == (0.5, ["1 other picture of it left out: 120 × 100 px"])


def subifd_pyramid(path: Path, rgb: np.ndarray, second: np.ndarray, *, ome: bool) -> Path:
    with TiffWriter(path, ome=ome) as writer:
        writer.write(rgb, photometric="rgb", subifds=1, tile=(64, 64))
        writer.write(second, photometric="rgb", subfiletype=1, metadata=None, tile=(64, 64))
    return path


@pytest.mark.parametrize("ome", [True, False])
def test_a_reduced_copy_in_a_subifd_is_a_level(tmp_path, rgb, ome):
    path = subifd_pyramid(tmp_path / "a.tif", rgb, halved(rgb), ome=ome)
    assert level_sizes(path) == [(240, 320), (120, 160)]
    with open_slide(path, mpp=0.5) as slide:
        coarse = slide.read(Box(0, 0, 240, 320), mpp=1.0)
    assert np.array_equal(coarse, halved(rgb))


@pytest.mark.parametrize("ome", [True, False])
def test_another_picture_in_a_subifd_is_no_level(tmp_path, rgb, other_rgb, ome):
    path = subifd_pyramid(tmp_path / "a.tif", rgb, other_rgb, ome=ome)
    assert level_sizes(path) == [(240, 320)]
    assert describe(path)["notes"] == [
        "its page of 120 × 160 px is no reduced copy of the picture and is left out"
    ]
    with open_slide(path, mpp=0.5) as slide:
        coarse = slide.read(Box(0, 0, 240, 320), mpp=1.0)
    assert np.abs(coarse.astype(int) - halved(rgb)).max() <= 1


@pytest.mark.parametrize("ome", [True, False])
def test_a_reduced_copy_that_is_padded_is_no_level(tmp_path, rgb, ome):
    in_aspect = np.full((192, 144, 3), 255, np.uint8)  # 4:3 as the picture, so only what it shows tells
    in_aspect[:160, :120] = halved(rgb)
    assert level_sizes(subifd_pyramid(tmp_path / "a.tif", rgb, in_aspect, ome=ome)) == [(240, 320)]
    to_tiles = np.full((192, 128, 3), 255, np.uint8)
    to_tiles[:160, :120] = halved(rgb)
    path = subifd_pyramid(tmp_path / "b.tif", rgb, to_tiles, ome=ome)
    assert level_sizes(path) == [(240, 320)]
    assert any("128 × 192 px" in note and "left out" in note for note in describe(path)["notes"])


def test_pages_of_falling_size_are_levels_as_long_as_they_show_the_same(tmp_path, rgb, other_rgb):
    path = tmp_path / "a.tif"
    with TiffWriter(path) as writer:
        for page in (rgb, halved(rgb), halved(other_rgb)):
            writer.write(page, photometric="rgb", metadata=None, tile=(64, 64))
    assert level_sizes(path) == [(240, 320), (120, 160)]


def test_a_level_made_by_dropping_pixels_is_one(tmp_path, rgb):
    noisy = np.clip(rgb + np.random.default_rng(0).normal(0, 20, rgb.shape), 0, 255).astype(np.uint8)
    assert level_sizes(subifd_pyramid(tmp_path / "a.tif", noisy, noisy[::2, ::2], ome=True))[1] == (120, 160)


def test_of_a_stack_of_pages_the_first_is_read_and_that_is_said(tmp_path, rgb):
    with TiffWriter(tmp_path / "a.tif") as writer:
        for brightness in (1, 2, 4):
            writer.write(rgb // brightness, photometric="rgb", metadata=None)
    assert np.array_equal(pixels(tmp_path / "a.tif"), rgb)
    assert describe(tmp_path / "a.tif")["notes"] == ["page 1 of 3 is read"]


def test_of_a_stack_in_depth_the_middle_is_read_and_that_is_said(tmp_path, rgb):
    stack = np.stack([rgb // 4, rgb, rgb // 2])
    axes = {"axes": "ZYXS", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5}
    tifffile.imwrite(tmp_path / "a.ome.tif", stack, photometric="rgb", ome=True, metadata=axes)
    assert np.array_equal(pixels(tmp_path / "a.ome.tif"), rgb)
    found = describe(tmp_path / "a.ome.tif")
    assert (found["mpp"], found["notes"]) == (0.5, ["depth 2 of 3 is read"])


def test_three_pages_of_one_channel_each_are_red_green_and_blue(tmp_path, rgb):
    planes = np.moveaxis(rgb, 2, 0)
    tifffile.imwrite(
        tmp_path / "a.ome.tif", planes, photometric="minisblack", ome=True, metadata={"axes": "CYX"}
    )
    assert np.array_equal(pixels(tmp_path / "a.ome.tif"), rgb)
    assert describe(tmp_path / "a.ome.tif")["notes"] == ["its three channels are read as red, green and blue"]


@pytest.mark.parametrize(
    "channel",
    [
        {"Name": list("abc"), "EmissionWavelength": [450, 520, 600]},
        {"Name": ["DAPI", "CD3", "CD8"]},
        {"Name": list("abc"), "Color": [65535, 16711935, -16776961]},  # blue, green, red
    ],
)
def test_fluorescence_channels_are_refused(tmp_path, rgb, channel):
    channels = {"axes": "CYX", "Channel": channel}
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, np.moveaxis(rgb, 2, 0), photometric="minisblack", ome=True, metadata=channels)
    with pytest.raises(
        InputError, match=r"^a\.ome\.tif holds fluorescence channels; expected an H&E section"
    ):
        open_slide(path)


def test_channels_that_are_coloured_red_green_and_blue_are_those(tmp_path, rgb):
    colours = {"Name": ["Red", "Green", "Blue"], "Color": [-16776961, 16711935, 65535]}
    tifffile.imwrite(
        tmp_path / "a.ome.tif",
        np.moveaxis(rgb, 2, 0),
        photometric="minisblack",
        ome=True,
        metadata={"axes": "CYX", "Channel": colours},
    )
    assert np.array_equal(pixels(tmp_path / "a.ome.tif"), rgb)


def test_four_pages_of_one_channel_each_are_refused(tmp_path, rgb):
    planes = np.concatenate([np.moveaxis(rgb, 2, 0), rgb[None, ..., 0]])
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, planes, photometric="minisblack", ome=True, metadata={"axes": "CYX"})
    with pytest.raises(
        InputError, match=r"^a\.ome\.tif has 4 channels that nothing calls red, green and blue"
    ):
        open_slide(path)


def test_pixels_that_lie_in_another_file_are_not_looked_for_there(tmp_path, rgb):
    """OME-XML may name other files; whoever copies one of them alone has greyscale pages."""
    planes = np.moveaxis(rgb, 2, 0)
    tifffile.imwrite(tmp_path / "b.tif", planes, photometric="minisblack", metadata=None)
    data = "".join(
        f'<TiffData FirstC="{c}" IFD="{c}" PlaneCount="1"><UUID FileName="b.tif">urn:uuid:b</UUID></TiffData>'
        for c in range(3)
    )
    attributes = 'DimensionOrder="XYCZT" Type="uint8" SizeX="240" SizeY="320" SizeC="3" SizeZ="1" SizeT="1"'
    xml = (
        '<?xml version="1.0"?>'
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:a">'
        f'<Image ID="Image:0"><Pixels ID="Pixels:0" {attributes}>{data}</Pixels></Image></OME>'
    )
    tifffile.imwrite(
        tmp_path / "a.ome.tif", rgb[..., 0], photometric="minisblack", description=xml, metadata=None
    )
    with pytest.raises(InputError, match=r"^a\.ome\.tif keeps pixels in other files; export it as one file"):
        open_slide(tmp_path / "a.ome.tif")


def test_the_largest_picture_decides_even_where_a_greyscale_one_is_larger(tmp_path, rgb):
    with TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(np.zeros((400, 400), np.uint8), photometric="minisblack", metadata=None)
        writer.write(rgb, photometric="rgb", metadata=None)
    with open_slide(tmp_path / "a.tif") as slide:
        assert slide.size == Size(240, 320)
        assert slide.notes == ("1 other picture of it left out: 400 × 400 px",)


def test_a_volume_is_refused(tmp_path, rgb):
    stack = np.stack([rgb[:64, :64]] * 16)
    tifffile.imwrite(tmp_path / "a.tif", stack, photometric="rgb", volumetric=True, tile=(16, 64, 64))
    with pytest.raises(InputError, match=r"^a\.tif is stored as a volume; export one plane of it as RGB$"):
        open_slide(tmp_path / "a.tif")


def test_a_block_too_large_to_decode_is_refused_on_opening(tmp_path, rgb, monkeypatch):
    tifffile.imwrite(tmp_path / "a.tif", rgb, photometric="rgb", rowsperstrip=320)
    monkeypatch.setattr("acinus.slides.tiff_blocks._LARGEST_BLOCK_BYTES", rgb.nbytes - 1)
    with pytest.raises(InputError, match=r"^a\.tif stores 240 × 320 px in one block, too many to hold in"):
        open_slide(tmp_path / "a.tif")


def test_a_page_with_fewer_blocks_than_its_size_takes_is_truncated(tmp_path, rgb):
    tifffile.imwrite(tmp_path / "a.tif", rgb, photometric="rgb", tile=(64, 64), metadata=None)
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+") as file:
        file.pages[0].tags["ImageLength"].overwrite(640)
    with pytest.raises(InputError, match=r"^a\.tif is truncated: pixels are missing; copy it again$"):
        open_slide(tmp_path / "a.tif")
