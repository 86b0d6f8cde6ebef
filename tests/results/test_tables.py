"""Tables on disk, read back, and the documentation of their columns."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from acinus.core.errors import InputError
from acinus.glands import COLUMNS, Glands, measure_glands
from acinus.results.tables import read_table, table_problem, write_csv, write_parquet


@pytest.fixture(scope="module")
def glands() -> Glands:
    labels = np.zeros((90, 160), np.int32)
    y, x = np.mgrid[:90, :160] + 0.5
    labels[np.hypot(x - 45, y - 45) <= 35] = 12
    labels[np.hypot(x - 45, y - 45) <= 15] = 0
    labels[60:90, 100:140] = 5
    return measure_glands(labels, mpp=0.5)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("label\n1\n2\n", None),
        ("label\n1\n2", "was cut after 1 gland of 2"),
        ("label\n1\n", "has 1 gland, image.json beside it has 2; one of the two was changed"),
        ("", "was cut after 0 glands of 2"),
    ],
)
def test_a_table_that_was_cut_is_told_at_first_sight(tmp_path, text, problem):
    (tmp_path / "glands.csv").write_text(text, encoding="utf-8")
    found = table_problem(tmp_path / "glands.csv", gland_count=2)
    assert found is None if problem is None else problem in found
    assert "cannot be read" in table_problem(tmp_path / "absent.csv", gland_count=2)


def test_parquet_comes_back_exactly(tmp_path, glands):
    write_parquet(tmp_path / "glands.parquet", glands)
    back = read_table(tmp_path / "glands.parquet")
    for column in COLUMNS:
        assert back[column.name].dtype == column.dtype
        np.testing.assert_array_equal(back[column.name], glands[column.name])


def test_parquet_has_nulls_for_missing_values_and_says_what_columns_mean(tmp_path, glands):
    write_parquet(tmp_path / "glands.parquet", glands)
    table = pq.read_table(tmp_path / "glands.parquet")
    assert table.column("lumen_fraction").null_count == 1
    assert table.schema.field("solidity").metadata == {b"meaning": b"area over area of the convex hull"}


def test_csv_comes_back_to_its_digits(tmp_path, glands):
    write_csv(tmp_path / "glands.csv", glands)
    back = read_table(tmp_path / "glands.csv")
    for column in COLUMNS:
        assert back[column.name].dtype == column.dtype
        read, written = back[column.name].astype(float), glands[column.name].astype(float)
        np.testing.assert_allclose(read, written, rtol=0, atol=0.51 * 10.0**-column.digits)


def test_csv_reads_as_a_person_expects(tmp_path, glands):
    write_csv(tmp_path / "glands.csv", glands)
    header, first, second = (tmp_path / "glands.csv").read_text(encoding="utf-8").splitlines()
    assert header == ",".join(column.name for column in COLUMNS)
    row = dict(zip(header.split(","), first.split(","), strict=True))
    assert (row["label"], row["touches_side"], row["area_um2"]) == ("5", "true", "300.00")
    assert row["lumen_fraction"] == ""  # not known without an image
    assert second.startswith("12,")


@pytest.mark.parametrize("name", ["glands.csv", "glands.parquet"])
def test_what_an_earlier_version_did_not_measure_is_missing(tmp_path, glands, name):
    (write_csv if name.endswith("csv") else write_parquet)(tmp_path / name, glands)
    newer = [column.name for column in COLUMNS if column.since == "0.3.0"]
    assert "lumina" in newer
    if name.endswith("csv"):
        rows = list(csv.reader((tmp_path / name).read_text().splitlines()))
        kept = [number for number, column in enumerate(rows[0]) if column not in newer]
        with (tmp_path / name).open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([row[k] for k in kept] for row in rows)
    else:
        pq.write_table(pq.read_table(tmp_path / name).drop_columns(newer), tmp_path / name)
    back = read_table(tmp_path / name)
    assert all(np.isnan(back[column]).all() for column in newer)
    assert back["solidity"] == pytest.approx(glands["solidity"], abs=1e-4)


@pytest.mark.parametrize("name", ["glands.csv", "glands.parquet"])
def test_empty_table_keeps_its_columns(tmp_path, name):
    (write_csv if name.endswith("csv") else write_parquet)(tmp_path / name, Glands.empty())
    back = read_table(tmp_path / name)
    assert len(back) == 0
    assert back["neighbours"].dtype == np.int32


@pytest.mark.parametrize("content", ["", "label,area_um2\n1,2\n", "label\nx\n"])
def test_a_csv_that_is_no_table_is_refused_by_name(tmp_path, content):
    path = tmp_path / "other.csv"
    path.write_text(content)
    with pytest.raises(InputError, match=r"other\.csv"):
        read_table(path)


@pytest.mark.parametrize("kept", [1, 40, 100])
def test_a_csv_cut_inside_a_line_is_refused_by_name_and_line(tmp_path, glands, kept):
    path = tmp_path / "glands.csv"
    write_csv(path, glands)
    *whole, last = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(whole) + last[:kept], encoding="utf-8")
    with pytest.raises(InputError, match=r"glands\.csv cannot be read .*line 3 .* measure again") as caught:
        read_table(path)
    assert "\n" not in str(caught.value)


def test_a_csv_cut_within_its_last_field_or_before_its_end_is_refused(tmp_path, glands):
    path = tmp_path / "glands.csv"
    write_csv(path, glands)
    whole = path.read_text(encoding="utf-8")
    assert whole.endswith(",0.0000,\n")  # the last field is empty
    for lost in (1, 2):
        path.write_text(whole[:-lost], encoding="utf-8")
        with pytest.raises(InputError, match=r"glands\.csv cannot be read .*\(line 3 has (no end|31 of 32)"):
            read_table(path)


def test_a_csv_that_a_spreadsheet_saved_is_read(tmp_path, glands):
    path = tmp_path / "glands.csv"
    write_csv(path, glands)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert read_table(path)["label"].tolist() == [5, 12]


def test_a_csv_of_zeros_as_a_crash_leaves_it_is_refused_by_name(tmp_path):
    path = tmp_path / "glands.csv"
    path.write_bytes(bytes(200_000))
    with pytest.raises(InputError, match=r"glands\.csv cannot be read"):
        read_table(path)


@pytest.mark.parametrize("name", ["other.parquet", "missing.csv", "other.txt"])
def test_what_is_no_table_is_refused_by_name(tmp_path, name):
    if name.startswith("other"):
        (tmp_path / name).write_bytes(b"nothing")
    with pytest.raises(InputError, match=name.split(".")[0]):
        read_table(tmp_path / name)


def test_columns_must_be_complete_and_of_one_length():
    columns = dict(Glands.empty().columns)
    with pytest.raises(InputError, match="solidity"):
        Glands({name: values for name, values in columns.items() if name != "solidity"})
    with pytest.raises(InputError, match="lengths"):
        Glands(columns | {"solidity": np.ones(2)})


def test_selection_keeps_rows_together(glands):
    inside = glands.select(~glands["touches_side"])
    assert inside["label"].tolist() == [12]


def test_every_column_is_documented_with_its_name_in_qupath():
    text = (Path(__file__).parents[2] / "docs" / "measurements.md").read_text(encoding="utf-8")
    for column in COLUMNS:
        assert f"`{column.name}`" in text, column.name
        assert f"`{column.qupath}`" in text or column.kind == "identity", column.qupath
