"""Results measured again with what people corrected, of an image and of a slide."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
import zarr
from PIL import Image

from acinus.cli import run
from acinus.core.files import write_json
from acinus.core.geometry import Box, Size
from acinus.core.image import RgbImage
from acinus.core.run import checksum
from acinus.glands import COLUMNS, Glands, gland_id, measure_glands
from acinus.glands.polygons import gland_polygons
from acinus.glands.spool import OutlineSpool
from acinus.pipeline.correct import measure_corrected
from acinus.pipeline.corrections import corrected_images, corrected_results
from acinus.pipeline.settings import settings_from_plain
from acinus.results import ngff
from acinus.results.folder import ImageResult, read_results
from acinus.results.labels import open_label_file
from acinus.results.record import Origin
from acinus.results.tables import read_table
from acinus.results.writing import new_result, new_slide_labels, write_image_result, write_slide_result
from acinus.slides import open_slide
from acinus.slides.label_image import read_labels
from acinus.slides.working import WorkingImage

Y, X = np.mgrid[:140, :200] + 0.5
LABELS = np.zeros((140, 200), np.int32)
for number, (left, top) in enumerate([(35, 40), (95, 40), (160, 40)], start=1):
    LABELS[np.hypot(X - left, Y - top) <= 20] = number
RGB = np.random.default_rng(0).integers(60, 250, (280, 400, 3), dtype=np.uint8)
NEW = shapely.Point(60, 105).buffer(22)  # in pixels of LABELS
WIDER = shapely.Point(160, 42).buffer(26)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """Return a folder with the results of one image at 1 µm per pixel."""
    rgb = RGB[:140, :200]
    Image.fromarray(rgb).save(tmp_path / "tile.png")
    (tmp_path / "results").mkdir()
    write_image_result(
        tmp_path / "results" / "tile",
        RgbImage(rgb, 1.0, "tile"),
        LABELS,
        (LABELS > 0).astype(np.float32),
        tissue=np.ones(LABELS.shape, bool),
        quality=0.7,
        run={},
        path=tmp_path / "tile.png",
    )
    return tmp_path / "results"


@pytest.fixture
def slide(tmp_path: Path) -> Path:
    """Return a folder with results of a slide at 0.5 µm per pixel, segmented at 1; it counts from 6, 8."""
    Image.fromarray(RGB).save(tmp_path / "slide.png")
    origin = Origin(name="bounds", x_px=6.0, y_px=8.0)
    size = Size(200, 140)
    folder = tmp_path / "results" / "slide"
    folder.parent.mkdir()
    with open_slide(tmp_path / "slide.png", mpp=0.5) as reader, new_result(folder) as new:
        glands = measure_glands(LABELS, mpp=1.0, image=WorkingImage(reader, mpp=1.0, size=size))
        moved = {"centroid_x_um": glands["centroid_x_um"] - 3, "centroid_y_um": glands["centroid_y_um"] - 4}
        pyramid = new_slide_labels(new, size, mpp=1.0, native_mpp=0.5, origin=origin)
        pyramid.base.add(Box(0, 0, 200, 140), LABELS)
        with OutlineSpool(tmp_path / "spool") as outlines:
            outlines.extend([outline for _, outline in gland_polygons(LABELS, mpp=1.0)])
            write_slide_result(
                new,
                reader,
                pyramid,
                Glands({**glands.columns, **moved}),
                outlines,
                name="slide",
                mpp=0.5,
                working_mpp=1.0,
                origin=origin,
                tissue_area_um2=20_000.0,
                quality=None,
                run={},
                seconds={},
                path=tmp_path / "slide.png",
                model=None,
                fingerprint="f",
            )
    return tmp_path / "results"


def draw(path: Path, *outlines: shapely.Polygon, classes: dict[int, str] | None = None) -> Path:
    features: list[dict[str, Any]] = [
        {"geometry": json.loads(shapely.to_geojson(outline)), "properties": {"objectType": "annotation"}}
        for outline in outlines
    ]
    for number, name in (classes or {}).items():
        features[number]["properties"]["classification"] = {"name": name}
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path.parent


def mark(folder: Path, name: str, **verdicts: str) -> None:
    marks = {
        gland_id(name, int(label.removeprefix("gland_"))): {"mark": verdict, "at": "2026-11-27", "by": "anna"}
        for label, verdict in verdicts.items()
    }
    digest = checksum(next((folder / name).glob("glands.geojson*")))
    write_json(folder / name / "marks.json", {"version": 1, "outlines_sha256": digest, "marks": marks})


def found(folder: Path, name: str) -> shapely.Geometry:
    """Return the outline of gland 2 as ``glands.geojson`` has it."""
    features = json.loads((folder / name / "glands.geojson").read_text())["features"]
    return shapely.from_geojson(json.dumps(features[1]["geometry"]))


def only(folder: Path) -> ImageResult:
    [result] = read_results(folder).images
    return result


def rows_of(table: Path) -> list[dict[str, str]]:
    with table.open(newline="") as lines:
        return list(csv.DictReader(lines))


def test_without_corrections_the_tables_are_those_that_were_there(image, tmp_path):
    assert measure_corrected(image, out=tmp_path / "out").exit_code == 0
    assert (tmp_path / "out/tile/labels.png").read_bytes() == (image / "tile/labels.png").read_bytes()
    again, before = (rows_of(folder / "tile/glands.csv") for folder in (tmp_path / "out", image))
    gaps, gaps_before = ([float(row.pop("nearest_gap_um")) for row in rows] for rows in (again, before))
    assert again == before
    assert gaps == pytest.approx(gaps_before, abs=0.02)  # between outlines as they were rounded
    same = shapely.normalize(found(tmp_path / "out", "tile"))
    assert same.equals_exact(shapely.normalize(found(image, "tile")), 0.02)  # rounded twice
    assert only(tmp_path / "out").changes == []
    assert only(tmp_path / "out").record.quality == 0.7


def test_a_gland_marked_as_wrong_is_no_gland_and_nobody_s_neighbour(image, tmp_path):
    mark(image, "tile", gland_2="wrong", gland_3="right")
    measure_corrected(image, out=tmp_path / "out")
    result = only(tmp_path / "out")
    assert result.glands["label"].tolist() == [1, 3]
    assert result.glands["nearest_centroid_um"] == pytest.approx([125, 125])
    assert result.record.summary["glands"] == 2
    rows = [(change.label, change.change, change.by, change.source) for change in result.changes]
    assert rows == [(2, "removed", "anna", "marks.json"), (3, "confirmed", "anna", "marks.json")]
    assert set(np.unique(read_labels(tmp_path / "out/tile/labels.png"))) == {0, 1, 3}


def test_outlines_drawn_in_qupath_are_measured_in_place_of_those_found(image, tmp_path):
    drawings = draw(tmp_path / "qupath" / "tile.png.geojson", found(image, "tile"), WIDER, NEW)
    measure_corrected(image, out=tmp_path / "out", corrections=drawings, by="ben")
    result = only(tmp_path / "out")
    changes = [(change.label, change.change, change.by) for change in result.changes]
    assert changes == [(1, "removed", "ben"), (3, "replaced", "ben"), (4, "added", "ben")]
    painted = np.where(LABELS == 2, 2, 0)
    painted[np.hypot(X - 160, Y - 42) <= 26] = 3
    painted[np.hypot(X - 60, Y - 105) <= 22] = 4
    labels = read_labels(tmp_path / "out/tile/labels.png")
    assert np.mean(labels != painted) < 0.001  # drawn circles have corners
    expected = measure_glands(labels, mpp=1.0, image=RGB[:140, :200])
    exact = read_table(tmp_path / "out/tile/glands.parquet")
    for column in COLUMNS:
        assert exact[column.name] == pytest.approx(expected[column.name], abs=0.02, nan_ok=True), column.name


def test_a_slide_is_corrected_in_its_own_coordinates(slide, tmp_path):
    on_slide = [shapely.transform(each, lambda xy: xy * 2 - (6, 8)) for each in (WIDER, NEW)]
    drawings = draw(tmp_path / "qupath" / "slide.geojson", *on_slide, classes={0: "Right", 1: "Right"})
    mark(slide, "slide", gland_1="wrong")
    assert measure_corrected(slide, out=tmp_path / "out", corrections=drawings).failures == []
    result = only(tmp_path / "out")
    assert result.glands["label"].tolist() == [2, 3, 4]
    assert result.glands["centroid_x_um"] == pytest.approx([95 - 3, 160 - 3, 60 - 3], abs=0.1)
    assert result.glands["centroid_y_um"] == pytest.approx([40 - 4, 42 - 4, 105 - 4], abs=0.1)
    labels = np.where(LABELS == 2, 2, 0)
    labels[np.hypot(X - 160, Y - 42) <= 26] = 3
    labels[np.hypot(X - 60, Y - 105) <= 22] = 4
    with open_slide(tmp_path / "slide.png", mpp=0.5) as reader:
        expected = measure_glands(labels, mpp=1.0, image=WorkingImage(reader, mpp=1.0, size=Size(200, 140)))
    for name in ("area_um2", "haematoxylin_od", "nearest_gap_um"):
        assert result.glands[name] == pytest.approx(expected[name], rel=0.02), name
    assert result.record.summary["gland_area_fraction"] == pytest.approx(
        expected["area_um2"].sum() / 20_000, rel=0.01
    )


def test_a_corrected_slide_has_the_pyramid_of_an_automatic_one(slide, tmp_path, monkeypatch):
    monkeypatch.setattr(ngff, "_COARSEST_PX", 64)  # so that the small slide has coarser levels
    measure_corrected(slide, out=tmp_path / "same")
    [own] = read_results(slide).images
    new_drawings = draw(
        tmp_path / "qupath" / "slide.geojson",
        shapely.transform(NEW, lambda xy: xy * 2 - (6, 8)),
        classes={0: "Right"},
    )
    mark(slide, "slide", gland_1="wrong")
    measure_corrected(slide, out=tmp_path / "out", corrections=new_drawings)
    expected = np.where(LABELS == 1, 0, LABELS)
    expected[np.hypot(X - 60, Y - 105) <= 22] = 4
    for folder, labels in ((tmp_path / "same", LABELS), (tmp_path / "out", expected)):
        result = only(folder)
        assert result.labels_file == folder / "slide" / "labels.zarr"
        file = open_label_file(result.labels_file)
        assert np.mean(file.whole() != labels) < 0.001  # drawn circles have corners
        assert (file.pixels_per_level0, file.origin_px) == (0.5, (6.0, 8.0))
        group = zarr.open_group(result.labels_file / "glands", mode="r")
        assert sorted(name for name, _ in group.arrays()) == ["0", "1", "2"]
        assert np.array_equal(group["2"][:], file.whole()[::4, ::4])
        [scale] = group.attrs["ome"]["multiscales"]
        [known] = zarr.open_group(own.labels_file / "glands", mode="r").attrs["ome"]["multiscales"]
        assert scale["datasets"][0] == known["datasets"][0]  # where its pixels lie


def test_a_corrected_slide_can_be_corrected_again(slide, tmp_path):
    mark(slide, "slide", gland_1="wrong")
    measure_corrected(slide, out=tmp_path / "out")
    mark(tmp_path / "out", "slide", gland_3="wrong")
    assert measure_corrected(tmp_path / "out", out=tmp_path / "again").failures == []
    again = only(tmp_path / "again")
    assert again.glands["label"].tolist() == [2]
    assert np.array_equal(open_label_file(again.labels_file).whole(), np.where(LABELS == 2, 2, 0))


def test_corrected_results_can_be_corrected_again(image, tmp_path):
    measure_corrected(image, out=tmp_path / "out", corrections=draw(tmp_path / "a/tile.geojson", NEW, WIDER))
    mark(tmp_path / "out", "tile", gland_4="wrong")
    measure_corrected(tmp_path / "out", out=tmp_path / "again")
    assert only(tmp_path / "again").glands["label"].tolist() == [3]


def test_marks_of_other_outlines_are_an_error_of_that_image(image, tmp_path):
    mark(image, "tile", gland_2="wrong")
    outlines = image / "tile" / "glands.geojson"
    outlines.write_text(outlines.read_text() + "\n")
    result = measure_corrected(image, out=tmp_path / "out")
    [failure] = result.failures
    assert "marks of an earlier segmentation" in failure.reason


@pytest.mark.parametrize("outline", [shapely.box(500, 500, 600, 600), shapely.box(-90, -90, -9, -9)])
def test_a_drawing_of_another_image_is_refused(image, tmp_path, outline):
    drawings = draw(tmp_path / "a" / "tile.geojson", outline)
    [failure] = measure_corrected(image, out=tmp_path / "out", corrections=drawings).failures
    assert "tile.geojson: 1 of 1 outlines lie outside tile" in failure.reason


def test_the_command_says_what_goes_together(image, tmp_path, capsys):
    words = ["measure", str(image), "--out"]
    assert run([*words, str(image)]) == 1
    assert "give another folder with --out" in capsys.readouterr().err
    assert run([*words, str(tmp_path / "out"), "--mpp", "0.5"]) == 2
    assert run(["measure", "a.png", "b.png", "--out", str(tmp_path / "out"), "--by", "anna"]) == 2
    (tmp_path / "empty").mkdir()
    assert run([*words, str(tmp_path / "out"), "--corrections", str(tmp_path / "empty")]) == 1
    capsys.readouterr()
    assert run([*words, str(tmp_path / "out")]) == 0
    told = capsys.readouterr().out
    assert "Measured 1 image" in told
    assert "acinus fit" not in told  # nothing was corrected, so there is nothing to learn from
    mark(image, "tile", gland_1="wrong")
    assert run([*words, str(tmp_path / "out")]) == 0
    assert f"Next: acinus fit --from MODEL --corrections {tmp_path / 'out'}" in capsys.readouterr().out


def said(folder: Path, name: str) -> dict[str, list[shapely.Geometry]]:
    """Return the outlines of ``corrections.geojson`` by class."""
    by_class: dict[str, list[shapely.Geometry]] = {}
    for feature in json.loads((folder / name / "corrections.geojson").read_text())["features"]:
        kind = feature["properties"]["classification"]["name"]
        by_class.setdefault(kind, []).append(shapely.from_geojson(json.dumps(feature["geometry"])))
    return by_class


def iou(one: shapely.Geometry, other: shapely.Geometry) -> float:
    return float(one.intersection(other).area / one.union(other).area)


def test_what_people_said_is_kept_for_a_fit_verdict_by_verdict(image, tmp_path):
    mark(image, "tile", gland_2="wrong", gland_3="right")
    drawings = draw(tmp_path / "qupath" / "tile.geojson", NEW, classes={0: "Right"})
    measure_corrected(image, out=tmp_path / "out", corrections=drawings)
    kept = said(tmp_path / "out", "tile")
    assert sorted(kept) == ["Right", "Wrong"]  # nobody said that these are all glands
    [wrong] = kept["Wrong"]
    assert iou(wrong, found(image, "tile")) > 0.98
    confirmed, drawn = kept["Right"]
    assert iou(confirmed, shapely.Point(160, 40).buffer(20)) > 0.95
    assert iou(drawn, NEW) > 0.98


def test_a_complete_drawing_says_that_there_is_no_gland_elsewhere(image, tmp_path):
    drawings = draw(tmp_path / "qupath" / "tile.geojson", WIDER)
    measure_corrected(image, out=tmp_path / "out", corrections=drawings)
    kept = said(tmp_path / "out", "tile")
    assert [each.bounds for each in kept["Region*"]] == [(0, 0, 200, 140)]
    assert [iou(each, WIDER) > 0.98 for each in kept["Right"]] == [True]
    assert len(kept["Wrong"]) == 3  # all that were found, the one that was replaced among them


def test_a_drawing_in_regions_speaks_of_these_alone(image, tmp_path):
    region, left_out = shapely.box(120, 0, 200, 90), shapely.box(0, 100, 30, 140)
    drawings = draw(
        tmp_path / "qupath" / "tile.geojson", WIDER, region, left_out, classes={1: "Region*", 2: "Ignore*"}
    )
    measure_corrected(image, out=tmp_path / "out", corrections=drawings)
    kept = said(tmp_path / "out", "tile")
    assert [each.bounds for each in kept["Region*"]] == [region.bounds]
    assert [each.bounds for each in kept["Ignore*"]] == [left_out.bounds]
    assert len(kept["Wrong"]) == 1


def test_of_a_slide_it_is_in_the_coordinates_of_its_outlines(slide, tmp_path):
    mark(slide, "slide", gland_2="wrong")
    measure_corrected(slide, out=tmp_path / "out")
    [wrong] = said(tmp_path / "out", "slide")["Wrong"]
    # Gland 2 lies at 95, 40 µm of the slide, which has 0.5 µm per pixel and counts from 6, 8.
    assert wrong.centroid.coords[0] == pytest.approx((95 * 2 - 6, 40 * 2 - 8), abs=0.5)


def test_what_was_said_before_is_kept_but_for_glands_that_are_called_wrong_now(image, tmp_path):
    drawings = draw(tmp_path / "qupath" / "tile.geojson", NEW, WIDER, classes={0: "Right", 1: "Right"})
    measure_corrected(image, out=tmp_path / "out", corrections=drawings)
    mark(tmp_path / "out", "tile", gland_4="wrong")  # NEW
    measure_corrected(tmp_path / "out", out=tmp_path / "again")
    kept = said(tmp_path / "again", "tile")
    assert [iou(each, WIDER) > 0.98 for each in kept["Right"]] == [True]
    assert [iou(each, NEW) > 0.95 for each in kept["Wrong"]] == [True, False]  # and what WIDER replaced


def test_of_an_image_that_nobody_corrected_nothing_is_said(image, tmp_path):
    measure_corrected(image, out=tmp_path / "out")
    assert not (tmp_path / "out" / "tile" / "corrections.geojson").exists()


def test_of_a_slide_a_fit_reads_the_fields_of_which_people_spoke(slide, tmp_path):
    mark(slide, "slide", gland_3="wrong")
    measure_corrected(slide, out=tmp_path / "out")
    [corrected], problems = corrected_results(tmp_path / "out")
    assert problems == []
    # Fields of 120 µm are 240 px of the slide. Gland 3 lies at 320, 80: in the second of the first row.
    settings = settings_from_plain({"mining": {"regions": {"side_mm": 0.12}}})
    [(field, _, told)] = corrected_images(corrected, settings)
    assert field.name == "slide.x240.y0"
    assert field.shape == (96, 64)  # 160 × 240 px of 0.5 µm, at 1.25
    assert told is not None
    [wrong] = told.wrong
    assert wrong.centroid.coords[0] == pytest.approx((40, 40), abs=0.3)  # in µm from the field's corner
    assert (list(told.glands), list(told.complete)) == ([], [])
