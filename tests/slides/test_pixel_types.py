from __future__ import annotations

from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from acinus.core.errors import InputError
from acinus.core.geometry import Box
from acinus.slides import describe, open_slide, read_image


def pixels(path: Path) -> np.ndarray:
    return read_image(path, mpp=0.5).rgb


def notes(path: Path) -> list[str]:
    return describe(path)["notes"]


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        open_slide(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("bits", [8, 10, 12, 14])
def test_fewer_bits_in_sixteen_are_recognised_by_their_largest_value(tmp_path, rgb, bits):
    values = rgb.astype(np.uint16) << (bits - 8)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb")
    cv2.imwrite(str(tmp_path / "a.png"), values[..., ::-1])
    for name in ("a.tif", "a.png"):
        assert np.array_equal(pixels(tmp_path / name), rgb)
        assert notes(tmp_path / name) == [
            f"its 16-bit values end at {values.max()} and are read as {bits} bits"
        ]


def test_sixteen_full_bits_are_said_nothing_of(tmp_path, rgb):
    tifffile.imwrite(tmp_path / "a.tif", rgb.astype(np.uint16) * 257, photometric="rgb")
    assert np.array_equal(pixels(tmp_path / "a.tif"), rgb)
    assert notes(tmp_path / "a.tif") == []


def test_significant_bits_of_ome_xml_count_for_a_dark_picture_too(tmp_path, rgb):
    dark = rgb // 16  # 0 to 14: without the file's word these would be 8 bits
    axes = {"axes": "YXS", "SignificantBits": 12}
    tifffile.imwrite(
        tmp_path / "a.ome.tif", dark.astype(np.uint16) << 4, photometric="rgb", ome=True, metadata=axes
    )
    assert np.array_equal(pixels(tmp_path / "a.ome.tif"), dark)


@pytest.mark.parametrize("bits", [2, 4, 10, 12])
def test_packed_bits_are_stretched_to_eight(tmp_path, bits):
    values = np.arange(64 * 48 * 3, dtype=np.uint16).reshape(64, 48, 3) % 2**bits
    packed = imagecodecs.packints_encode(values.astype(np.uint8 if bits <= 8 else np.uint16).ravel(), bits)
    write_packed(tmp_path / "a.tif", bytes(packed), bits=bits)
    expected = np.rint(values * (255 / (2**bits - 1))) if bits < 8 else values >> (bits - 8)
    assert np.array_equal(pixels(tmp_path / "a.tif"), expected)


def write_packed(path: Path, data: bytes, *, bits: int) -> None:
    """Write 48 × 64 px of packed RGB; a row of 144 values ends on a whole byte for every even `bits`."""
    tags = [
        (256, 3, 1, 48), (257, 3, 1, 64), (258, 3, 3, 200), (259, 3, 1, 1), (262, 3, 1, 2),
        (273, 4, 1, 256), (277, 3, 1, 3), (278, 3, 1, 64), (279, 4, 1, len(data)),
    ]  # fmt: skip
    directory = b"".join(
        tag.to_bytes(2, "little") + kind.to_bytes(2, "little") + count.to_bytes(4, "little")
        + value.to_bytes(4, "little")
        for tag, kind, count, value in tags
    )  # fmt: skip
    head = b"II*\0" + (8).to_bytes(4, "little") + len(tags).to_bytes(2, "little") + directory + bytes(4)
    path.write_bytes(head.ljust(200, b"\0") + (bits.to_bytes(2, "little") * 3).ljust(56, b"\0") + data)


@pytest.mark.parametrize("white", [1, 255])
@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_floating_point_values_end_at_1_or_at_255(tmp_path, rgb, white, kind):
    tifffile.imwrite(tmp_path / "a.tif", (rgb * (white / 255)).astype(kind), photometric="rgb")
    assert np.abs(pixels(tmp_path / "a.tif").astype(int) - rgb).max() <= (kind is np.float16)
    assert notes(tmp_path / "a.tif") == [f"its floating-point values are read with white at {white}"]


@pytest.mark.parametrize(("value", "shown"), [(np.nan, "from nan"), (-90.0, "from -90"), (4000.0, "to 4000")])
def test_floating_point_values_of_another_range_are_refused(tmp_path, rgb, value, shown):
    values = rgb.astype(np.float32)
    values[5, 5] = value
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb")
    assert refusal(tmp_path / "a.tif").startswith("a.tif holds floating-point values")
    assert shown in refusal(tmp_path / "a.tif")


@pytest.mark.parametrize("kind", [np.uint32, np.int16, np.int8])
def test_other_integers_are_refused_by_their_name(tmp_path, rgb, kind):
    tifffile.imwrite(tmp_path / "a.tif", rgb.astype(kind), photometric="rgb")
    name = np.dtype(kind).name
    assert refusal(tmp_path / "a.tif") == (
        f"a.tif holds values of type {name}, expected 8 or 16 bits; export it as 8-bit RGB"
    )


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_three_samples_that_are_called_greyscale_are_colours(tmp_path, rgb, planar):
    stored = rgb if planar == "contig" else np.moveaxis(rgb, 2, 0)
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="minisblack", planarconfig=planar)
    assert np.array_equal(pixels(tmp_path / "a.tif"), rgb)
    assert notes(tmp_path / "a.tif") == [
        "its three samples are called greyscale, and are read as red, green and blue"
    ]


def test_four_samples_are_colours_where_the_file_says_so(tmp_path, rgb):
    four = np.dstack([rgb, rgb[..., 0]])
    tifffile.imwrite(tmp_path / "rgb.tif", four, photometric="rgb", extrasamples=["unspecified"])
    assert np.array_equal(pixels(tmp_path / "rgb.tif"), rgb)
    assert notes(tmp_path / "rgb.tif") == ["1 channel beside red, green and blue left out"]
    tifffile.imwrite(tmp_path / "grey.tif", four, photometric="minisblack", planarconfig="contig")
    assert refusal(tmp_path / "grey.tif") == (
        "grey.tif has 4 channels that nothing calls red, green and blue; export it as RGB"
    )


def test_cielab_is_refused(tmp_path, rgb):
    tifffile.imwrite(tmp_path / "a.tif", rgb, photometric="cielab")
    assert refusal(tmp_path / "a.tif") == "a.tif holds colours as CIELAB; export it as RGB"


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_transparency_that_hides_everything_is_ignored(tmp_path, rgb, suffix):
    Image.fromarray(np.dstack([rgb, 0 * rgb[..., 0]])).save(tmp_path / f"a.{suffix}")
    assert np.array_equal(pixels(tmp_path / f"a.{suffix}"), rgb)
    assert notes(tmp_path / f"a.{suffix}") == ["its transparency hides the whole picture and is ignored"]


def test_transparency_that_hides_a_part_is_said(tmp_path, rgb):
    alpha = np.full(rgb.shape[:2], 255, np.uint8)
    alpha[: len(rgb) // 4] = 0
    Image.fromarray(np.dstack([rgb, alpha])).save(tmp_path / "a.png")
    share = round(100 * (len(rgb) // 4) / len(rgb))
    assert notes(tmp_path / "a.png") == [f"{share} % of it is transparent and seen as white, as a lumen is"]
    alpha[:] = 255
    alpha[0, 0] = 0
    Image.fromarray(np.dstack([rgb, alpha])).save(tmp_path / "a.png")
    assert notes(tmp_path / "a.png") == []


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
def test_a_picture_is_turned_as_its_tag_says(tmp_path, rgb, suffix, orientation):
    turned = {
        1: rgb,
        2: rgb[:, ::-1],
        3: rgb[::-1, ::-1],
        4: rgb[::-1],
        5: rgb.transpose(1, 0, 2),
        6: np.rot90(rgb, -1),
        7: rgb[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(rgb),
    }[orientation]
    path = tmp_path / f"a.{suffix}"
    if suffix == "tif":
        tifffile.imwrite(
            path, rgb, photometric="rgb", extratags=[(274, 3, 1, orientation, True)], tile=(64, 64)
        )
    else:
        exif = Image.Exif()
        exif[274] = orientation
        Image.fromarray(rgb).save(path, exif=exif, quality=95)
    found = pixels(path)
    assert found.shape == turned.shape
    assert np.abs(found.astype(int) - turned).mean() < 2
    with open_slide(path, mpp=0.5) as slide:
        assert np.array_equal(slide.read(Box(30, 70, 90, 50), mpp=0.5), found[70:120, 30:120])
    assert notes(path) == ([] if orientation == 1 else ["it is turned as its orientation tag says"])


def test_all_levels_of_a_turned_pyramid_are_turned(tmp_path, rgb):
    half = cv2.resize(rgb, (120, 160), interpolation=cv2.INTER_AREA)
    turn = {"extratags": [(274, 3, 1, 6, True)]}
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(rgb, photometric="rgb", subifds=1, metadata=None, **turn)
        writer.write(half, photometric="rgb", metadata=None, subfiletype=1, **turn)
    with open_slide(tmp_path / "a.tif", mpp=0.5) as slide:
        assert [level.size.width for level in slide.levels] == [320, 160]
        assert np.array_equal(slide.read(Box(0, 0, 320, 240), mpp=1.0), np.rot90(half, -1))


def test_palettes_and_printing_colours_are_said(tmp_path, rgb):
    Image.fromarray(rgb).quantize(64).save(tmp_path / "palette.png")
    assert notes(tmp_path / "palette.png") == ["its colours are those of a palette"]
    Image.fromarray(rgb).convert("CMYK").save(tmp_path / "cmyk.jpg")
    assert notes(tmp_path / "cmyk.jpg") == [
        "its printing colours (CMYK) are turned into RGB without a profile"
    ]


@pytest.mark.parametrize(("name", "kind"), [("a.png", "PNG"), ("a.webp", "WEBP"), ("a.jpg", "MPO")])
def test_of_several_pictures_in_a_plain_image_the_first_is_read(tmp_path, rgb, name, kind):
    more = [Image.fromarray(rgb // 2)]
    Image.fromarray(rgb).save(tmp_path / name, format=kind, save_all=True, append_images=more, quality=95)
    assert np.abs(pixels(tmp_path / name).astype(int) - rgb).mean() < 3
    assert notes(tmp_path / name) == ["picture 1 of 2 is read"]


def test_of_a_palettes_pages_the_first_is_read(tmp_path, rgb):
    pages = [Image.fromarray(rgb // k).quantize(64) for k in (1, 2, 3)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    assert np.array_equal(pixels(tmp_path / "a.tif"), np.asarray(pages[0].convert("RGB")))
    assert notes(tmp_path / "a.tif") == ["its colours are those of a palette", "picture 1 of 3 is read"]


def test_twelve_bits_of_jpeg_2000_are_read_and_of_jpeg_refused(tmp_path, rgb):
    values = rgb.astype(np.uint16) << 4
    (tmp_path / "a.jp2").write_bytes(imagecodecs.jpeg2k_encode(values, bitspersample=12, level=0))
    assert np.array_equal(pixels(tmp_path / "a.jp2"), rgb)
    (tmp_path / "a.jpg").write_bytes(imagecodecs.jpeg8_encode(values, bitspersample=12))
    assert refusal(tmp_path / "a.jpg") == "a.jpg is a JPEG of 12 bits, expected 8; export it as PNG or TIFF"
