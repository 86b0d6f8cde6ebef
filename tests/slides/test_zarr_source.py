"""OME-Zarr as input: pixels, levels and resolution of a folder and of a zip, by both versions."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr

from acinus.core.errors import InputError, MppError
from acinus.core.geometry import Box, Size
from acinus.data.folder import folder
from acinus.slides import describe, open_slide, resolved_mpp
from acinus.slides.identity import file_identity

X, Y = np.meshgrid(np.arange(300), np.arange(200))
RGB = np.stack([X % 256, Y, np.full_like(X, 90)], axis=2).astype(np.uint8)


def write(
    path: Path,
    rgb: np.ndarray = RGB,
    *,
    version: str = "0.5",
    axes: str = "tczyx",
    scale: float = 500.0,
    unit: str | None = "nanometer",
    scale_y: float | None = None,
    node: str = "",
    levels: int = 2,
) -> Path:
    """Write (H, W, C) as an image of `levels` levels, each every second pixel."""
    zarr_format: Any = 3 if version == "0.5" else 2
    root = zarr.open_group(path, mode="a", zarr_format=zarr_format)
    group = root.require_group(node) if node else root
    datasets = []
    for level in range(levels):
        values = np.moveaxis(rgb[:: 2**level, :: 2**level], 2, 0)  # (C, H, W)
        order = [axis for axis in axes if axis in "cyx"]
        values = np.transpose(values, ["cyx".index(axis) for axis in order])
        for place, axis in enumerate(axes):
            if axis in "tz":
                values = np.expand_dims(values, place)
        chunks = tuple(64 if axis in "yx" else 1 for axis in axes)
        group.create_array(str(level), data=values, chunks=chunks)
        steps = {"y": (scale_y or scale) * 2**level, "x": scale * 2**level}
        transform = {"type": "scale", "scale": [steps.get(axis, 1.0) for axis in axes]}
        datasets.append({"path": str(level), "coordinateTransformations": [transform]})
    kinds = {"t": {"type": "time"}, "c": {"type": "channel"}}
    space = {"type": "space"} | ({} if unit is None else {"unit": unit})
    named = [{"name": axis} | kinds.get(axis, space) for axis in axes]
    multiscale = {"axes": named, "datasets": datasets}
    if version == "0.5":
        group.attrs["ome"] = {"version": "0.5", "multiscales": [multiscale]}
    else:
        group.attrs["multiscales"] = [multiscale | {"version": version}]
    return path


def zipped(path: Path, *, inside: str = "") -> Path:
    target = path.with_name(path.name + ".zip")
    with zipfile.ZipFile(target, "w") as archive:
        for file in sorted(path.rglob("*")):
            if file.is_file():
                archive.write(file, f"{inside}{file.relative_to(path).as_posix()}")
    return target


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("axes", ["tczyx", "cyx", "yxc"])
def test_pixels_levels_and_resolution_of_a_folder_and_of_a_zip(tmp_path, version, axes):
    path = write(tmp_path / "a.ome.zarr", version=version, axes=axes)
    for file in (path, zipped(path), zipped(path, inside="a.ome.zarr/")):
        with open_slide(file) as slide:
            assert (slide.size, slide.mpp, slide.backend) == (Size(300, 200), 0.5, "zarr")
            assert slide.format == f"ome-zarr {version}"
            assert [(level.size, level.downsample) for level in slide.levels] == [
                (Size(300, 200), 1.0),
                (Size(150, 100), 2.0),
            ]
            assert np.array_equal(slide.read(Box(70, 30, 100, 80), mpp=0.5), RGB[30:110, 70:170])
            assert np.array_equal(slide.read(Box(20, 40, 100, 80), mpp=1.0), RGB[40:120:2, 20:120:2])


def test_the_scale_of_the_whole_pyramid_counts_too(tmp_path):
    path = write(tmp_path / "a.zarr", scale=1.0, unit="micrometer")
    attributes = json.loads((path / "zarr.json").read_text())
    multiscale = attributes["attributes"]["ome"]["multiscales"][0]
    multiscale["coordinateTransformations"] = [{"type": "scale", "scale": [1, 1, 1, 0.25, 0.25]}]
    (path / "zarr.json").write_text(json.dumps(attributes))
    with open_slide(path) as slide:
        assert resolved_mpp(slide) == 0.25


def test_a_resolution_without_a_unit_or_with_two_values_is_none(tmp_path):
    with (
        open_slide(write(tmp_path / "a.zarr", unit=None)) as slide,
        pytest.raises(MppError, match="no µm/px"),
    ):
        resolved_mpp(slide)
    path = write(tmp_path / "b.zarr", scale=0.5, scale_y=1.0, unit="micrometer")
    with (
        open_slide(path) as slide,
        pytest.raises(MppError, match=r"b\.zarr gives 0\.5 µm/px across and 1 µm/px down"),
    ):
        resolved_mpp(slide)
    with open_slide(path, mpp=0.5) as slide:
        assert resolved_mpp(slide) == 0.5


def test_twelve_bits_in_sixteen_are_read_as_twelve(tmp_path):
    deep = RGB.astype(np.uint16) * 16 + 3
    with open_slide(write(tmp_path / "a.zarr", deep, scale=0.5, unit="micrometer")) as slide:
        assert np.array_equal(slide.read(Box(0, 0, 300, 200), mpp=0.5), RGB)


def test_of_several_images_the_largest_colour_one_is_read_with_its_own_resolution(tmp_path):
    path = write(tmp_path / "a.zarr", RGB[:80, :60], node="0", scale=1000.0)
    write(path, RGB, node="1")
    write(path, np.zeros((400, 400, 1), np.uint8), node="2")
    with open_slide(path) as slide:
        assert (slide.size, slide.mpp) == (Size(300, 200), 0.5)
        assert np.array_equal(slide.read(Box(0, 0, 300, 200), mpp=0.5), RGB)
        assert "1 other picture of it left out: 60 × 80 px" in slide.notes


def test_a_level_of_another_aspect_is_none(tmp_path):
    path = write(tmp_path / "a.zarr", version="0.4", axes="yxc")
    array = zarr.open_group(path, mode="a")
    del array["1"]
    array.create_array("1", data=np.zeros((90, 150, 3), np.uint8))
    with open_slide(path) as slide:
        assert [level.size for level in slide.levels] == [Size(300, 200)]


@pytest.mark.parametrize(
    ("channels", "dtype", "message"),
    [
        (1, np.uint8, "a.zarr is greyscale; expected a colour image"),
        (7, np.uint8, "a.zarr has 7 channels, expected red, green and blue"),
        (3, np.float32, "a.zarr holds values of type float32, expected 8 or 16 bits"),
    ],
)
def test_what_is_no_colour_picture_is_refused(tmp_path, channels, dtype, message):
    path = write(tmp_path / "a.zarr", np.zeros((200, 300, channels), dtype))
    with pytest.raises(InputError, match=message):
        open_slide(path)


def test_zarr_without_an_image_and_damaged_ones_are_refused_in_one_line(tmp_path):
    zarr.open_group(tmp_path / "empty.zarr", mode="w")
    with pytest.raises(InputError, match=r"empty\.zarr is a Zarr without an image"):
        open_slide(tmp_path / "empty.zarr")
    group = zarr.open_group(tmp_path / "plate.zarr", mode="w")
    group.attrs["ome"] = {"version": "0.5", "plate": {}}
    with pytest.raises(InputError, match=r"plate\.zarr is a plate of many images"):
        open_slide(tmp_path / "plate.zarr")
    path = write(tmp_path / "cut.zarr")
    (path / "0" / "zarr.json").unlink()
    with pytest.raises(InputError, match=r"cut\.zarr is a damaged OME-Zarr .* copy it again"):
        open_slide(path)
    path = write(tmp_path / "bad.zarr", scale=0.5, unit="micrometer")
    for chunk in (path / "0" / "c").rglob("*"):
        if chunk.is_file():
            chunk.write_bytes(b"no chunk")
    with open_slide(path) as slide, pytest.raises(InputError, match=r"bad\.zarr cannot be decoded"):
        slide.read(Box(0, 0, 300, 200), mpp=0.5)
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="folder is a folder"):
        open_slide(tmp_path / "folder")


def test_a_folder_of_images_holds_zarr_folders_and_zips_of_them(tmp_path):
    path = write(tmp_path / "a.ome.zarr")
    zipped(path).rename(tmp_path / "b.zarr.zip")
    (tmp_path / "c.zip").write_bytes(b"PK")
    (tmp_path / "plain").mkdir()
    assert [sample.image_path.name for sample in folder(tmp_path)] == ["a.ome.zarr", "b.zarr.zip"]
    assert [sample.image_path.name for sample in folder(path)] == ["a.ome.zarr"]


def test_size_and_identity_are_those_of_all_files_of_the_folder(tmp_path):
    path = write(tmp_path / "a.zarr")
    known = file_identity(path)
    total = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    assert describe(path)["file_size_bytes"] == known["size_bytes"] == total
    chunk = next(file for file in (path / "1" / "c").rglob("*") if file.is_file())
    chunk.write_bytes(chunk.read_bytes() + b" ")
    assert file_identity(path) != known


@pytest.mark.parametrize(
    ("suffix", "remedy"),
    [
        ("isyntax", "isyntax2raw"),
        *((name, "bfconvert of Bio-Formats") for name in ("vsi", "lif", "nd2", "ims")),
    ],
)
def test_formats_that_are_not_read_say_how_to_convert(tmp_path, suffix, remedy):
    path = tmp_path / f"a.{suffix}"
    tifffile.imwrite(path, RGB, photometric="rgb")  # what a VSI holds itself is its overview
    with pytest.raises(InputError, match=rf"^a\.{suffix} is of a format .* {remedy}"):
        open_slide(path)
    assert [sample.image_path for sample in folder(tmp_path)] == [path]


def test_a_czi_says_how_to_convert_it(tmp_path):
    (tmp_path / "a.czi").write_bytes(b"ZISRAWFILE" + bytes(1000))
    with pytest.raises(InputError, match=r"^a\.czi is a CZI, which acinus cannot read; .*bfconvert"):
        open_slide(tmp_path / "a.czi")


def test_a_bare_array_is_no_image(tmp_path):
    zarr.open_array(tmp_path / "a.zarr", mode="w", shape=RGB.shape, dtype="u1")[:] = RGB
    with pytest.raises(InputError, match=r"a\.zarr is a Zarr without an image"):
        open_slide(tmp_path / "a.zarr")


@pytest.mark.parametrize(
    ("labels", "colours", "refused"),
    [
        ("DAPI FITC Cy3", "0000FF 00FF00 FF0000", True),
        ("0 1 2", "0000FF 00FF00 FF0000", True),
        ("Hoechst CD3 CD8", "FFFFFF FFFFFF FFFFFF", True),
        ("Red Green Blue", "FF0000 00ff00 0000FF", False),
        ("0 1 2", "808080 808080 808080", False),
    ],
)
def test_fluorescence_is_known_by_the_names_and_colours_of_its_channels(tmp_path, labels, colours, refused):
    path = write(tmp_path / "a.zarr", scale=0.5, unit="micrometer")
    group = zarr.open_group(path, mode="a")
    ome = dict(group.attrs["ome"])
    pairs = zip(labels.split(), colours.split(), strict=True)
    ome["omero"] = {"channels": [{"label": label, "color": colour} for label, colour in pairs]}
    group.attrs["ome"] = ome
    if refused:
        with pytest.raises(InputError, match=r"a\.zarr holds fluorescence channels; expected an H&E section"):
            open_slide(path)
    else:
        with open_slide(path) as slide:
            assert slide.mpp == 0.5


def test_a_zip_whose_directory_asks_for_another_version_is_refused_in_one_line(tmp_path):
    path = zipped(write(tmp_path / "a.zarr"))
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 6] = 255  # version needed to extract
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"^a\.zarr\.zip is not an image"):
        open_slide(path)
