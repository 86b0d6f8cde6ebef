"""GeoJSON as different programs lay it out: the same features come back."""

from __future__ import annotations

import gzip
import json
import math
import zipfile
from pathlib import Path

import pytest

from acinus.core.errors import InputError
from acinus.glands import feature_stream
from acinus.glands.feature_stream import read_features

SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [4, 0], [4, 4], [0, 4], [0, 0]]]}
FEATURES = [
    {
        "type": "Feature",
        "id": f"{number}-µ",
        "geometry": SQUARE,
        "properties": {"name": "a, b\n]}", "n": number},
    }
    for number in range(7)
]
COLLECTION = {"type": "FeatureCollection", "crs": {"features": 3}, "features": FEATURES, "bbox": [0, 0, 4, 4]}


def a_line_each(content: dict[str, object]) -> str:
    lines = ",\n".join(json.dumps(feature) for feature in FEATURES)
    return f'{{"type":"FeatureCollection","features":[\n{lines}\n]}}\n'


LAYOUTS = {
    "one line": json.dumps(COLLECTION),
    "indented": json.dumps(COLLECTION, indent=2),
    "a line each": a_line_each(COLLECTION),
    "windows": a_line_each(COLLECTION).replace("\n", "\r\n"),
    "list": json.dumps(FEATURES, indent=1),
    "features first": json.dumps({"features": FEATURES, "type": "FeatureCollection"}),
    "list of collections": json.dumps([{"features": FEATURES[:3]}, *FEATURES[3:]]),
    "sequence": "\n".join(json.dumps(feature) for feature in FEATURES),
    "records": "".join(f"\x1e{json.dumps(feature)}\n" for feature in FEATURES),
    "collections in a row": json.dumps({"features": FEATURES[:3]}) + json.dumps({"features": FEATURES[3:]}),
}


@pytest.mark.parametrize("chunk", [1, 7, 64, 1 << 20])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_layout_makes_no_difference_nor_where_a_chunk_ends(tmp_path, monkeypatch, layout, chunk):
    monkeypatch.setattr(feature_stream, "_CHUNK", chunk)
    (tmp_path / "a.geojson").write_text(LAYOUTS[layout], encoding="utf-8", newline="")
    assert list(read_features(tmp_path / "a.geojson")) == FEATURES


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_no_content(tmp_path, encoding):
    (tmp_path / "a.geojson").write_text(json.dumps(COLLECTION, ensure_ascii=False), encoding=encoding)
    assert list(read_features(tmp_path / "a.geojson")) == FEATURES


def test_compressed_files_are_known_by_their_content(tmp_path):
    plain = json.dumps(COLLECTION).encode()
    (tmp_path / "a.geojson").write_bytes(gzip.compress(plain))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.geojson", plain)
    for name in ("a.geojson", "a.zip"):
        assert list(read_features(tmp_path / name)) == FEATURES
    with zipfile.ZipFile(tmp_path / "a.zip", "a") as archive:
        archive.writestr("b.geojson", plain)
    with pytest.raises(
        InputError, match=r"a\.zip cannot be read as GeoJSON \(expected one file in the zip, got 2"
    ):
        list(read_features(tmp_path / "a.zip"))


@pytest.mark.parametrize("indent", [None, 2])
def test_numbers_that_are_not_finite_are_read(tmp_path, indent):
    measured = {"geometry": SQUARE, "properties": {"measurements": {"a": math.nan, "b": -math.inf, "c": 1.5}}}
    (tmp_path / "a.geojson").write_text(json.dumps({"features": [measured, *FEATURES]}, indent=indent))
    first, *others = read_features(tmp_path / "a.geojson")
    assert math.isnan(first["properties"]["measurements"].pop("a"))
    assert first["properties"]["measurements"] == {"b": -math.inf, "c": 1.5}
    assert others == FEATURES


def test_a_bare_geometry_is_a_feature_without_properties(tmp_path):
    path: Path = tmp_path / "a.geojson"
    expected = {"type": "Feature", "geometry": SQUARE, "properties": {}}
    for content in (SQUARE, [SQUARE]):
        path.write_text(json.dumps(content))
        assert list(read_features(path)) == [expected]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_file_that_was_cut_off_is_refused(tmp_path, layout):
    text = LAYOUTS[layout]
    (tmp_path / "a.geojson").write_text(
        text[: text.rindex("]}") - 20 if "bbox" not in text else len(text) // 2]
    )
    with pytest.raises(InputError, match=r"a\.geojson cannot be read as GeoJSON"):
        list(read_features(tmp_path / "a.geojson"))


def test_a_damaged_archive_is_refused_in_one_line_wherever_the_damage_is(tmp_path):
    path = tmp_path / "a.geojson.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.geojson", json.dumps(COLLECTION))
    refusals = []
    for whole in (path.read_bytes(), gzip.compress(json.dumps(COLLECTION).encode())):
        for place in range(4, len(whole), 3):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
            try:
                assert list(read_features(path)) == FEATURES
            except InputError as error:
                refusals.append(str(error))
    assert len(refusals) > 100
    assert all(line.startswith("a.geojson.zip cannot be read as GeoJSON") for line in refusals)
    assert not any("\n" in line for line in refusals)
