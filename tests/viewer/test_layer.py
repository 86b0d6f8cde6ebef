from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import orjson
import pytest
import shapely

from acinus.core.errors import InputError
from acinus.glands.feature_stream import read_features
from acinus.results.outlines import read_glands
from acinus.viewer import layer as layer_module
from acinus.viewer.layer import GlandLayer, View

EVERYTHING = View(left=-1e6, top=-1e6, right=1e6, bottom=1e6, scale=1.0)


def square(x: float, y: float, side: float) -> list[list[float]]:
    return [[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]]


def feature(number: int, coordinates: list, kind: str = "Polygon", **measurements: float) -> dict:
    return {
        "type": "Feature",
        "id": f"id-{number}",
        "geometry": {"type": kind, "coordinates": coordinates},
        "properties": {"name": f"Gland {number}", "measurements": measurements},
    }


def write(path: Path, features: list[dict], *, lines: bool = True) -> Path:
    inner = b",\n".join(orjson.dumps(each) for each in features)
    text = b'{"type":"FeatureCollection","features":[' + (b"\n" if lines else b"") + inner + b"\n]}\n"
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


def unpack(packed: bytes) -> tuple[int, int, list[tuple[int, np.ndarray]]]:
    """Read what `GlandLayer.in_view` packs: kind, glands, and each ring with its gland."""
    kind, glands, rings, vertices = np.frombuffer(packed, "<u4", 4)
    owners = np.frombuffer(packed, "<u4", rings, 16)
    counts = np.frombuffer(packed, "<u4", rings, 16 + 4 * rings)
    points = np.frombuffer(packed, "<f4", 2 * vertices, 16 + 8 * rings).reshape(-1, 2)
    pieces = np.split(points, np.cumsum(counts)[:-1]) if rings else []
    return int(kind), int(glands), list(zip(owners.tolist(), pieces, strict=True))


@pytest.mark.parametrize("name", ["a.geojson", "a.geojson.gz"])
@pytest.mark.parametrize("lines", [True, False])
def test_glands_are_read_however_the_file_is_written(tmp_path: Path, name: str, lines: bool) -> None:
    ring_with_hole = [square(0, 0, 10), square(2, 2, 3)]
    two_parts = [[square(20, 0, 4)], [square(30, 0, 2)]]
    features = [
        feature(1, ring_with_hole, area=91.0),
        feature(2, two_parts, "MultiPolygon", area=20.0, late=1.0),
        feature(3, [1, 2], "Point"),
        feature(4, [square(40, 0, 1)], area=float("nan")),
    ]
    glands = read_glands(write(tmp_path / name, features, lines=lines))
    assert shapely.area(glands.outlines).tolist() == [91.0, 20.0, 1.0]
    assert glands.ids == ["id-1", "id-2", "id-4"]
    assert glands.dropped == 1
    np.testing.assert_array_equal(glands.measurements["area"], [91.0, 20.0, np.nan])
    np.testing.assert_array_equal(glands.measurements["late"], [np.nan, 1.0, np.nan])


def test_a_ring_that_crosses_itself_is_made_valid(tmp_path: Path) -> None:
    bow_tie = [[[0, 0], [4, 4], [4, 0], [0, 4], [0, 0]]]
    glands = read_glands(write(tmp_path / "a.geojson", [feature(1, bow_tie)]))
    assert shapely.is_valid(glands.outlines).all()
    assert shapely.area(glands.outlines).tolist() == [8.0]


def test_measurements_come_from_the_table_when_the_outlines_have_none(run_folder: Path) -> None:
    path = run_folder / "slide_2" / "glands.geojson"
    with_numbers = read_glands(path)
    features = list(read_features(path))
    for each in features:
        each["properties"]["measurements"] = {}
    write(path, features[::-1])
    from_table = read_glands(path, table=run_folder / "slide_2" / "glands.csv")
    expected = with_numbers.measurements["Area µm^2"][::-1]
    np.testing.assert_allclose(from_table.measurements["Area µm^2"], expected, atol=0.01)


@pytest.mark.parametrize("text", [b"", b"{", b"3", b'{"features":[\n{"a":\n]}', b'{"features":[3]}'])
def test_a_damaged_file_is_an_error_that_names_it(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "bad.geojson").write_bytes(text)
    with pytest.raises(InputError, match=r"bad\.geojson"):
        read_glands(tmp_path / "bad.geojson")


def test_no_glands_are_no_error(tmp_path: Path) -> None:
    layer = GlandLayer(read_glands(write(tmp_path / "a.geojson", [])))
    assert len(layer) == 0
    assert layer.statistics == ()
    assert unpack(layer.in_view(EVERYTHING)) == (0, 0, [])
    assert layer.at(0, 0, reach_px=5) == []
    assert layer.centroids() == b""
    assert layer.typical_px == 0.0


@pytest.fixture
def layer(tmp_path: Path) -> GlandLayer:
    """Glands 0 to 2: a large square, a small one in it, and a ring of two boundaries far to the right."""
    coordinates = [[square(0, 0, 100)], [square(40, 40, 10)], [square(1000, 0, 50), square(1010, 10, 30)]]
    features = [feature(i, c, **{"Area µm^2": float(10 * i)}) for i, c in enumerate(coordinates)]
    return GlandLayer(read_glands(write(tmp_path / "a.geojson", features)))


def test_only_glands_that_reach_into_the_view_are_sent(layer: GlandLayer) -> None:
    kind, glands, rings = unpack(layer.in_view(View(left=90, top=-50, right=500, bottom=50, scale=1.0)))
    assert (kind, glands, [owner for owner, _ in rings]) == (0, 1, [0])
    assert rings[0][1].tolist() == square(0, 0, 100)
    _, _, all_rings = unpack(layer.in_view(EVERYTHING))
    assert [owner for owner, _ in all_rings] == [0, 1, 2, 2]


def test_outlines_lose_vertices_with_distance_but_never_vanish(tmp_path: Path) -> None:
    angles = np.linspace(0, 2 * np.pi, 400)
    ring = (np.stack([np.cos(angles), np.sin(angles)], axis=1) * 100).tolist()
    ring[-1] = ring[0]
    layer = GlandLayer(read_glands(write(tmp_path / "a.geojson", [feature(1, [ring])])))
    for scale, most in ((0.5, 400), (4.0, 60), (32.0, 20), (1000.0, 400)):
        _, glands, [(_, points)] = unpack(layer.in_view(View(-200, -200, 200, 200, scale)))
        assert glands == 1
        assert 4 <= len(points) <= most
        if scale < 1000:
            moved = shapely.hausdorff_distance(shapely.LineString(points), shapely.LineString(ring))
            assert moved <= 0.5 * scale + 0.01  # half a pixel of the screen


def test_too_many_outlines_are_refused_by_number(layer: GlandLayer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layer_module, "MOST_OUTLINES", 2)
    assert unpack(layer.in_view(EVERYTHING)) == (1, 3, [])


def test_a_click_finds_the_smallest_gland_first_and_reaches_a_little(layer: GlandLayer) -> None:
    assert layer.at(45, 45, reach_px=0) == [1, 0]
    assert layer.at(10, 10, reach_px=0) == [0]
    assert layer.at(103, 50, reach_px=2) == []
    assert layer.at(103, 50, reach_px=4) == [0]
    assert layer.at(1025, 25, reach_px=0) == []  # in the hole


def test_statistics_have_names_units_and_meanings_for_people(layer: GlandLayer) -> None:
    [area] = layer.statistics
    assert (area.label, area.unit, area.meaning) == ("Area", "µm²", "area of the pixels")
    assert np.frombuffer(layer.values(0), "<f4").tolist() == [0.0, 10.0, 20.0]
    assert layer.describe(2)["box"] == {"left": 1000.0, "top": 0.0, "right": 1050.0, "bottom": 50.0}
    assert layer.describe(2)["numbers"] == [20.0]
    assert np.frombuffer(layer.centroids(), "<f4")[:2].tolist() == [50.0, 50.0]
