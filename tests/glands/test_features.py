from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from acinus.core.errors import InputError
from acinus.glands.feature_stream import read_features
from acinus.glands.features import read_annotations


def feature(x: float, *, name: str | None = None, **more: Any) -> dict[str, Any]:
    """A square of side 2 at x."""
    ring = [[x, 0], [x + 2, 0], [x + 2, 2], [x, 2], [x, 0]]
    properties = {} if name is None else {"classification": {"name": name, "color": [1, 2, 3]}}
    return {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": properties,
    } | more


def write(path: Path, content: Any) -> Path:
    plain = json.dumps(content).encode()
    path.write_bytes(gzip.compress(plain) if path.suffix == ".gz" else plain)
    return path


def test_a_class_says_what_an_outline_is(tmp_path):
    names = [None, "Gland", "Tumor: Gland", "Region*", "region", "Ignore*", "Necrosis *"]
    features = [feature(9 * place, name=name) for place, name in enumerate(names)]
    drawn = read_annotations(write(tmp_path / "a.geojson", {"features": features}))
    kinds = (drawn.glands, drawn.regions, drawn.left_out)
    lefts = [[outline.bounds[0] for outline in kind] for kind in kinds]
    assert lefts == [[0, 9, 18], [27, 36], [45, 54]]


def test_verdicts_of_the_viewer_are_glands_and_what_is_none(tmp_path):
    features = [feature(9 * place, name=name) for place, name in enumerate(["Right", "Wrong"])]
    drawn = read_annotations(write(tmp_path / "a.geojson", {"features": features}))
    assert [outline.bounds[0] for outline in drawn.glands] == [0]
    assert [outline.bounds[0] for outline in drawn.wrong] == [9]
    assert not drawn.complete  # only these two were looked at
    more = read_annotations(write(tmp_path / "b.geojson", {"features": [*features, feature(18)]}))
    assert more.complete
    assert [outline.bounds[0] for outline in more.glands] == [18, 0]


def test_a_class_of_several_names_is_read_as_one(tmp_path):
    several = feature(0) | {"properties": {"classification": {"names": ["Stroma", "Ignore*"]}}}
    path = write(tmp_path / "a.geojson", [several, feature(9) | {"properties": {"classification": None}}])
    drawn = read_annotations(path)
    assert (len(drawn.glands), len(drawn.left_out)) == (1, 1)


@pytest.mark.parametrize("name", ["a.geojson", "a.geojson.gz"])
def test_a_collection_a_list_and_a_single_feature_are_read_alike(tmp_path, name):
    one = feature(3, id="x")
    for content in ({"type": "FeatureCollection", "features": [one]}, [one], one):
        assert list(read_features(write(tmp_path / name, content))) == [one]


def test_what_has_no_area_is_counted_and_left_out(tmp_path):
    line = {"geometry": {"type": "LineString", "coordinates": [[0, 0], [1, 1]]}}
    flat = {"geometry": {"type": "Polygon", "coordinates": [[[0, 0], [4, 0], [0, 0], [0, 0]]]}}
    drawn = read_annotations(write(tmp_path / "a.geojson", [line, {"geometry": None}, flat, feature(0)]))
    assert (len(drawn.glands), drawn.dropped) == (1, 2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[]", "holds no outline"),
        ('[{"geometry": {"type": "Point", "coordinates": [1, 2]}}]', "holds no outline"),
        ("3", "expected a list of features, got int"),
        ("{", "cannot be read as GeoJSON"),
        ('{"a": 1}', "cannot be read as GeoJSON"),
        ('[{"geometry": null}', "cannot be read as GeoJSON"),
        ('[{"geometry": null} {"geometry": null}]', "cannot be read as GeoJSON"),
        ("[" * 100_000, "cannot be read as GeoJSON"),
        ('{"features": [3]}', "expected a feature, got int"),
        (
            '[{"geometry": {"type": "Polygon", "coordinates": [[["a"], [2], [4]]]}}]',
            "export it again",
        ),
    ],
)
def test_what_cannot_be_read_is_told_in_one_line(tmp_path, text, expected):
    path = tmp_path / "bad.geojson"
    path.write_text(text)
    with pytest.raises(InputError, match=rf"^bad\.geojson.*{expected}") as error:
        read_annotations(path)
    assert "\n" not in str(error.value)


def test_a_class_that_is_mere_text_or_a_list_is_a_class(tmp_path):
    classes = ["Gland", "Ignore*", "Region", ["Stroma", "Ignore*"], {"name": None, "names": []}]
    features = [
        feature(9 * place) | {"properties": {"classification": given}} for place, given in enumerate(classes)
    ]
    drawn = read_annotations(write(tmp_path / "a.geojson", features))
    assert (len(drawn.glands), len(drawn.left_out), len(drawn.regions)) == (2, 2, 1)


def several(*lefts: float, object_type: str | None = None) -> dict[str, Any]:
    coordinates = [feature(left)["geometry"]["coordinates"] for left in lefts]
    properties = {} if object_type is None else {"objectType": object_type}
    return {"geometry": {"type": "MultiPolygon", "coordinates": coordinates}, "properties": properties}


def test_one_multipolygon_for_all_glands_is_as_many_glands(tmp_path):
    for object_type in (None, "annotation", "detection"):
        path = write(tmp_path / "a.geojson", [several(0, 9, 18, object_type=object_type)])
        drawn = read_annotations(path)
        assert ([gland.bounds[0] for gland in drawn.glands], drawn.split) == ([0, 9, 18], 1)


def test_a_detection_of_several_parts_among_others_is_one_gland_and_an_annotation_is_not(tmp_path):
    for object_type, glands, split in (("detection", 2, 0), ("annotation", 3, 1)):
        features = [several(0, 9, object_type=object_type), feature(18)]
        drawn = read_annotations(write(tmp_path / "a.geojson", features))
        assert (len(drawn.glands), drawn.split) == (glands, split)


def test_regions_of_several_parts_stay_one(tmp_path):
    region = several(0, 9) | {"properties": {"classification": {"name": "Region*"}}}
    drawn = read_annotations(write(tmp_path / "a.geojson", [region, feature(0)]))
    assert (len(drawn.regions), drawn.split) == (1, 0)


def test_a_collection_of_geometries_is_read_and_parts_without_area_are_passed_over(tmp_path):
    square = feature(0)["geometry"]
    point = {"type": "Point", "coordinates": [1, 2]}
    both = {"geometry": {"type": "GeometryCollection", "geometries": [point, square]}}
    flat_hole = [*square["coordinates"], [[1, 1], [1, 1]]]
    holed = {"geometry": {"type": "Polygon", "coordinates": flat_hole}}
    drawn = read_annotations(write(tmp_path / "a.geojson", [both, holed]))
    assert [gland.area for gland in drawn.glands] == [4, 4]


def test_an_outline_with_a_corner_that_is_no_number_has_no_area(tmp_path):
    bad = feature(0)
    bad["geometry"]["coordinates"][0][1] = [float("nan"), 3]
    drawn = read_annotations(write(tmp_path / "a.geojson", [bad, feature(9)]))
    assert (len(drawn.glands), drawn.dropped) == (1, 1)
