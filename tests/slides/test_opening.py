from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from acinus.core.errors import InputError, MppError
from acinus.core.geometry import Box, Size
from acinus.slides import open_slide, resolved_mpp
from acinus.slides.images import whole_image
from acinus.slides.label_image import read_labels


def ramp(height: int, width: int) -> np.ndarray:
    """Red grows with x, green with y, blue is constant: a mean of it is the value at the middle."""
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return np.stack([x, y, np.full_like(x, 90)], axis=2).round().astype(np.uint8)


def write_plain(path: Path, *, dpi: float | None = None) -> np.ndarray:
    rgb = ramp(60, 80)
    Image.fromarray(rgb).save(path, **({"dpi": (dpi, dpi)} if dpi else {}))
    return rgb


def write_pyramid(path: Path, *, ome: bool = False, tile: int | None = 64) -> np.ndarray:
    rgb = ramp(257, 300)
    tiles = {"tile": (tile, tile)} if tile else {"rowsperstrip": 16}
    coarse = np.asarray(Image.fromarray(rgb).resize((150, 128), Image.Resampling.BOX))
    with tifffile.TiffWriter(path, ome=ome) as writer:
        metadata = {"axes": "YXS", "PhysicalSizeX": 250.0, "PhysicalSizeXUnit": "nm"} if ome else None
        writer.write(rgb, photometric="rgb", subifds=1 if ome else 0, metadata=metadata, **tiles)
        writer.write(coarse, photometric="rgb", subfiletype=1, metadata=None, **tiles)
    return rgb


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif"])
def test_a_lossless_image_is_read_bit_by_bit_at_its_own_resolution(tmp_path, suffix):
    rgb = write_plain(tmp_path / f"a.{suffix}")
    with open_slide(tmp_path / f"a.{suffix}", mpp=0.5) as slide:
        assert slide.size == Size(80, 60)
        assert np.array_equal(slide.read(Box(0, 0, 80, 60), mpp=0.5), rgb)
        assert np.array_equal(slide.read(Box(10, 20, 30, 25), mpp=0.5), rgb[20:45, 10:40])


def test_half_the_resolution_is_the_mean_of_two_by_two(tmp_path):
    rgb = write_plain(tmp_path / "a.png").astype(float)
    half = (rgb[::2, ::2] + rgb[1::2, ::2] + rgb[::2, 1::2] + rgb[1::2, 1::2]) / 4
    with open_slide(tmp_path / "a.png", mpp=0.5) as slide:
        assert np.abs(slide.read(Box(0, 0, 80, 60), mpp=1.0) - half).max() <= 0.5


def test_what_lies_outside_the_slide_is_white(tmp_path):
    rgb = write_plain(tmp_path / "a.png")
    with open_slide(tmp_path / "a.png", mpp=0.5) as slide:
        read = slide.read(Box(-5, -5, 20, 20), mpp=0.5)
        assert (read[:5] == 255).all()
        assert (read[:, :5] == 255).all()
        assert np.array_equal(read[5:, 5:], rgb[:15, :15])
        assert (slide.read(Box(500, 500, 8, 8), mpp=1.0) == 255).all()
        assert slide.read(Box(0, 0, 0, 8), mpp=1.0).shape == (0, 0, 3)


def test_tiles_of_a_working_grid_join_without_a_seam(tmp_path):
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (90, 120, 3), dtype=np.uint8)).save(tmp_path / "noise.png")
    with open_slide(tmp_path / "noise.png", mpp=0.499) as slide:
        whole = slide.read_working(Box(0, 0, 40, 30), mpp=1.5)
        tile = slide.read_working(Box(13, 7, 20, 20), mpp=1.5)
    assert np.abs(tile.astype(int) - whole[7:27, 13:33]).max() <= 1


@pytest.mark.parametrize(("ome", "tile"), [(False, 64), (False, None), (True, 64)])
def test_both_levels_of_a_pyramid_show_the_same_place(tmp_path, ome, tile):
    path = tmp_path / ("a.ome.tif" if ome else "a.tif")
    rgb = write_pyramid(path, ome=ome, tile=tile)
    with open_slide(path, mpp=0.5) as slide:
        assert [level.size for level in slide.levels] == [Size(300, 257), Size(150, 128)]
        assert np.array_equal(slide.read(Box(100, 37, 150, 220), mpp=0.5), rgb[37:257, 100:250])
        coarse = slide.read(Box(100, 36, 120, 120), mpp=1.0).astype(float)
    expected = rgb[36:156, 100:220].reshape(60, 2, 60, 2, 3).mean(axis=(1, 3))
    assert np.abs(coarse - expected).max() <= 2


def test_a_small_cache_block_size_does_not_change_what_is_read(tmp_path, monkeypatch):
    write_pyramid(tmp_path / "a.tif")
    with open_slide(tmp_path / "a.tif", mpp=0.5) as slide:
        whole = slide.read(Box(0, 0, 300, 257), mpp=1.7)
        monkeypatch.setattr("acinus.slides.pyramid._BLOCK_PX", 900)
        assert np.abs(slide.read(Box(0, 0, 300, 257), mpp=1.7).astype(int) - whole).max() <= 1


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_sixteen_bits_keep_their_high_byte_in_either_plane_order(tmp_path, planar):
    rgb = ramp(40, 50)
    values = rgb.astype(np.uint16) * 257
    stored = values if planar == "contig" else np.moveaxis(values, 2, 0)
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", planarconfig=planar, compression="zlib")
    with open_slide(tmp_path / "a.tif", mpp=0.5) as slide:
        assert np.array_equal(slide.read(Box(0, 0, 50, 40), mpp=0.5), rgb)


def test_a_jpeg_compressed_tiff_comes_out_in_rgb(tmp_path):
    rgb = ramp(128, 128)
    tifffile.imwrite(tmp_path / "a.tif", rgb, photometric="rgb", compression="jpeg", tile=(64, 64))
    with open_slide(tmp_path / "a.tif", mpp=0.5) as slide:
        assert np.abs(slide.read(Box(0, 0, 128, 128), mpp=0.5).astype(int) - rgb).mean() < 3


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "tif"])
def test_a_microscopes_density_is_read_from_a_plain_image(tmp_path, suffix):
    write_plain(tmp_path / f"a.{suffix}", dpi=50800)
    with open_slide(tmp_path / f"a.{suffix}") as slide:
        assert slide.mpp == pytest.approx(0.5, rel=0.01)


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "tif"])
@pytest.mark.parametrize("dpi", [72, 96, 150, 300, 6000])
def test_a_screens_density_is_no_resolution(tmp_path, suffix, dpi):
    write_plain(tmp_path / f"a.{suffix}", dpi=dpi)
    with open_slide(tmp_path / f"a.{suffix}") as slide:
        assert slide.mpp is None
        with pytest.raises(MppError, match=rf"a\.{suffix} has no µm/px; pass --mpp"):
            resolved_mpp(slide)


def test_ome_xml_gives_the_resolution_in_its_own_unit(tmp_path):
    write_pyramid(tmp_path / "a.ome.tif", ome=True)
    with open_slide(tmp_path / "a.ome.tif") as slide:
        assert (slide.mpp, slide.mpp_source) == (0.25, "OME-XML PhysicalSize, X alone")


def test_imagej_gives_the_resolution_in_microns(tmp_path):
    tifffile.imwrite(
        tmp_path / "a.tif", ramp(40, 50), imagej=True, resolution=(4, 4), metadata={"unit": "um"}
    )
    with open_slide(tmp_path / "a.tif") as slide:
        assert slide.mpp == pytest.approx(0.25)


def test_mpp_given_by_the_user_overrides_the_file_and_is_checked(tmp_path):
    write_plain(tmp_path / "a.png", dpi=50800)
    with open_slide(tmp_path / "a.png", mpp=0.25) as slide:
        assert (slide.mpp, slide.mpp_source) == (0.25, "--mpp")
    with pytest.raises(MppError, match=r"mpp= gives 16.8 µm/px"):
        open_slide(tmp_path / "a.png", mpp=16.8)


def test_a_pickled_reader_opens_the_file_again_with_the_same_settings(tmp_path):
    write_pyramid(tmp_path / "a.tif")
    with open_slide(tmp_path / "a.tif", mpp=0.3) as slide:
        copy = pickle.loads(pickle.dumps(slide))
        assert copy.mpp == 0.3
        box = Box(10, 10, 90, 90)
        assert np.array_equal(copy.read(box, mpp=0.7), slide.read(box, mpp=0.7))
        copy.close()


def test_a_closed_reader_opens_again_when_it_is_read(tmp_path):
    rgb = write_plain(tmp_path / "a.png")
    slide = open_slide(tmp_path / "a.png", mpp=0.5)
    slide.close()
    assert np.array_equal(slide.read(Box(0, 0, 80, 60), mpp=0.5), rgb)


def test_a_forked_process_does_not_use_its_parents_handle(tmp_path, monkeypatch):
    write_pyramid(tmp_path / "a.tif")
    with open_slide(tmp_path / "a.tif", mpp=0.5) as slide:
        source = slide._live()
        monkeypatch.setattr(os, "getpid", lambda: -1)  # what a fork changes
        assert slide._live() is not source
        source.close()


def refused(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        open_slide(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_paths_that_are_no_file_are_refused_in_one_line(tmp_path):
    (tmp_path / "empty.png").touch()
    assert refused(tmp_path / "no.png").endswith("no.png does not exist; check the path")
    assert "is a folder; expected one slide or image file" in refused(tmp_path)
    assert refused(tmp_path / "empty.png") == "empty.png is empty (0 bytes); copy it again"


def test_a_text_file_named_png_is_called_text(tmp_path):
    (tmp_path / "notes.png").write_text("these are notes, in µm\n" * 50)
    assert refused(tmp_path / "notes.png").startswith("notes.png holds text, not an image")


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "tif"])
def test_a_truncated_image_is_called_damaged(tmp_path, suffix):
    write_plain(tmp_path / f"whole.{suffix}")
    data = (tmp_path / f"whole.{suffix}").read_bytes()
    (tmp_path / f"cut.{suffix}").write_bytes(data[: len(data) // 2])
    assert "truncated" in refused(tmp_path / f"cut.{suffix}")


def test_random_bytes_are_no_image_under_any_name(tmp_path):
    noise = np.random.default_rng(0).bytes(4000)
    for name in ("a.png", "a.svs", "a.dcm"):
        (tmp_path / name).write_bytes(noise)
        assert name in refused(tmp_path / name)


def test_a_damaged_tiff_is_read_or_refused_in_one_line_whatever_its_bytes(tmp_path):
    """Headers that hold any numbers: of 0, of the wrong type, too large; and files that end in them."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (96, 96, 3), np.uint8)
    scale = {"resolution": (2e4, 2e4), "resolutionunit": "CENTIMETER"}
    tifffile.imwrite(
        tmp_path / "tile.tif", noise, photometric="rgb", tile=(32, 32), compression="zlib", **scale
    )
    tifffile.imwrite(tmp_path / "labels.tif", noise[..., 0].astype(np.uint16), compression="zlib")
    for name, read in (("tile.tif", _whole), ("labels.tif", read_labels)):
        whole = (tmp_path / name).read_bytes()
        refusals = []
        for trial in range(300):
            damaged = bytearray(whole[: rng.integers(4, len(whole))] if trial % 5 == 0 else whole)
            for place in rng.integers(4, 500, 2):
                damaged[place : place + 1] = bytes([rng.integers(256)])
            (tmp_path / "a.tif").write_bytes(damaged)
            try:
                read(tmp_path / "a.tif")
            except InputError as error:
                refusals.append(str(error))
        assert len(refusals) > 100
        assert all(line.startswith("a.tif") and "\n" not in line for line in refusals)


def _whole(path: Path) -> None:
    with open_slide(path, mpp=0.5) as slide:
        whole_image(slide)


def test_a_file_without_read_permission_is_called_that(tmp_path, monkeypatch):
    write_plain(tmp_path / "a.png")

    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert "cannot be read" in refused(tmp_path / "a.png")


def test_greyscale_tiffs_are_refused_as_greyscale(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((64, 64), np.uint16))
    assert "a.tif is greyscale; expected a colour image" in refused(tmp_path / "a.tif")


def test_a_pointer_of_git_lfs_is_called_that(tmp_path):
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943\nsize 12345\n"
    (tmp_path / "a.svs").write_text(pointer)
    assert refused(tmp_path / "a.svs").endswith(
        "a.svs is a pointer of Git LFS, not the file itself; run git lfs pull"
    )
