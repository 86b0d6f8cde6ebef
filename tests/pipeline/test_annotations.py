"""Predictions against outlines that somebody drew, through `acinus evaluate`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from PIL import Image

from acinus.cli import run
from acinus.core.errors import InputError
from acinus.pipeline.evaluate import evaluate_folders
from acinus.results.record import ImageRecord, write_record

PREDICTED = np.zeros((60, 80), np.uint8)
PREDICTED[10:30, 10:30] = 1
PREDICTED[35:55, 40:70] = 2


def feature(outline: shapely.Polygon, name: str = "Gland") -> dict[str, Any]:
    geometry = json.loads(shapely.to_geojson(outline))
    return {"geometry": geometry, "properties": {"classification": {"name": name}}}


def draw(path: Path, *features: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


@pytest.fixture
def results(tmp_path: Path, image_record: Callable[..., ImageRecord]) -> Path:
    (tmp_path / "p" / "a").mkdir(parents=True)
    Image.fromarray(PREDICTED).save(tmp_path / "p" / "a" / "labels.png")
    write_record(tmp_path / "p" / "a", image_record())
    return tmp_path / "p"


ONE, OTHER = shapely.box(10, 10, 30, 30), shapely.box(40, 35, 70, 55)


def test_the_same_outlines_have_every_score_perfect(results, tmp_path):
    truth = draw(tmp_path / "t" / "a.geojson", feature(ONE), feature(OTHER))
    found = evaluate_folders(results, truth.parent)
    scores, [image] = found.pooled, found.images
    assert (image.name, image.mpp) == ("a", 0.5)
    assert (scores.pixels.miou, scores.object_dice, scores.object_hausdorff_um) == (1.0, 1.0, 0.0)


@pytest.mark.parametrize("name", ["a.geojson", "a.png.geojson", "a_anno.geojson"])
def test_outlines_are_matched_by_name_with_the_image_s_ending_or_without(results, tmp_path, name):
    truth = draw(tmp_path / "t" / name, feature(ONE), feature(OTHER))
    Image.new("RGB", (80, 60)).save(tmp_path / "t" / "a.png")  # the image itself is no truth
    [image] = evaluate_folders(results, truth.parent).images
    assert image.name == "a"


def test_only_what_lies_in_a_region_is_scored_and_glands_end_at_its_border(results, tmp_path):
    """Left half of gland 1 was drawn, gland 2 was not looked at."""
    truth = draw(
        tmp_path / "a.geojson",
        feature(shapely.box(10, 10, 20, 30)),
        feature(shapely.box(5, 5, 25, 40), "Region*"),  # 20 × 35 px; 15 × 20 of them are predicted
    )
    [image] = evaluate_folders(results, truth).images
    pixels = image.pixels
    assert (pixels.true_positive, pixels.false_positive, pixels.false_negative) == (200, 100, 0)
    assert pixels.true_negative == 20 * 35 - 300
    assert image.object_dice == pytest.approx(2 * 200 / (200 + 300))
    assert (image.detection.true_positive, image.detection.false_positive) == (1, 0)


def test_regions_that_touch_are_one_and_others_are_images_of_their_own(results, tmp_path):
    regions = [(0, 32, 80, 60), (0, 0, 20, 32), (15, 0, 35, 31.5), (60, 0, 80, 20)]
    truth = draw(
        tmp_path / "a.geojson",
        feature(ONE),
        *(feature(shapely.box(*corners), "Region*") for corners in regions),
    )
    found = evaluate_folders(results, truth)  # the second region touches the first
    scores, images = found.pooled, found.images
    assert [image.name for image in images] == ["a, region 1", "a, region 2"]
    joint, empty = images
    assert joint.detection.false_positive == 1  # gland 2 was not drawn
    assert (empty.pixels.true_negative, empty.pixels.miou) == (400, 1.0)
    assert scores.images == 2


def test_ignored_areas_count_neither_way(results, tmp_path):
    truth = draw(tmp_path / "a.geojson", feature(ONE), feature(OTHER.buffer(1), "Ignore*"))
    [image] = evaluate_folders(results, truth).images
    assert (image.pixels.miou, image.detection.f1) == (1.0, 1.0)
    assert image.pixels.pixels == pytest.approx(60 * 80 - 32 * 22, abs=4)  # its corners are round


def test_what_cannot_be_compared_is_told_in_one_line(results, tmp_path, error_lines):
    def told(*features: dict[str, Any]) -> str:
        assert run(["evaluate", str(results), str(draw(tmp_path / "a.geojson", *features))]) == 1
        [line] = error_lines()
        return line

    far = shapely.box(500, 500, 600, 600)
    assert "1 of 1 outlines lie outside" in told(feature(far))
    assert "1 of 2 regions lie outside" in told(feature(ONE, "Region*"), feature(far, "Region*"))
    assert "a.geojson holds no outline" in told()
    draw(tmp_path / "t" / "b.geojson", feature(ONE))
    assert run(["evaluate", str(results), str(tmp_path / "t")]) == 1
    [line] = error_lines()
    assert "1 of 1 true label maps have no prediction" in line


def test_a_few_outlines_beside_the_image_do_no_harm_and_are_reported(results, tmp_path):
    truth = draw(tmp_path / "a.geojson", feature(ONE), feature(OTHER), feature(shapely.box(200, 0, 210, 9)))
    found = evaluate_folders(results, truth)
    assert found.images[0].detection.f1 == 1.0
    assert found.notices == ["a.geojson: 1 outline lies outside the image, left out"]


def test_outlines_without_an_area_are_left_out_and_reported(results, tmp_path, error_lines):
    line = {"geometry": {"type": "LineString", "coordinates": [[1, 1], [9, 9]]}}
    point = {"geometry": {"type": "Point", "coordinates": [4, 4]}}
    truth = draw(tmp_path / "a.geojson", feature(ONE), line, feature(OTHER), point)
    assert evaluate_folders(results, truth).images[0].detection.f1 == 1.0
    assert run(["evaluate", str(results), str(truth)]) == 0
    assert error_lines() == ["acinus: a.geojson: 2 outlines have no area, left out"]


@pytest.mark.parametrize("ignored", [False, True])
def test_a_region_of_which_no_pixel_counts_is_refused(results, tmp_path, ignored):
    corners = (3, 3, 9, 9) if ignored else (3.6, 3.6, 3.9, 3.9)
    truth = draw(
        tmp_path / "a.geojson",
        feature(shapely.box(*corners), "Region*"),
        feature(shapely.box(*corners), "Ignore*" if ignored else "Gland"),
    )
    with pytest.raises(InputError, match="the region a has no valid pixel; draw a larger region"):
        evaluate_folders(results, truth)


@pytest.mark.parametrize("name", ["Gland", "", "Other"])
def test_an_annotation_of_the_whole_image_is_no_gland(results, tmp_path, name, error_lines):
    whole = feature(shapely.box(0, 0, 80, 60), name)
    truth = draw(tmp_path / "a.geojson", whole, feature(ONE), feature(OTHER))
    found = evaluate_folders(results, truth)
    [image] = found.images
    assert (image.pixels.miou, image.detection.f1) == (1.0, 1.0)
    assert found.notices == ["a.geojson: the outline of the whole image is no gland, left out"]


def test_a_round_outline_over_most_of_the_image_is_a_gland(results, tmp_path):
    corner_cut = shapely.Polygon([(0, 0), (76, 0), (80, 4), (80, 60), (0, 60)])
    [image] = evaluate_folders(results, draw(tmp_path / "a.geojson", feature(corner_cut))).images
    assert image.pixels.false_negative == 80 * 60 - 1000 - 6  # 3 + 2 + 1 pixels of the corner


def test_a_rectangle_around_outlines_has_to_say_what_it_is(results, tmp_path):
    around = feature(shapely.box(5, 5, 75, 58), "Other")
    truth = draw(tmp_path / "a.geojson", around, feature(ONE), feature(OTHER))
    with pytest.raises(InputError, match=r"a rectangle without class Region\* holds 2 other outlines"):
        evaluate_folders(results, truth)


def test_one_outline_of_all_glands_is_scored_gland_by_gland(results, tmp_path):
    truth = draw(tmp_path / "a.geojson", feature(shapely.MultiPolygon([ONE, OTHER])))
    found = evaluate_folders(results, truth)
    assert found.images[0].detection.f1 == 1.0
    assert found.notices == ["a.geojson: 1 outline of several parts is read as one gland for each part"]


def test_cores_of_a_tissue_microarray_are_no_glands(results, tmp_path):
    core = feature(shapely.Point(40, 30).buffer(38))
    core["properties"]["objectType"] = "tma_core"
    found = evaluate_folders(results, draw(tmp_path / "a.geojson", core, feature(ONE), feature(OTHER)))
    assert (found.images[0].pixels.miou, found.images[0].detection.f1) == (1.0, 1.0)
    assert found.notices == ["a.geojson: 1 core of a tissue microarray is no gland, left out"]
    with pytest.raises(InputError, match="holds no outline; export the annotations themselves"):
        evaluate_folders(results, draw(tmp_path / "a.geojson", core))


def test_which_classes_count_as_glands_is_said_where_there_are_several(results, tmp_path):
    truth = draw(tmp_path / "a.geojson", feature(ONE, "Gland"), feature(OTHER, "Stroma"))
    found = evaluate_folders(results, truth)
    assert found.notices == ["a.geojson: outlines of 2 classes count as glands (Gland 1, Stroma 1)"]
