from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from acinus.core.errors import MppError
from acinus.core.geometry import Size
from acinus.slides import describe, open_slide, resolved_mpp
from acinus.slides.ome import ome_image_of, ome_images
from acinus.slides.resolution import from_axes, um_per_unit

RGB = np.full((96, 64, 3), 200, np.uint8)
CENTIMETRE = {"resolutionunit": "CENTIMETER"}


def tiff(folder: Path, *, name: str = "a.tif", **options) -> Path:
    tifffile.imwrite(folder / name, RGB, **({"photometric": "rgb"} | options))
    return folder / name


def mpp_of(path: Path) -> tuple[float | None, str]:
    with open_slide(path) as slide:
        return slide.mpp, slide.mpp_source


def refusal(path: Path) -> str:
    with open_slide(path) as slide, pytest.raises(MppError) as caught:
        resolved_mpp(slide)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_of_two_tags_one_of_which_is_a_default_the_other_counts(tmp_path):
    path = tiff(tmp_path, resolution=(20000, 1), **CENTIMETRE)
    assert mpp_of(path) == (0.5, "TIFF resolution tag, X alone (Y is 10000 µm/px)")
    path = tiff(tmp_path, resolution=(72, 50800), resolutionunit="INCH")
    assert mpp_of(path) == (0.5, "TIFF resolution tag, Y alone (X is 352.778 µm/px)")


@pytest.mark.parametrize("suffix", ["png", "bmp"])
def test_of_a_plain_images_two_densities_one_of_which_is_a_screens_the_other_counts(tmp_path, suffix):
    Image.fromarray(RGB).save(tmp_path / f"a.{suffix}", dpi=(50800, 72))
    mpp, source = mpp_of(tmp_path / f"a.{suffix}")
    assert mpp == pytest.approx(0.5, rel=1e-4)
    assert "X alone" in source


def test_axes_that_differ_are_never_averaged_in_silence(tmp_path):
    across_and_down = "gives 0.5 µm/px across and 1 µm/px down"
    tags = tiff(tmp_path, resolution=(20000, 10000), **CENTIMETRE)
    assert refusal(tags) == (f"a.tif {across_and_down} (TIFF resolution tag); pass --mpp with the true value")
    imagej = tiff(tmp_path, photometric=None, imagej=True, resolution=(2, 1), metadata={"unit": "um"})
    assert across_and_down in refusal(imagej)
    axes = {"axes": "YXS", "PhysicalSizeX": 0.5, "PhysicalSizeY": 1.0}
    assert across_and_down in refusal(tiff(tmp_path, name="a.ome.tif", ome=True, metadata=axes))
    Image.fromarray(RGB).save(tmp_path / "a.png", dpi=(50800, 25400))
    assert across_and_down in refusal(tmp_path / "a.png")
    assert describe(tags)["mpp"] is None
    with open_slide(tags, mpp=0.5) as slide:
        assert resolved_mpp(slide) == 0.5


def test_axes_that_differ_by_a_scanners_calibration_are_averaged(tmp_path):
    axes = {"axes": "YXS", "PhysicalSizeX": 0.2525, "PhysicalSizeY": 0.2475}
    mpp, source = mpp_of(tiff(tmp_path, name="a.ome.tif", ome=True, metadata=axes))
    assert (mpp, source) == (pytest.approx(0.25), "OME-XML PhysicalSize")


@pytest.mark.parametrize(
    ("unit", "pixels_per_unit"),
    [
        ("um", 2),
        ("micron", 2),
        ("\\u00B5m", 2),
        ("micrometer", 2),
        ("nm", 0.002),
        ("mm", 2000),
        ("cm", 20000),
    ],
)
def test_imagejs_unit_counts_by_whatever_name(tmp_path, unit, pixels_per_unit):
    scale = {"resolution": (pixels_per_unit, pixels_per_unit), "metadata": {"unit": unit}}
    assert mpp_of(tiff(tmp_path, photometric=None, imagej=True, **scale)) == (
        pytest.approx(0.5),
        "ImageJ's unit",
    )


def test_imagejs_inches_are_a_screens(tmp_path):
    scale = {"resolution": (72, 72), "metadata": {"unit": "inch"}}
    mpp, source = mpp_of(tiff(tmp_path, photometric=None, imagej=True, **scale))
    assert mpp is None
    assert "72 dpi, for a screen or print" in source


@pytest.mark.parametrize(("size", "unit"), [(500, "nm"), (0.0005, "mm"), (0.5, "µm"), (5000, "Å")])
def test_ome_xmls_units_count(tmp_path, size, unit):
    axes = {"axes": "YXS"} | {
        f"PhysicalSize{axis}{what}": value for axis in "XY" for what, value in (("", size), ("Unit", unit))
    }
    assert mpp_of(tiff(tmp_path, name="a.ome.tif", ome=True, metadata=axes))[0] == pytest.approx(0.5)


def test_ome_xml_in_pixels_is_no_resolution_and_that_of_the_tags_counts(tmp_path):
    axes = {"axes": "YXS", "PhysicalSizeX": 1.0, "PhysicalSizeXUnit": "pixel"}
    path = tiff(tmp_path, name="a.ome.tif", ome=True, metadata=axes, resolution=(2e4, 2e4), **CENTIMETRE)
    assert mpp_of(path) == (0.5, "TIFF resolution tag")


def test_a_value_in_the_wrong_unit_is_refused_where_no_microscope_has_it(tmp_path):
    axes = {"axes": "YXS", "PhysicalSizeX": 0.0005, "PhysicalSizeY": 0.0005}  # millimetres, called µm
    path = tiff(tmp_path, name="a.ome.tif", ome=True, metadata=axes)
    assert refusal(path) == (
        "a.ome.tif gives 0.0005 µm/px, expected 0.1 to 4; pass --mpp with the true value"
    )


def test_tags_that_contradict_ome_xml_are_said(tmp_path):
    axes = {"axes": "YXS", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5}
    path = tiff(tmp_path, name="a.ome.tif", ome=True, metadata=axes, resolution=(1e4, 1e4), **CENTIMETRE)
    found = describe(path)
    assert found["mpp"] == 0.5
    assert found["notes"] == [
        "its OME-XML PhysicalSize says 0.5 µm/px, its TIFF resolution tag 1 µm/px; the first is used"
    ]


def aperio(folder: Path, *, description: str, tile: int | None = 64) -> Path:
    """Write an SVS; without tiles it is one that OpenSlide leaves to tifffile."""
    blocks = {"tile": (tile, tile)} if tile else {}
    text = f"Aperio Image Library v12\r\n64x96|{description}"
    tifffile.imwrite(
        folder / "a.svs",
        RGB,
        photometric="rgb",
        description=text,
        metadata=None,
        compression="jpeg",
        **blocks,
    )
    return folder / "a.svs"


@pytest.mark.parametrize(("tile", "backend"), [(64, "openslide"), (None, "tifffile")])
def test_aperios_number_is_read_and_one_that_does_not_fit_the_objective_is_said(tmp_path, tile, backend):
    fits = describe(aperio(tmp_path, description="AppMag = 20|MPP = 0.5000", tile=tile))
    assert (fits["backend"], fits["mpp"], fits["objective_power"]) == (backend, 0.5, 20.0)
    assert fits["notes"] == []
    differs = describe(aperio(tmp_path, description="AppMag = 40|MPP = 0.5000", tile=tile))
    assert differs["notes"] == [
        "its 0.5 µm/px do not fit its 40× objective (about 0.25); pass --mpp if they are wrong"
    ]


@pytest.mark.parametrize(("text", "mpp"), [("0,4990", 0.499), ("none", None), ("0.4.9", None)])
def test_aperios_number_may_have_a_comma_or_be_none(tmp_path, text, mpp):
    assert mpp_of(aperio(tmp_path, description=f"MPP = {text}", tile=None))[0] == mpp


@pytest.mark.real_data
def test_dicoms_spacing_counts_on_both_axes(acinus_data, tmp_path):
    slide = (acinus_data / "slides" / "absurd-mpp.dicom").read_bytes()
    for rows, columns in ((b"0.000500", b"0.000500"), (b"0.000500", b"0.001000")):  # mm
        stored = rb"%b\%b" % (rows, columns)
        (tmp_path / f"{columns.decode()}.dcm").write_bytes(
            slide.replace(b"0.016783\\0.016783", stored.ljust(17))
        )
    assert mpp_of(tmp_path / "0.000500.dcm")[0] == pytest.approx(0.5)
    assert "gives 1 µm/px across and 0.5 µm/px down" in refusal(tmp_path / "0.001000.dcm")


@pytest.mark.parametrize("value", [0.0, -0.5, float("nan"), float("inf"), None])
def test_an_axis_without_a_length_does_not_count(value):
    assert from_axes(0.5, value, "header").mpp == 0.5
    assert from_axes(value, value, "header").source == "not in the file"


def test_the_signs_of_micro_are_one():
    assert {um_per_unit(unit) for unit in ("µm", "μm", "um", "Âµm", "\\u00B5m", "\ufffdm", "micron")} == {1.0}


def test_ome_xmls_images_of_one_size_are_in_doubt_where_neither_page_nor_resolution_tells_them_apart():
    images = "".join(
        f'<Image><Pixels SizeX="8" SizeY="6" PhysicalSizeX="{um}" PhysicalSizeY="{um}"/></Image>'
        for um in (0.5, 1.0)
    )
    found = ome_image_of(ome_images(f"<OME>{images}</OME>"), page=0, size=Size(8, 6))
    assert found.resolution.mpp is None
    assert found.resolution.doubt.startswith("holds several images of 8 × 6 px with different resolutions")
    assert ome_image_of(ome_images(f"<OME>{images}</OME>"), page=0, size=Size(9, 6)) is None
