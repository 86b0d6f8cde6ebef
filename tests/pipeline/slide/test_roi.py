"""Only what somebody drew is segmented, on slides and on images."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import shapely
import tifffile

from acinus.core.errors import UsageError
from acinus.core.image import RgbImage
from acinus.glands.roi import RegionOfInterest
from acinus.pipeline.segment import segment_files
from acinus.pipeline.segment_slide import segment_slide
from acinus.results.folder import read_results

from .drawn import DISCS, HEIGHT, MPP, WIDTH, discs, purple_model


def draw(folder: Path, name: str, box: tuple[int, int, int, int], kind: str = "Region*") -> Path:
    folder.mkdir(exist_ok=True)
    feature = {
        "type": "Feature",
        "geometry": json.loads(shapely.to_geojson(shapely.box(*box))),
        "properties": {"classification": {"name": kind}},
    }
    (folder / f"{name}.geojson").write_text(json.dumps(feature))
    return folder


def centres(out: Path) -> list[tuple[float, float]]:
    """Return where glands lie, in level-0 pixels, from left to right."""
    glands = read_results(out).images[0].glands
    return sorted(zip(glands["centroid_x_um"] / MPP, glands["centroid_y_um"] / MPP, strict=True))


LEFT = (0, 0, 600, HEIGHT)  # holds the first and the fourth disc


def test_of_a_slide_only_what_is_inside_is_segmented_and_counts_as_tissue(tmp_path, disc_slide):
    roi = draw(tmp_path / "roi", "discs", LEFT)
    segment_files([disc_slide], purple_model(), model_name="m", out=tmp_path / "out", roi=roi)
    found = centres(tmp_path / "out")
    assert np.array(found) == pytest.approx(np.array([DISCS[0][:2], DISCS[3][:2]]), abs=1)
    tissue_um2 = read_results(tmp_path / "out").images[0].record.tissue_area_um2
    assert tissue_um2 == pytest.approx((600 - 100) * 1000 * MPP**2, rel=0.05)


def test_what_is_outside_is_left_out_and_glands_end_at_the_border(tmp_path, disc_slide):
    x, y, radius = DISCS[2]
    half = RegionOfInterest(outside=(shapely.box(0, 0, x, HEIGHT),))
    segment_slide(disc_slide, purple_model(), out=tmp_path / "out", roi=half)
    glands = read_results(tmp_path / "out").images[0].glands
    inside = [disc for disc in DISCS if disc[0] > x]
    assert len(glands["area_um2"]) == len(inside) + 1
    cut = np.argmin(np.hypot(glands["centroid_x_um"] - x * MPP, glands["centroid_y_um"] - y * MPP))
    whole_um2 = np.pi * (radius * MPP) ** 2
    assert 0.35 * whole_um2 < glands["area_um2"][cut] < 0.6 * whole_um2  # the border lies within 8 µm


def test_of_an_image_likewise_to_the_pixel(tmp_path):
    model = purple_model()
    image = RgbImage(discs(), MPP, "discs")
    whole = model.segment(image)
    half = model.segment(image, roi=RegionOfInterest(inside=(shapely.box(*LEFT),)))
    assert whole.gland_count == 6
    assert half.gland_count == 2
    assert not half.labels[:, 600:].any()
    assert not half.probability[:, 600:].any()
    assert not half.tissue[:, 600:].any()
    assert np.array_equal(half.tissue[:, :600], whole.tissue[:, :600])


def test_another_region_of_interest_is_another_result_and_the_same_one_is_skipped(tmp_path):
    tifffile.imwrite(tmp_path / "discs.tif", discs(), resolution=(2e4, 2e4), resolutionunit="CENTIMETER")
    roi, out = tmp_path / "roi", tmp_path / "out"

    def counts() -> tuple[list[str], list[str], int]:
        result = segment_files([tmp_path / "discs.tif"], purple_model(), model_name="m", out=out, roi=roi)
        return result.done, result.skipped, len(centres(out))

    draw(roi, "discs", LEFT)
    assert counts() == (["discs"], [], 2)
    assert counts() == ([], ["discs"], 2)
    draw(roi, "discs", (0, 0, WIDTH, HEIGHT))
    assert counts() == (["discs"], [], 6)


def test_a_region_that_was_damaged_since_costs_its_own_image_alone(tmp_path):
    roi, out, inputs = tmp_path / "roi", tmp_path / "out", tmp_path / "images"
    inputs.mkdir()
    for name in ("a", "b"):
        tifffile.imwrite(inputs / f"{name}.tif", discs(), resolution=(2e4, 2e4), resolutionunit="CENTIMETER")
        draw(roi, name, LEFT)
    segment_files([inputs / "a.tif"], purple_model(), model_name="m", out=out, roi=roi)
    (roi / "a.geojson").write_text("{")
    result = segment_files([inputs], purple_model(), model_name="m", out=out, roi=roi)
    assert result.done == ["b"]
    [failure] = result.failures
    assert "a.geojson" in failure.reason


def test_a_folder_for_other_slides_is_refused(tmp_path, disc_slide):
    roi = draw(tmp_path / "roi", "other", LEFT)
    with pytest.raises(UsageError, match=r"such as discs\.geojson; check --roi"):
        segment_files([disc_slide], purple_model(), model_name="m", out=tmp_path / "out", roi=roi)
