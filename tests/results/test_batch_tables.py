"""The tables of a batch: which results they hold, and what becomes of damaged ones."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest

from acinus.glands import Glands, measure_glands
from acinus.results.batch_tables import records_in, write_tables
from acinus.results.record import ImageRecord, write_record
from acinus.results.tables import write_csv


@pytest.fixture(scope="module")
def glands() -> Glands:
    labels = np.zeros((60, 80), np.int32)
    labels[10:30, 10:30] = 1
    labels[35:55, 40:70] = 2
    return measure_glands(labels, mpp=0.5)


@pytest.fixture
def out(tmp_path: Path, glands: Glands, image_record) -> Path:
    for name, share in (("b10", 0.25), ("b9", math.nan)):
        put(tmp_path / name, image_record(name=name, summary={"glands": 2.0, "share": share}), glands)
    return tmp_path


def put(folder: Path, record: ImageRecord, glands: Glands) -> None:
    folder.mkdir()
    write_record(folder, record)
    write_csv(folder / "glands.csv", glands)


def rows_of(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_each_row_of_each_image_stands_behind_its_name_in_natural_order(out):
    assert write_tables(out, records_in(out)) == []
    heading, *rows = rows_of(out / "glands.csv")
    own = rows_of(out / "b9" / "glands.csv")
    assert heading == ["image", *own[0]]
    assert rows == [[name, *row] for name in ("b9", "b10") for row in own[1:]]


def test_the_summary_has_one_row_per_image_and_empty_fields_for_what_is_missing(out):
    write_tables(out, records_in(out))
    assert rows_of(out / "summary.csv") == [
        ["image", "glands", "share", "artefact_area_um2", "quality", "unfamiliar"],
        ["b9", "2", "", "", "", ""],
        ["b10", "2", "0.25", "", "", ""],
    ]


def test_the_summary_names_the_reasons_for_which_an_image_is_unfamiliar(tmp_path, glands, image_record):
    unfamiliar = {"look": "looks unlike the images of the fit", "rings": "no rings"}
    record = image_record(name="a", summary={"glands": 2.0}, quality=0.123456789, unfamiliar=unfamiliar)
    put(tmp_path / "a", record, glands)
    assert records_in(tmp_path)["a"].unfamiliar == unfamiliar
    write_tables(tmp_path, records_in(tmp_path))
    assert rows_of(tmp_path / "summary.csv")[1] == ["a", "2", "", "0.123457", "look rings"]


def test_the_summary_says_how_much_of_a_slide_was_left_out(tmp_path, glands, image_record):
    for name, found in (("a", {"pen": 2000.0, "fold": 500.0}), ("b", {}), ("c", None)):
        put(tmp_path / name, image_record(name=name, summary={"glands": 2.0}, artefacts=found), glands)
    write_tables(tmp_path, records_in(tmp_path))
    assert [row[2] for row in rows_of(tmp_path / "summary.csv")] == ["artefact_area_um2", "2500", "0", ""]


def test_a_statistic_that_only_some_results_have_is_a_column_of_all(out, image_record, glands):
    put(out / "c", image_record(name="c", summary={"glands": 1.0, "new": 3.0}), glands)
    write_tables(out, records_in(out))
    heading, *rows = rows_of(out / "summary.csv")
    assert heading == ["image", "glands", "share", "new", "artefact_area_um2", "quality", "unfamiliar"]
    assert [row[3] for row in rows] == ["", "", "3"]


def test_results_without_a_table_a_summary_or_a_readable_record_are_left_out(out, image_record, glands):
    put(out / "no_summary", image_record(), glands)
    put(out / "damaged", image_record(summary={"glands": 0.0}), glands)
    (out / "damaged" / "image.json").write_text("{")
    put(out / "no_table", image_record(summary={"glands": 0.0}), glands)
    (out / "no_table" / "glands.csv").unlink()
    put(out / ".b9.0123abcd.tmp", image_record(summary={"glands": 0.0}), glands)
    assert list(records_in(out)) == ["b9", "b10"]


def test_without_any_result_no_table_is_written(tmp_path):
    assert write_tables(tmp_path, records_in(tmp_path)) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("lost", [1, 4, 60])
def test_a_cut_table_is_reported_and_costs_its_own_rows_alone(out, lost):
    path = out / "b9" / "glands.csv"
    path.write_text(path.read_text()[:-lost])
    [problem] = write_tables(out, records_in(out))
    assert "b9/glands.csv cannot be read as a table of glands (line 3" in problem
    assert problem.endswith(f"its glands are left out of {out / 'glands.csv'}")
    assert [row[0] for row in rows_of(out / "glands.csv")] == ["image", "b10", "b10"]
    assert [row[0] for row in rows_of(out / "summary.csv")] == ["image", "b9", "b10"]


def test_of_a_table_with_other_columns_the_known_ones_are_taken(out, image_record):
    (out / "c").mkdir()
    write_record(out / "c", image_record(name="c", summary={"glands": 1.0}))
    (out / "c" / "glands.csv").write_text("mood,area_um2,label\ngood,7.5,1\n")
    assert write_tables(out, records_in(out)) == []
    heading, *rows = rows_of(out / "glands.csv")
    last = dict(zip(heading, rows[-1], strict=True))
    assert (last["image"], last["label"], last["area_um2"], last["solidity"]) == ("c", "1", "7.5", "")
