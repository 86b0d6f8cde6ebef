from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import shapely
import tifffile

from acinus.core.geometry import Size
from acinus.core.image import RgbImage
from acinus.glands.roi import read_roi
from acinus.mining.regions.folder import SlideRegions, write_regions
from acinus.mining.regions.settings import RegionSettings
from acinus.mining.regions.survey import SlideToSurvey, survey_slide

SETTINGS = RegionSettings(count=3, side_mm=0.128)  # 256 px
STROKE = (600, 0, 760, 1024)  # level-0 px


@pytest.fixture(scope="module")
def marked(tmp_path_factory) -> Path:
    """A slide of 0.5 µm/px full of tissue, with a stroke of a blue pen from top to bottom."""
    noise = np.random.default_rng(0).integers(-20, 20, (1024, 1536, 3))
    rgb = (np.array((220, 150, 190)) + noise).astype(np.uint8)
    left, top, right, bottom = STROKE
    rgb[top:bottom, left:right] = (40, 90, 200)
    path = tmp_path_factory.mktemp("slides") / "marked.tif"
    tifffile.imwrite(path, rgb, tile=(256, 256), resolution=(2e4, 2e4), resolutionunit="CENTIMETER")
    return path


def test_nothing_is_learnt_from_artefacts_and_a_cache_keeps_them(marked, tmp_path):
    slide = SlideToSurvey("marked", marked)
    survey = survey_slide(slide, SETTINGS, count=50, cache=tmp_path)
    assert {each.kind for each in survey.artefacts} == {"pen"}
    ink = shapely.union_all([each.outline for each in survey.artefacts])
    assert ink.intersection(shapely.box(*STROKE)).area > 0.9 * shapely.box(*STROKE).area
    assert survey.candidates
    for each in survey.candidates:
        assert shapely.box(each.box.x, each.box.y, each.box.right, each.box.bottom).intersection(ink).area < (
            0.15 * each.box.width * each.box.height
        )
    assert survey_slide(slide, SETTINGS, count=50, cache=tmp_path) == survey


def test_nothing_is_learnt_from_what_is_out_of_focus(tmp_path):
    rng = np.random.default_rng(0)
    rgb = np.full((640, 1280, 3), (226, 170, 205), np.uint8)  # stroma with nuclei of 8 µm at 2 µm/px
    for x, y in zip(rng.integers(0, 1280, 12_000), rng.integers(0, 640, 12_000), strict=True):
        cv2.circle(rgb, (int(x), int(y)), 2, (110, 70, 150), cv2.FILLED, cv2.LINE_AA)
    rgb[:, :256] = cv2.GaussianBlur(rgb[:, :256], (0, 0), 1.5)  # 3 µm
    path = tmp_path / "blurred.tif"
    tifffile.imwrite(path, rgb, tile=(256, 256), resolution=(5000, 5000), resolutionunit="CENTIMETER")
    survey = survey_slide(SlideToSurvey("blurred", path), SETTINGS, count=500)
    assert {each.kind for each in survey.artefacts} == {"blur"}
    blurred = shapely.union_all([each.outline for each in survey.artefacts])
    assert blurred.intersection(shapely.box(0, 0, 256, 640)).area > 0.9 * 256 * 640
    assert blurred.area < 1.1 * 256 * 640
    assert len(survey.candidates) == 10 * 16  # squares of 64 px
    assert min(each.box.x for each in survey.candidates) == 256


def test_what_was_left_out_is_written_so_that_segmenting_leaves_it_out_too(marked, tmp_path):
    slide = SlideToSurvey("marked", marked)
    survey = survey_slide(slide, SETTINGS, count=2)
    images = [RgbImage(np.zeros((9, 9, 3), np.uint8), 1.25) for _ in survey.candidates]
    shown = SlideRegions(slide, survey.candidates, (100, 50), survey.artefacts)
    only_ink = SlideRegions(SlideToSurvey("other", marked), (), (0, 0), survey.artefacts)
    write_regions(tmp_path, [shown, only_ink], images)
    assert {path.name for path in tmp_path.iterdir()} == {"artefacts", "contact_sheet.jpg", "marked.geojson"}
    written = tmp_path / "artefacts" / "marked.geojson"
    features = json.loads(written.read_text())["features"]
    assert {each["properties"]["classification"]["name"] for each in features} == {"Pen*"}
    # Counted from the scanned part, as QuPath does, and back.
    of_interest = read_roi(written, corner=(100.0, 50.0)).mask(Size(96, 64), scale=16.0)
    assert not of_interest[2:62, 38:47].any()
    assert of_interest[:, :34].all()
    assert of_interest[:, 52:].all()
    assert (tmp_path / "artefacts" / "other.geojson").is_file()
