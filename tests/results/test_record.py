"""The record of a result: what is written comes back, old ones are read, damaged ones end in one line."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from acinus.core.errors import InputError
from acinus.core.geometry import Box, Size
from acinus.results import record as record_module
from acinus.results.record import (
    VERSION,
    Origin,
    ScannedPart,
    find_source,
    read_record,
    results_code,
    write_record,
)

from ..loaded import modules_loaded_by

IMAGE_1 = {
    "name": "tile", "width_px": 400, "height_px": 200, "mpp": 0.5, "gland_count": 3,
    "gland_area_fraction": 0.25, "quality": None,
    "summary": {"glands": 3, "tissue_area_um2": 9000, "clark_evans": None},
    "path": "/data/tile.png", "model": "model", "fingerprint": "0123", "code": "4567",
}  # fmt: skip
SLIDE_1 = IMAGE_1 | {
    "name": "slide", "working_mpp": 2.5, "tissue_area_um2": 8000.0, "seconds": {"network": 1.5},
    "scanned": {"x_px": 90, "y_px": 80, "width_px": 300, "height_px": 100},
    "origin": {"from": "bounds", "x_px": 90, "y_px": 80},
}  # fmt: skip


def put(folder: Path, content: Any) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "image.json").write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


def test_what_is_written_comes_back(tmp_path, image_record):
    record = image_record(
        kind="slide",
        working_mpp=2.5,
        origin=Origin.of("bounds", scanned=Box(9, 8, 30, 20)),
        scanned=ScannedPart.of(Box(9, 8, 30, 20)),
        quality=0.75,
        summary={"glands": 2.0},
        seconds={"read": 0.5},
        path="slide.svs",
    )
    write_record(tmp_path, record)
    assert read_record(tmp_path) == record
    plain = json.loads((tmp_path / "image.json").read_text())
    assert plain["version"] == VERSION
    assert plain["origin"] == {"from": "bounds", "x_px": 9, "y_px": 8}


def test_a_statistic_that_is_missing_is_null_on_disk_and_nan_in_memory(tmp_path, image_record):
    write_record(tmp_path, image_record(summary={"glands": 0.0, "clark_evans": math.nan}))
    assert json.loads((tmp_path / "image.json").read_text())["summary"]["clark_evans"] is None
    assert math.isnan(read_record(tmp_path).summary["clark_evans"])


def test_an_image_s_record_without_a_version_is_completed(tmp_path):
    record = read_record(put(tmp_path, IMAGE_1))
    assert (record.version, record.kind, record.is_slide) == (1, "image", False)
    assert (record.mpp, record.working_mpp, record.pixels_per_level0) == (0.5, 0.5, 1.0)
    assert record.size == Size(400, 200)
    assert (record.scanned.width_px, record.scanned_width_um, record.origin_px) == (400, 200.0, (0.0, 0.0))
    assert (record.tissue_area_um2, record.area_um2) == (9000.0, 400 * 200 * 0.25)


def test_a_slide_s_record_without_a_version_keeps_what_only_slides_had(tmp_path):
    record = read_record(put(tmp_path, SLIDE_1))
    assert (record.version, record.is_slide, record.working_mpp) == (1, True, 2.5)
    assert (record.origin, record.origin_px) == (Origin(name="bounds", x_px=90, y_px=80), (90.0, 80.0))
    assert (record.pixels_per_level0, record.tissue_area_um2) == (0.2, 8000.0)
    assert record.scanned_width_um == 150.0


def test_the_earliest_records_have_no_summary(tmp_path):
    facts = {key: value for key, value in IMAGE_1.items() if key not in ("summary", "code", "fingerprint")}
    record = read_record(put(tmp_path, facts))
    assert (record.summary, record.tissue_area_um2, record.code) == ({}, None, None)


def test_what_a_later_version_adds_is_passed_over(tmp_path, image_record):
    write_record(tmp_path, image_record())
    facts = json.loads((tmp_path / "image.json").read_text())
    put(tmp_path, facts | {"version": VERSION + 1, "mood": "good"})
    assert read_record(tmp_path).version == VERSION + 1


@pytest.mark.parametrize(
    ("damage", "field"),
    [
        ({"origin": {"from": "bounds", "x_px": "here", "y_px": 0}}, "origin.x_px"),
        ({"origin": {"from": "corner"}}, "origin.from"),
        ({"origin": 7}, "origin"),
        ({"scanned": {"x_px": 0, "y_px": 0, "width_px": 0, "height_px": 5}}, "scanned.width_px"),
        ({"width_px": 0}, "width_px"),
        ({"height_px": "tall"}, "height_px"),
        ({"mpp": 50}, "mpp"),
        ({"mpp": None}, "mpp"),
        ({"quality": 1.5}, "quality"),
        ({"gland_count": -1}, "gland_count"),
        ({"gland_area_fraction": 2}, "gland_area_fraction"),
        ({"summary": {"glands": "many"}}, "summary.glands"),
        ({"summary": [1]}, "summary"),
        ({"name": 5}, "name"),
    ],
)
def test_a_damaged_field_is_named_in_one_line(tmp_path, damage, field):
    put(tmp_path, IMAGE_1 | damage)
    with pytest.raises(InputError, match=rf"image\.json is damaged \({field}\b") as caught:
        read_record(tmp_path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith("run acinus segment on this image again")


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '"image"', "\x00" * 100])
def test_what_is_no_record_at_all_is_told_in_one_line(tmp_path, text):
    with pytest.raises(InputError, match=r"image\.json is damaged") as caught:
        read_record(put(tmp_path, text))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("origin", "words"),
    [
        ({"from": "moon"}, "origin.from is \"moon\", expected 'level0' or 'bounds'"),
        ({"from": "bounds", "x_px": "far"}, 'origin.x_px is "far"'),
        (7, "origin is 7"),
    ],
)
def test_a_damaged_origin_is_told_by_its_place_and_value(tmp_path, image_record, origin, words):
    facts = image_record().model_dump(by_alias=True) | {"origin": origin}
    with pytest.raises(InputError) as caught:
        read_record(put(tmp_path, json.dumps(facts)))
    assert f"image.json is damaged ({words}" in str(caught.value)
    assert "Input should" not in str(caught.value)


def test_bytes_that_are_no_text_are_told_in_one_line(tmp_path):
    (tmp_path / "image.json").write_bytes(b"\xff\xfe{}")
    with pytest.raises(InputError, match=r"image\.json is damaged"):
        read_record(tmp_path)


def test_a_record_that_is_absent_is_told_in_one_line(tmp_path):
    with pytest.raises(InputError, match=r"image\.json cannot be read \(No such file"):
        read_record(tmp_path)


def test_a_record_cannot_be_changed_and_wrong_values_are_refused_when_it_is_made(image_record):
    record = image_record()
    with pytest.raises(ValidationError):
        record.mpp = 1.0
    with pytest.raises(ValidationError):
        image_record(mpp=99.0)


def test_the_origin_is_the_corner_of_the_scanned_part_only_where_that_was_asked_for():
    scanned = Box(90, 80, 10, 10)
    assert Origin.of("level0", scanned=scanned) == Origin()
    assert Origin.of("bounds", scanned=scanned) == Origin(name="bounds", x_px=90, y_px=80)


def test_a_source_is_found_where_it_was_or_beside_results_that_were_moved_with_it(tmp_path, image_record):
    folder = tmp_path / "results" / "a"
    folder.mkdir(parents=True)
    source = tmp_path / "images" / "a.png"
    source.parent.mkdir()
    source.write_text("pixels")
    record = image_record(path=str(source))
    assert find_source(record, folder) == source
    for place in (tmp_path / "results" / "a.png", folder / "a.png"):
        shutil.move(source, place)
        assert find_source(record, folder) == place
        source = place
    source.unlink()
    assert find_source(record, folder) is None
    assert find_source(image_record(path=None), folder) is None


def test_a_relative_path_counts_from_the_result_then_from_the_batch_then_from_here(
    tmp_path, image_record, monkeypatch
):
    here, folder = tmp_path / "here", tmp_path / "results" / "a"
    folder.mkdir(parents=True)
    here.mkdir()
    monkeypatch.chdir(here)
    record = image_record(path="a.png")
    for place in (here, folder.parent, folder):
        (place / "a.png").write_text("pixels")
        found = find_source(record, folder)
        assert found is not None
        assert found.resolve() == (place / "a.png").resolve()


@pytest.mark.parametrize("path", ["x" * 1000, "nul\0byte.png"])
def test_a_path_that_no_machine_can_look_at_is_a_lost_source(tmp_path, image_record, path):
    assert find_source(image_record(path=path), tmp_path) is None


def test_the_digest_of_the_code_is_the_same_in_every_process():
    script = "from acinus.results.record import results_code; print(results_code())"
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert said.strip() == results_code()
    assert len(results_code()) == 16


def test_the_code_of_a_result_is_all_that_segmenting_loads_but_for_what_only_arranges():
    loaded = modules_loaded_by("pipeline.segment")
    rooms = {room for room in record_module._ROOMS if "." not in room}
    assert {name.split(".")[0] for name in loaded} - {"pipeline", "losses"} == rooms  # losses are for fits
    assert {room for room in record_module._ROOMS if "." in room} < loaded
