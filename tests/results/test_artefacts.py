from __future__ import annotations

import json

import numpy as np
import pytest
import shapely

from acinus.glands.roi import read_roi
from acinus.results.artefacts import DrawnArtefact, draw_artefacts, read_artefacts, write_artefacts
from acinus.slides.artefacts import KINDS, Artefacts


def test_outlines_lie_where_the_artefacts_are():
    kinds = np.zeros((30, 40), np.uint8)
    kinds[5:15, 10:30] = KINDS.index("fold") + 1
    kinds[20:28, 2:8] = KINDS.index("pen") + 1
    drawn = {each.kind: each.outline for each in draw_artefacts(Artefacts(kinds, 8.0), scale=16.0)}
    assert set(drawn) == {"fold", "pen"}
    for kind, box in (("fold", (160, 80, 480, 240)), ("pen", (32, 320, 128, 448))):
        truth = shapely.box(*box)
        assert drawn[kind].is_valid
        assert drawn[kind].symmetric_difference(truth).area < 0.12 * truth.area  # corners are rounded
    assert draw_artefacts(Artefacts(np.zeros((3, 3), np.uint8), 8.0), scale=16.0) == ()


RING = shapely.Polygon(
    shapely.box(0, 0, 90, 60).exterior.coords, [shapely.box(30, 20, 60, 40).exterior.coords]
)
FOUND = (DrawnArtefact("blur", RING), DrawnArtefact("foreign stain", shapely.box(200, 10, 230, 40)))


def test_what_is_written_is_read_again_from_whatever_origin(tmp_path):
    path = tmp_path / "artefacts.geojson"
    write_artefacts(path, FOUND, name="slide", origin_px=(50.0, 7.0))
    classes = [
        each["properties"]["classification"]["name"] for each in json.loads(path.read_text())["features"]
    ]
    assert classes == ["Blur*", "Foreign stain*"]
    read = read_artefacts(path, origin_px=(50.0, 7.0))
    assert [each.kind for each in read] == ["blur", "foreign stain"]
    for each, written in zip(read, FOUND, strict=True):
        assert each.outline.equals(written.outline)
    left_out = read_roi(path, corner=(50.0, 7.0)).outside
    assert sum(each.area for each in left_out) == RING.area + 900


@pytest.mark.parametrize("damage", ["", "{", '{"features": [{"geometry": 1}]}', "[1]"])
def test_a_file_that_is_missing_or_damaged_shows_nothing(tmp_path, damage):
    path = tmp_path / "artefacts.geojson"
    assert read_artefacts(path) == []
    path.write_text(damage)
    assert read_artefacts(path) == []
