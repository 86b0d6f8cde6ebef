"""Results find their rows whatever suffix either side writes, and what finds none is listed."""

from __future__ import annotations

from pathlib import Path

import pytest

from acinus.cohorts.clinical import ClinicalTable, read_clinical
from acinus.cohorts.matching import match_rows
from acinus.core.errors import InputError, UsageError


def table(**columns):
    return ClinicalTable(Path("patients.csv"), {name: tuple(values) for name, values in columns.items()})


def test_names_match_with_and_without_suffix_folder_and_capitals():
    known = table(age=["50", "60", "70"], slide=["scans/A-1.SVS", "b_2", "c.ome.tif"])
    found = match_rows(["a-1", "b_2", "C.tiff", "d"], known)
    assert found.rows == {"a-1": 0, "b_2": 1, "C.tiff": 2}
    assert found.column == "slide"
    assert found.results_without_row == ("d",)
    assert found.rows_without_result == ()


def test_a_dot_within_a_name_is_no_suffix():
    assert match_rows(["s.1"], table(slide=["s.1", "s.2"])).rows == {"s.1": 0}


def test_a_patients_row_belongs_to_all_slides_whose_names_begin_with_the_patients():
    known = table(case=["TCGA-CR-7395", "TCGA-CR-73", "P9"], grade=["1", "2", "3"])
    found = match_rows(["tcga-cr-7395-01a-01-ts1", "TCGA-CR-73_2", "TCGA-CR-731"], known)
    assert found.rows == {"tcga-cr-7395-01a-01-ts1": 0, "TCGA-CR-73_2": 1}
    assert found.results_without_row == ("TCGA-CR-731",)
    assert found.rows_without_result == ("P9",)


def test_a_lone_number_begins_a_name_only_where_the_column_names_patients():
    known = table(grade=["1", "2"], id=["17", "18"])
    with pytest.raises(InputError, match=r"no name in patients\.csv is that of a result \(17-a"):
        match_rows(["17-a", "2-b"], table(grade=["1", "2"], id=["17", "18"]))
    assert match_rows(["17-a", "2-b"], known, patient="id").rows == {"17-a": 0}


def test_a_column_of_outcomes_has_no_names():
    known = table(grade=["low", "low"], slide=["x-1", "x-2"])
    with pytest.raises(InputError, match="no name in"):
        match_rows(["low_1", "low_2"], known, but=["grade"])


def test_two_rows_of_one_slide_are_refused():
    with pytest.raises(InputError, match=r"two rows for a\.svs"):
        match_rows(["a"], table(slide=["a", "a.svs"]))


def test_a_patients_column_may_repeat_where_slides_have_rows_of_their_own():
    known = table(patient=["P1", "P1"], slide=["P1-a", "P1-b"])
    assert match_rows(["P1-a", "P1-b"], known, patient="patient").rows == {"P1-a": 0, "P1-b": 1}


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table_is_read_with_any_separator_and_blanks_around_names(tmp_path, separator):
    path = tmp_path / "t.csv"
    lines = [["name ", " patient ID", " grade"], ["a", " 2", " low, mixed" if separator != "," else " low"]]
    path.write_text("\ufeff" + "\r\n".join(separator.join(line) for line in lines), encoding="utf-8")
    read = read_clinical(path)
    assert list(read.columns) == ["name", "patient ID", "grade"]
    assert read.column("Grade", option="--by") == ("low, mixed" if separator != "," else "low",)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("sep=;\r\nslide;months\r\na;1,5\r\nb;12\r\n", "utf-8-sig"),
        ("slide;months;;\r\na;1,5;;\r\nb;12;;;\r\n;;;\r\n", "utf-8"),
        ("slide\tmonths\r\na\t1,5\r\nb\t12\r\n", "utf-16"),
        ('slide,months\ra,"1,5"\rb,12\r', "utf-8"),
    ],
)
def test_a_table_is_read_as_spreadsheets_save_it(tmp_path, text, encoding):
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode(encoding))
    assert read_clinical(path).columns == {"slide": ("a", "b"), "months": ("1.5", "12")}


def test_a_comma_stays_where_it_may_be_of_thousands_or_of_text(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("slide\tcells\tnote\na\t1,500\t1,5\nb\t12\tx\n", encoding="utf-8")
    assert read_clinical(path).columns == {
        "slide": ("a", "b"),
        "cells": ("1,500", "12"),
        "note": ("1,5", "x"),
    }


def test_a_cell_may_have_lines_and_errors_name_the_line_of_the_file(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('slide,note\na,"two\nlines"\n', encoding="utf-8")
    assert read_clinical(path).columns == {"slide": ("a",), "note": ("two\nlines",)}
    path.write_text("sep=,\nslide,note\n\na,b,c\n", encoding="utf-8")
    with pytest.raises(InputError, match="row 4 has 3 of 2 fields"):
        read_clinical(path)


def test_what_is_wrong_with_a_table_is_said_in_one_line(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"row 2 has 1 of 2 fields"):
        read_clinical(path)
    path.write_text("a,a\n1,2\n", encoding="utf-8")
    with pytest.raises(InputError, match="two columns named 'a'"):
        read_clinical(path)
    path.write_text("a,b\n", encoding="utf-8")
    with pytest.raises(InputError, match="has no rows"):
        read_clinical(path)
    path.write_bytes("slide,grade\na,gro\u00df\n".encode("cp1252"))
    with pytest.raises(InputError, match='is not in UTF-8; save it anew, in Excel as "CSV UTF-8"'):
        read_clinical(path)
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(InputError, match="is a workbook, not a table; save its sheet as CSV"):
        read_clinical(path)
    with pytest.raises(UsageError, match=r"--by grade: patients\.csv has no column of that name; it has age"):
        table(age=["1"]).column("grade", option="--by")


def test_a_name_matches_however_its_accents_are_stored():
    matches = match_rows(["cafe\u0301_1"], table(slide=("caf\u00e9_1",), grade=("1",)))
    assert matches.rows == {"cafe\u0301_1": 0}
