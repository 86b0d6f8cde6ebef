"""Any TIFF that tifffile can write, with a known picture and resolution, is read back as that.

``ACINUS_LAYOUTS=10000 pytest tests/slides/test_tiff_layouts.py`` tries as many files; without it, 40.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import tifffile
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from acinus.core.geometry import Box
from acinus.slides import open_slide

FILES = int(os.environ.get("ACINUS_LAYOUTS", "40"))

UNIT = {"um": 1.0, "nm": 1e-3, "mm": 1e3, "cm": 1e4}


@dataclass(frozen=True)
class Layout:
    """How a picture is stored."""

    width: int
    height: int
    kind: str  # uint8, uint16, or fewer bits in uint16, or float
    planes: str  # contig, separate, or pages of one channel each
    alpha: bool
    tile: tuple[int, int] | None
    rows_per_strip: int
    compression: str | None
    big_endian: bool
    big_tiff: bool
    levels: int
    levels_in: str  # subifds or pages
    false_level: bool
    said_by: str  # ome, imagej, tags, or nothing
    unit: str
    mpp: float
    default_on: str  # the axis whose tag is a default
    others: tuple[str, ...]  # pictures before (b) and after (a) it
    orientation: int


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    said_by = draw(st.sampled_from(["ome", "tags", "tags", "imagej", "nothing"]))
    planes = draw(st.sampled_from(["contig", "separate", *(["pages"] if said_by == "ome" else [])]))
    kind = draw(st.sampled_from(["8", "8", "16", "12", "10", "8 in 16", "float 1", "float 255"]))
    if said_by == "imagej":  # writes one stack of contiguous pages
        planes, kind = "contig", "8"
    alpha = draw(st.booleans()) and planes != "pages" and said_by != "imagej" and not kind.startswith("float")
    plain = said_by != "imagej"
    levels = draw(st.integers(1, 3)) if plain and planes != "pages" else 1
    in_pages = said_by != "ome" and draw(st.booleans())
    return Layout(
        width=4 * draw(st.integers(20, 60)),
        height=4 * draw(st.integers(20, 60)),
        kind=kind,
        planes=planes,
        alpha=alpha,
        tile=draw(st.sampled_from([None, (64, 64), (16, 48), (128, 32)])) if plain else None,
        rows_per_strip=draw(st.sampled_from([1, 7, 64, 1000])),
        compression=draw(st.sampled_from([None, "zlib", "lzw", "zstd", "packbits"])) if plain else None,
        big_endian=draw(st.booleans()),
        big_tiff=plain and draw(st.booleans()),
        levels=levels,
        levels_in="pages" if in_pages else "subifds",
        false_level=levels > 1 and draw(st.booleans()),
        said_by=said_by,
        unit=draw(st.sampled_from(list(UNIT)))
        if said_by != "tags"
        else draw(st.sampled_from(["cm", "inch"])),
        mpp=draw(st.sampled_from([0.125, 0.25, 0.5, 1.0, 2.0, 3.2])),
        default_on=draw(st.sampled_from(["", "", "X", "Y"])) if said_by == "tags" else "",
        others=tuple(draw(st.lists(st.sampled_from("ba"), max_size=2))) if plain else (),
        orientation=draw(st.sampled_from([1, 1, *range(1, 9)])) if said_by == "tags" else 1,
    )


def picture(width: int, height: int, *, seed: int) -> np.ndarray:
    """Return smooth colours, (height, width, 3) uint8, from 20 to a white of 255."""
    coarse = np.random.default_rng(seed).integers(20, 236, (max(3, height // 24), max(3, width // 24), 3))
    rgb = cv2.resize(coarse.astype(np.uint8), (width, height), interpolation=cv2.INTER_LINEAR)
    rgb[:6, :6] = 255
    return rgb


def stored(rgb: np.ndarray, layout: Layout) -> np.ndarray:
    """Return the values that are written for a picture."""
    if layout.alpha:
        rgb = np.dstack([rgb, np.full_like(rgb[..., 0], 255)])
    if layout.kind == "8":
        values = rgb
    elif layout.kind == "8 in 16":
        values = rgb.astype(np.uint16)
    elif layout.kind.startswith("float"):
        values = (rgb * (1 / 255 if layout.kind == "float 1" else 1.0)).astype(np.float32)
    else:
        bits = int(layout.kind)
        values = (rgb.astype(np.uint16) << (bits - 8)) | (rgb >> (16 - bits))
    return values if layout.planes == "contig" else np.ascontiguousarray(np.moveaxis(values, 2, 0))


def resolution(layout: Layout) -> dict[str, object]:
    """Return the tags that give the layout's resolution."""
    um = 25400.0 if layout.unit == "inch" else UNIT[layout.unit]
    if layout.said_by not in ("tags", "imagej"):
        return {}
    density = um / layout.mpp
    x, y = (1.0 if layout.default_on == axis else density for axis in "XY")
    named = {"cm": "CENTIMETER", "inch": "INCH"}
    return {"resolution": (x, y)} | (
        {"resolutionunit": named[layout.unit]} if layout.said_by == "tags" else {}
    )


def write(path: Path, layout: Layout, rgb: np.ndarray) -> None:
    if layout.said_by == "imagej":
        unit = {"metadata": {"unit": layout.unit}}
        tifffile.imwrite(path, stored(rgb, layout), imagej=True, **unit, **resolution(layout))
        return
    blocks = {"tile": layout.tile} if layout.tile else {"rowsperstrip": layout.rows_per_strip}
    pages = layout.planes == "pages"
    colours: dict[str, object] = {"photometric": "minisblack" if pages else "rgb"}
    if not pages:
        colours["planarconfig"] = layout.planes
    if layout.alpha:
        colours["extrasamples"] = ["unassalpha"]
    common = {"compression": layout.compression, **blocks, **colours}
    axes = {"contig": "YXS", "separate": "SYX", "pages": "CYX"}[layout.planes]
    ome = layout.said_by == "ome"

    def metadata(mpp: float) -> dict[str, object] | None:
        size = mpp / UNIT[layout.unit] if ome else 0.0
        units = {f"PhysicalSize{axis}": size for axis in "XY"}
        units |= {f"PhysicalSize{axis}Unit": {"um": "µm"}.get(layout.unit, layout.unit) for axis in "XY"}
        return {"axes": axes, **units} if ome else None

    turned = [(274, 3, 1, layout.orientation, True)] if layout.orientation > 1 else []
    smaller = [rgb]
    for _ in range(layout.levels - 1):
        h, w = (side // 2 for side in smaller[-1].shape[:2])
        smaller.append(cv2.resize(smaller[-1], (w, h), interpolation=cv2.INTER_AREA))
    if layout.false_level:
        smaller[-1] = picture(smaller[-1].shape[1], smaller[-1].shape[0], seed=9)
    in_subifds = layout.levels_in == "subifds"
    order = ">" if layout.big_endian else "<"
    other = picture(layout.width // 2 + 10, layout.height // 3, seed=7)
    with tifffile.TiffWriter(path, ome=ome, byteorder=order, bigtiff=layout.big_tiff) as writer:
        for _ in range(layout.others.count("b")):
            writer.write(stored(other, layout), metadata=metadata(4.0), **common)
        writer.write(
            stored(rgb, layout),
            metadata=metadata(layout.mpp),
            subifds=layout.levels - 1 if in_subifds else 0,
            extratags=turned,
            **common,
            **resolution(layout),
        )
        for level in smaller[1:]:
            writer.write(stored(level, layout), metadata=None, subfiletype=1, extratags=turned, **common)
        for _ in range(layout.others.count("a")):
            writer.write(stored(other, layout), metadata=metadata(4.0), **common)


def upright(rgb: np.ndarray, orientation: int) -> np.ndarray:
    return {
        1: rgb, 2: rgb[:, ::-1], 3: rgb[::-1, ::-1], 4: rgb[::-1], 5: rgb.transpose(1, 0, 2),
        6: np.rot90(rgb, -1), 7: rgb[::-1, ::-1].transpose(1, 0, 2), 8: np.rot90(rgb),
    }[orientation]  # fmt: skip


@settings(max_examples=FILES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(layouts(), st.integers(0, 5))
def test_a_tiff_of_any_layout_gives_its_picture_and_its_resolution(layout, seed):
    rgb = picture(layout.width, layout.height, seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.tif"
        write(path, layout, rgb)
        with open_slide(path) as slide:
            found = slide.mpp, slide.mpp_source
            note(f"{layout} {found} {slide.notes} {[level.size for level in slide.levels]}")
            levels = len(slide.levels)
        with open_slide(path, mpp=0.5) as slide:
            whole = slide.read(Box(0, 0, slide.size.width, slide.size.height), mpp=0.5)
            half = slide.read(Box(0, 0, slide.size.width, slide.size.height), mpp=1.0)
    if layout.said_by == "nothing":
        assert found[0] is None
    else:
        assert abs(found[0] / layout.mpp - 1) < 1e-3
    expected = upright(rgb, layout.orientation)
    assert whole.shape == expected.shape
    assert np.array_equal(whole, expected)
    means = expected.astype(float).reshape(half.shape[0], 2, half.shape[1], 2, 3).mean(axis=(1, 3))
    assert np.abs(half - means).max() <= 1
    assert levels == layout.levels - layout.false_level
