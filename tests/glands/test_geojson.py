"""GeoJSON as QuPath reads it."""

from __future__ import annotations

import gzip
import json
import math
import uuid
from pathlib import Path

import numpy as np
import pytest
import shapely

from acinus.core.errors import OutputError
from acinus.glands import gland_polygons, measure_glands, write_geojson


@pytest.fixture
def labels() -> np.ndarray:
    labels = np.zeros((80, 120), np.int32)
    y, x = np.mgrid[:80, :120] + 0.5
    labels[np.hypot(x - 40, y - 40) <= 30] = 3
    labels[np.hypot(x - 40, y - 40) <= 12] = 0
    labels[30:50, 90:110] = 7
    return labels


def written(path: Path, labels: np.ndarray, **settings: object) -> dict:
    write_geojson(path, gland_polygons(labels, mpp=0.5), **({"name": "slide"} | settings))
    content = path.read_bytes()
    return json.loads(gzip.decompress(content) if path.suffix == ".gz" else content)


def test_one_feature_a_gland_with_what_qupath_expects(tmp_path, labels):
    collection = written(tmp_path / "a.geojson", labels, glands=measure_glands(labels, mpp=0.5), locked=True)
    assert collection["type"] == "FeatureCollection"
    assert [feature["properties"]["name"] for feature in collection["features"]] == ["Gland 3", "Gland 7"]
    feature = collection["features"][0]
    assert feature["type"] == "Feature"
    assert feature["properties"]["objectType"] == "detection"
    assert feature["properties"]["classification"] == {"name": "Gland", "color": [60, 160, 60]}
    assert feature["properties"]["isLocked"] is True


def test_measurements_carry_qupaths_names_and_numbers(tmp_path, labels):
    glands = measure_glands(labels, mpp=0.5)
    collection = written(tmp_path / "a.geojson", labels, glands=glands)
    measurements = collection["features"][1]["properties"]["measurements"]
    assert measurements["Area µm^2"] == 100.0
    for qupath, column in (
        ("Length µm", "perimeter_um"),
        ("Circularity", "circularity"),
        ("Solidity", "solidity"),
        ("Max diameter µm", "bounding_circle_um"),
        ("Min diameter µm", "min_feret_um"),
    ):
        assert measurements[qupath] == pytest.approx(glands[column][1])


def test_qupaths_definitions_recomputed_from_the_written_outline_agree(tmp_path, labels):
    collection = written(tmp_path / "a.geojson", labels, glands=measure_glands(labels, mpp=0.5))
    for feature in collection["features"]:
        outline = shapely.geometry.shape(feature["geometry"])
        stored = feature["properties"]["measurements"]
        assert outline.area * 0.25 == pytest.approx(stored["Area µm^2"], rel=0.005)
        assert outline.length * 0.5 == pytest.approx(stored["Length µm"], rel=0.02)
        assert outline.area / outline.convex_hull.area == pytest.approx(stored["Solidity"], rel=0.02)


def test_numbers_that_are_not_finite_are_left_out(tmp_path, labels):
    alone = np.where(labels == 7, labels, 0)
    collection = written(tmp_path / "a.geojson", alone, glands=measure_glands(alone, mpp=0.5))
    measurements = collection["features"][0]["properties"]["measurements"]
    assert "Nearest gap µm" not in measurements
    assert "Lumen fraction" not in measurements
    assert all(math.isfinite(value) for value in measurements.values())


def test_geometries_are_valid_closed_and_keep_their_holes(tmp_path, labels):
    for feature in written(tmp_path / "a.geojson", labels)["features"]:
        rings = feature["geometry"]["coordinates"]
        assert all(ring[0] == ring[-1] for ring in rings)
        assert shapely.geometry.shape(feature["geometry"]).is_valid
        assert len(rings) == (2 if feature["properties"]["name"] == "Gland 3" else 1)


def test_coordinates_are_level_0_pixels_after_scale_and_offset(tmp_path, labels):
    collection = written(tmp_path / "a.geojson", labels, scale=4.0, offset=(1000, 500))
    square = shapely.geometry.shape(collection["features"][1]["geometry"])
    assert square.bounds == pytest.approx((1360, 620, 1440, 700), abs=2)


def test_ids_are_uuids_that_a_second_run_repeats_and_another_image_does_not(tmp_path, labels):
    first, second, other = (
        [feature["id"] for feature in written(tmp_path / "a.geojson", labels, name=name)["features"]]
        for name in ("slide", "slide", "other")
    )
    assert first == second
    assert not set(first) & set(other)
    assert all(uuid.UUID(identifier).version == 5 for identifier in first)


def test_compressed_file_holds_the_same_and_is_the_same_every_time(tmp_path, labels):
    plain, packed = written(tmp_path / "a.geojson", labels), written(tmp_path / "a.geojson.gz", labels)
    assert plain == packed
    before = (tmp_path / "a.geojson.gz").read_bytes()
    written(tmp_path / "a.geojson.gz", labels)
    assert (tmp_path / "a.geojson.gz").read_bytes() == before


@pytest.mark.parametrize("name", ["a.geojson", "a.geojson.gz"])
def test_no_glands_make_an_empty_collection(tmp_path, name):
    assert written(tmp_path / name, np.zeros((9, 9), np.int32))["features"] == []


def test_single_pixel_and_scattered_pixels_are_written_valid(tmp_path):
    labels = (np.random.default_rng(0).random((40, 40)) < 0.3).astype(np.int32)
    labels[:, 20:] *= 2
    features = written(tmp_path / "a.geojson", labels)["features"]
    assert len(features) == 2
    assert all(shapely.geometry.shape(feature["geometry"]).is_valid for feature in features)


def test_an_error_half_way_leaves_neither_the_file_nor_a_part_of_it(tmp_path, labels):
    def failing():
        yield from gland_polygons(labels, mpp=0.5)
        raise RuntimeError("interrupted")

    with pytest.raises(RuntimeError, match="interrupted"):
        write_geojson(tmp_path / "a.geojson", failing(), name="slide")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_missing_is_an_output_error(tmp_path, labels):
    with pytest.raises(OutputError, match="another output folder"):
        write_geojson(tmp_path / "none" / "a.geojson", gland_polygons(labels, mpp=0.5), name="slide")
