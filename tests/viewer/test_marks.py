from __future__ import annotations

from pathlib import Path

import numpy as np
import orjson
import pytest
import shapely

from acinus.core.errors import InputError, OutputError
from acinus.core.files import read_json, write_json
from acinus.results.outlines import read_glands
from acinus.viewer import marks as marks_module
from acinus.viewer.entries import find_entries
from acinus.viewer.layer import GlandLayer
from acinus.viewer.library import Library
from acinus.viewer.marks import Marks


@pytest.fixture
def folder(run_folder: Path) -> Path:
    return run_folder.resolve() / "slide_2"


@pytest.fixture
def layer(folder: Path) -> GlandLayer:
    return GlandLayer(read_glands(folder / "glands.geojson"))


def opened(folder: Path, digest: str = "d") -> Marks:
    return Marks(folder, root=folder.parent, digest=digest)


def test_marks_outlive_the_process(folder: Path) -> None:
    marks = opened(folder)
    marks.set("a", "wrong")
    marks.set("b", "right")
    marks.set("a", None)
    assert opened(folder).all() == {"b": "right"}
    assert read_json(folder / "marks.json")["outlines_sha256"] == "d"


def test_a_mark_says_who_made_it_and_keeps_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marks_module, "user_name", lambda: "anna")
    opened(folder).set("a", "wrong")
    monkeypatch.setattr(marks_module, "user_name", lambda: "ben")
    opened(folder).set("b", "right")
    kept = read_json(folder / "marks.json")["marks"]
    assert {gland: mark["by"] for gland, mark in kept.items()} == {"a": "anna", "b": "ben"}


def test_a_failed_write_leaves_the_old_marks(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    marks = opened(folder)
    marks.set("a", "wrong")
    before = (folder / "marks.json").read_bytes()

    def full(path: Path, value: object) -> None:
        raise OutputError("no space left")

    monkeypatch.setattr(marks_module, "write_json", full)
    with pytest.raises(OutputError):
        marks.set("a", "right")
    assert marks.all() == {"a": "wrong"}
    assert (folder / "marks.json").read_bytes() == before


def test_marks_that_another_viewer_set_meanwhile_are_kept(folder: Path) -> None:
    first, second = opened(folder), opened(folder)
    first.set("a", "wrong")
    second.set("b", "right")
    first.set("c", "wrong")
    assert opened(folder).all() == {"a": "wrong", "b": "right", "c": "wrong"}
    newer = opened(folder, digest="e")  # segmented anew while the first is open
    newer.set("x", "right")
    first.set("d", "wrong")
    kept = [read_json(path)["marks"] for path in sorted(folder.glob("marks-*.json"))]
    assert [set(marks) for marks in kept] == [{"a", "b", "c"}, {"x"}]


def test_nothing_half_written_is_left(folder: Path) -> None:
    opened(folder).set("a", "wrong")
    assert sorted(path.name for path in folder.glob("*marks*")) == ["marks.json"]


def test_marks_of_another_segmentation_are_set_aside_not_lost(folder: Path) -> None:
    opened(folder, "0123456789").set("a", "wrong")
    old = (folder / "marks.json").read_bytes()
    marks = opened(folder, "another")
    assert marks.all() == {}
    assert marks.notice == "marks of an earlier segmentation are in marks.json"
    assert (folder / "marks.json").read_bytes() == old  # looking changes nothing
    marks.set("b", "right")
    marks.set("c", "right")
    assert (folder / "marks-01234567.json").read_bytes() == old
    assert marks.notice == "marks of an earlier segmentation are in marks-01234567.json"
    assert opened(folder, "another").all() == {"b": "right", "c": "right"}


def test_two_earlier_segmentations_are_both_kept(folder: Path) -> None:
    (folder / "marks-01234567.json").write_text("{}")
    opened(folder, "0123456789").set("a", "wrong")
    marks = opened(folder, "another")
    marks.set("b", "right")
    assert (folder / "marks-01234567.json").read_text() == "{}"
    assert (folder / "marks-01234567-2.json").exists()
    assert marks.notice == "marks of an earlier segmentation are in marks-01234567-2.json"


@pytest.mark.parametrize("text", ["{", "[]", '{"marks": {"a": {"mark": "odd"}}, "outlines_sha256": "d"}'])
def test_damaged_marks_are_never_written_over(folder: Path, text: str) -> None:
    (folder / "marks.json").write_text(text)
    with pytest.raises(InputError, match="rename it"):
        opened(folder)


def test_marks_are_not_read_through_a_link_that_leads_out(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.json").write_text("{}")
    (folder / "marks.json").symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(InputError, match="points outside"):
        opened(folder)


def test_marks_are_not_written_into_a_folder_that_became_a_link(folder: Path, tmp_path: Path) -> None:
    marks = opened(folder)
    folder.rename(tmp_path / "moved")
    folder.symlink_to(tmp_path / "moved")
    with pytest.raises(OutputError, match="points outside"):
        marks.set("a", "right")
    assert not (tmp_path / "moved" / "marks.json").exists()


def test_the_export_is_what_qupath_reads(folder: Path, layer: GlandLayer) -> None:
    marks = opened(folder)
    marks.set(layer.glands.ids[3], "wrong")
    marks.set("a gland that is gone", "right")
    exported = orjson.loads(marks.geojson(layer))
    assert exported["type"] == "FeatureCollection"
    [feature] = exported["features"]
    assert feature["id"] == layer.glands.ids[3]
    assert feature["geometry"]["type"] == "Polygon"
    assert feature["properties"]["objectType"] == "annotation"
    assert feature["properties"]["classification"] == {"name": "Wrong", "color": [198, 40, 40]}
    assert feature["properties"]["measurements"]["Area µm^2"] == pytest.approx(
        layer.describe(3)["numbers"][0]
    )
    assert feature["properties"]["isLocked"] is False


def test_outlines_that_count_from_elsewhere_are_shown_on_the_slide_and_exported_as_they_were(
    folder: Path, layer: GlandLayer
) -> None:
    facts = read_json(folder / "image.json")
    write_json(folder / "image.json", facts | {"origin": {"from": "bounds", "x_px": 1000, "y_px": 20.5}})
    entry = find_entries(folder).by_name["slide_2"]
    moved = Library(find_entries(folder)).glands("slide_2").layer
    assert entry.record.origin_px == (1000.0, 20.5)
    expected = shapely.bounds(layer.glands.outlines) + np.array([1000, 20.5, 1000, 20.5])
    np.testing.assert_allclose(shapely.bounds(moved.glands.outlines), expected)
    marks = opened(folder)
    marks.set(layer.glands.ids[0], "right")
    [feature] = orjson.loads(marks.geojson(moved))["features"]
    np.testing.assert_allclose(
        shapely.geometry.shape(feature["geometry"]).bounds, layer.glands.outlines[0].bounds
    )
