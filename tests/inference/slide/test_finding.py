"""Glands of a slide from its windows: how many, how large, where, and on how much tissue."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import tifffile

from acinus.core.geometry import Size
from acinus.core.image import RgbImage
from acinus.core.segmenter import ProbabilityMap
from acinus.glands.spool import OutlineSpool
from acinus.inference.instances import InstanceSettings
from acinus.inference.refinement import RefinementSettings
from acinus.inference.slide.compute import compute_windows
from acinus.inference.slide.finding import SlideGlands, find_glands
from acinus.inference.slide.job import WindowJob
from acinus.inference.slide.plan import plan_windows
from acinus.results.ngff import LabelPyramid
from acinus.slides.opening import open_slide

MPP = 2.5
GLASS, EOSIN, PURPLE = (244, 244, 244), (215, 140, 190), (120, 60, 150)
DISCS = [(100, 100, 40), (220, 160, 30)]  # x, y, radius in px


@dataclass(frozen=True)
class SeesPurple:
    """Says 0.9 where a pixel is dark, else 0.1."""

    mpp: float = MPP

    def probability(self, image: RgbImage) -> ProbabilityMap:
        dark = image.rgb[..., 1].astype(int) < 100
        return np.where(dark, 0.9, 0.1).astype(np.float32)


def find(
    folder: Path, rgb: np.ndarray, *, origin_px: tuple[float, float] = (0.0, 0.0)
) -> tuple[SlideGlands, list, dict]:
    pixels_per_cm = 1e4 / MPP
    tifffile.imwrite(
        folder / "slide.tif",
        rgb,
        photometric="rgb",
        tile=(128, 128),
        resolution=(pixels_per_cm, pixels_per_cm),
        resolutionunit="CENTIMETER",
    )
    refinement = RefinementSettings(colour_weight=0.0)
    with open_slide(folder / "slide.tif") as reader:
        job = WindowJob(
            slide=folder / "slide.tif",
            mpp=None,
            load=SeesPurple,
            plan=plan_windows(reader, mpp=MPP, reach_px=8, stride_px=1, refinement=refinement, window_px=128),
            refinement=refinement,
            folder=folder / "windows",
            scratch=folder,
            state="",
        )
        compute_windows(job, segmenter=SeesPurple())
        seconds: dict[str, float] = {}
        size = Size(rgb.shape[1], rgb.shape[0])
        pyramid = LabelPyramid(folder / "labels.zarr", size=size, mpp=MPP, native_mpp=MPP)
        with OutlineSpool(folder / "outlines.wkb") as outlines:
            found = find_glands(
                job,
                job.tissue(reader),
                InstanceSettings(),
                labels=pyramid.base,
                labels_path=pyramid.folder,
                outlines=outlines,
                seconds=seconds,
                origin_px=origin_px,
            )
            return found, list(outlines), seconds


def discs_on(background: tuple[int, int, int]) -> np.ndarray:
    y, x = np.mgrid[:260, :320] + 0.5
    rgb = np.full((260, 320, 3), background, np.uint8)
    for cx, cy, radius in DISCS:
        rgb[np.hypot(x - cx, y - cy) <= radius] = PURPLE
    return rgb


def test_each_disc_is_a_gland_with_its_place_its_area_and_its_outline(tmp_path):
    found, outlines, seconds = find(tmp_path, discs_on(EOSIN))
    glands = found.glands
    order = np.argsort(glands["centroid_x_um"])
    for row, (x, y, radius) in zip(order, DISCS, strict=True):
        area_um2 = np.pi * (radius * MPP) ** 2
        assert glands["area_um2"][row] == pytest.approx(area_um2, rel=0.03)
        assert outlines[row].area == pytest.approx(area_um2, rel=0.03)
        place = (glands["centroid_x_um"][row], glands["centroid_y_um"][row])
        assert place == pytest.approx((x * MPP, y * MPP), abs=MPP)
    assert set(seconds) == {"lumina", "colours", "refine", "label", "measure"}
    assert found.quality == pytest.approx(0.8, abs=0.02)  # |2 · 0.9 − 1| and |2 · 0.1 − 1|


def test_centroids_count_from_the_origin_and_outlines_from_the_slide_s_corner(tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    here, outlines_here, _ = find(tmp_path / "here", discs_on(EOSIN))
    there, outlines_there, _ = find(tmp_path / "there", discs_on(EOSIN), origin_px=(30.0, 20.0))
    assert here.glands["centroid_x_um"] - there.glands["centroid_x_um"] == pytest.approx([75.0, 75.0])
    assert here.glands["centroid_y_um"] - there.glands["centroid_y_um"] == pytest.approx([50.0, 50.0])
    assert all(one.equals(other) for one, other in zip(outlines_here, outlines_there, strict=True))


def test_all_of_a_slide_of_eosin_is_tissue(tmp_path):
    found, _, _ = find(tmp_path, discs_on(EOSIN))
    assert found.tissue_area_um2 == pytest.approx(260 * 320 * MPP**2, rel=0.02)


def test_on_glass_the_glands_themselves_are_the_tissue(tmp_path):
    found, _, _ = find(tmp_path, discs_on(GLASS))
    assert len(found.glands) == 2
    discs_um2 = sum(np.pi * (radius * MPP) ** 2 for *_, radius in DISCS)
    assert discs_um2 * 0.97 <= found.tissue_area_um2 < discs_um2 * 1.5


def test_a_slide_of_glass_has_no_gland_no_tissue_and_no_quality(tmp_path):
    found, outlines, _ = find(tmp_path, np.full((260, 320, 3), GLASS, np.uint8))
    assert (len(found.glands), found.tissue_area_um2, found.quality, outlines) == (0, 0.0, None, [])
