from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from acinus.core.errors import InputError
from acinus.glands.features import read_annotations, read_features


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
        ('{"features": [3]}', "is no GeoJSON of outlines"),
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
