"""A slide's label map against glands that were drawn on it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import shapely

from acinus.core.errors import InputError
from acinus.core.geometry import Box
from acinus.pipeline.evaluate import evaluate_folders
from acinus.pipeline.segment_slide import segment_slide
from acinus.slides.pyramid import PyramidReader

from .drawn import DISCS, HEIGHT, WIDTH, purple_model

BOUNDS = Box(90, 80, 1350, 1050)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, disc_slide: Path) -> Path:
    out = tmp_path_factory.mktemp("results")
    segment_slide(disc_slide, purple_model(), out=out, model_name="purple")
    return out


def draw(path: Path, *, shift: tuple[float, float] = (0.0, 0.0), region: Box | None = None) -> Path:
    """Write the discs as somebody would draw them in QuPath, in level-0 pixels."""
    shapes = [(shapely.Point(x + shift[0], y + shift[1]).buffer(radius), "Gland") for x, y, radius in DISCS]
    if region is not None:
        shapes.append((shapely.box(region.x, region.y, region.right, region.bottom), "Region*"))
    features = [
        {"geometry": json.loads(shapely.to_geojson(shape)), "properties": {"classification": {"name": name}}}
        for shape, name in shapes
    ]
    path.write_text(json.dumps({"features": features}))
    return path


def test_discs_that_were_found_where_they_were_drawn_have_high_scores(results, tmp_path):
    draw(tmp_path / "discs.tif.geojson")
    found = evaluate_folders(results, tmp_path)
    scores, [image] = found.pooled, found.images
    assert (image.name, image.mpp) == ("discs", 2.5)
    assert image.detection.f1 == 1.0
    assert scores.object_dice > 0.95
    assert scores.object_hausdorff_um < 2 * 2.5
    assert image.pixels.pixels == WIDTH * HEIGHT / 25


def test_a_shift_by_a_few_pixels_of_the_map_costs_what_a_shifted_disc_costs(results, tmp_path):
    """Two discs of radius r, d apart: intersection 2 r² acos(d / 2r) − d/2 √(4r² − d²)."""
    draw(tmp_path / "discs.geojson", shift=(20.0, 0.0))
    scores = evaluate_folders(results, tmp_path).pooled
    radius, distance = np.array([r for *_, r in DISCS]), 20.0
    shared = 2 * radius**2 * np.arccos(distance / 2 / radius)
    shared -= distance / 2 * np.sqrt(4 * radius**2 - distance**2)
    expected = np.average(shared / (np.pi * radius**2), weights=radius**2)
    assert scores.object_dice == pytest.approx(expected, abs=0.03)


def test_a_region_of_a_slide_is_read_alone(results, tmp_path):
    truth = draw(tmp_path / "discs.geojson", region=Box(200, 200, 600, 250))  # the first two discs
    [image] = evaluate_folders(results, truth).images
    assert image.pixels.pixels == 600 * 250 / 25
    assert image.detection.true_positive == 2
    assert image.detection.false_positive == image.detection.false_negative == 0


def test_coordinates_count_from_the_origin_that_the_results_were_written_with(
    disc_slide, tmp_path, monkeypatch
):
    monkeypatch.setattr(PyramidReader, "bounds", property(lambda self: BOUNDS))
    segment_slide(disc_slide, purple_model(), out=tmp_path / "p", model_name="purple", origin="bounds")
    truth = draw(tmp_path / "discs.geojson", shift=(-BOUNDS.x, -BOUNDS.y))
    [image] = evaluate_folders(tmp_path / "p", truth).images
    assert image.object_dice > 0.95


def test_one_slide_s_folder_its_label_map_and_all_results_are_taken_alike(results, tmp_path):
    truth = draw(tmp_path / "discs.geojson")
    found = [
        evaluate_folders(path, truth).pooled
        for path in (results, results / "discs", results / "discs" / "labels.zarr")
    ]
    assert found[0] == found[1] == found[2]


def test_two_results_of_a_slide_are_compared_map_against_map(results):
    found = evaluate_folders(results, results)
    scores, [image] = found.pooled, found.images
    assert (image.name, scores.pixels.miou, scores.detection.f1) == ("discs", 1.0, 1.0)


def test_without_image_json_nothing_is_guessed(results, tmp_path):
    alone = tmp_path / "p" / "discs" / "labels.zarr"
    shutil.copytree(results / "discs" / "labels.zarr", alone)
    truth = draw(tmp_path / "discs.geojson")
    for mpp in (None, 2.5):
        with pytest.raises(InputError, match=r"has no image\.json beside it"):
            evaluate_folders(tmp_path / "p", truth, mpp=mpp)
    found = evaluate_folders(tmp_path / "p", results)  # map against map needs no place, and no resolution
    assert (found.pooled.pixels.miou, found.pooled.object_hausdorff_um) == (1.0, None)
    assert "no µm/px for 1 of 1 image (discs)" in found.notices[0]
    (alone / "glands" / "0" / "zarr.json").write_text("{")
    with pytest.raises(InputError, match="is damaged or no label map of a slide; segment it again"):
        evaluate_folders(tmp_path / "p", truth, mpp=2.5)
