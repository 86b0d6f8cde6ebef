"""From a folder of results and a clinical table to the answer, by the command line."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from acinus.cli import run
from acinus.cohorts import libraries
from acinus.cohorts.settings import CompareSettings
from acinus.core.errors import InputError
from acinus.glands import Glands
from acinus.pipeline.compare import Question, compare_results
from acinus.pipeline.compared import COMPARED_FILES
from acinus.results.record import write_record
from acinus.results.tables import write_csv

QUICK = CompareSettings(resamples=200, permutations=0)


@pytest.fixture
def cohort(tmp_path, image_record):
    """Twelve patients of two images each; solidity falls with the grade, one image is not to be trusted."""
    rng = np.random.default_rng(3)
    rows = [["slide", "patient", "grade", "months", "death"]]
    for patient in range(12):
        grade = patient % 3 + 1
        for k in range(2):
            name = f"S{patient}-{k}"
            folder = tmp_path / "results" / name
            folder.mkdir(parents=True)
            summary = {
                "solidity_area_weighted_mean": 1 - 0.1 * grade + 0.005 * rng.normal(),
                "area_um2_area_weighted_mean": 1000.0 + 10 * (patient // 3),  # the same in every grade
                "gland_area_um2": 500.0,
                "tissue_area_um2": 1000.0,
                "solidity_q10": 0.5,
            }
            quality = 0.3 if name == "S0-1" else 0.8
            unfamiliar = {"look": "far from the fit"} if name == "S0-1" else {}
            write_record(
                folder, image_record(name=name, summary=summary, quality=quality, unfamiliar=unfamiliar)
            )
            write_csv(folder / "glands.csv", Glands.empty())
            rows.append([f"{name}.svs", f"P{patient}", str(grade), f"{20 - 5 * grade + patient % 4}", str(k)])
            rows[-1][4] = str(int(patient % 4 > 0))
    rows.append(["elsewhere.svs", "P99", "2", "5", "1"])
    rows[-3][2] = ""  # S11-0 has no grade
    with (tmp_path / "patients.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return tmp_path


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_command_writes_tables_page_and_what_was_left_out(cohort, capsys, error_lines):
    out = cohort / "out"
    (cohort / "quick.toml").write_text("resamples = 200\npermutations = 5\nfolds = 2\n", encoding="utf-8")
    words = ["compare", str(cohort / "results"), str(cohort / "patients.csv"), "--by", "grade"]
    words += ["--patient", "patient", "--settings", str(cohort / "quick.toml"), "--out", str(out)]
    assert run(words) == 0
    captured = capsys.readouterr()
    assert "grade: 1 of 2 statistics related, at 5 % false discoveries" in captured.out
    assert "1 row of patients.csv has no result: elsewhere.svs" in captured.err
    assert "1 image has no grade that is compared: S11-0" in captured.err
    first, second = read(out / "statistics.csv")
    assert (first["statistic"], second["statistic"]) == ("solidity", "area_um2")
    assert float(first["concordance"]) == 0.0  # falls with every grade
    assert first["effect_name"] == "Kendall's τ-b"
    assert first["units"] == "12"
    units = read(out / "units.csv")
    assert [unit["images"] for unit in units if unit["patient"] in ("P0", "P1")] == ["S0-0", "S1-0, S1-1"]
    assert [row["doubt"] for row in read(out / "images.csv") if row["doubt"]] == [
        "trust 0.30, unfamiliar by its look"
    ]
    table = pq.read_table(out / "statistics.parquet").to_pydict()
    assert table["statistic"] == ["solidity", "area_um2"]
    assert table["concordance_low"] == [None, pytest.approx(float(second["concordance_low"]), abs=1e-4)]
    run_file = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert run_file["settings"]["permutations"] == 5
    assert "S0-1 (trust 0.30, unfamiliar by its look)" in (out / "compare.html").read_text(encoding="utf-8")
    assert "| `solidity` | 1.00 ↓ |" in (out / "statistics.md").read_text(encoding="utf-8")


def test_survival_and_grade_are_answered_together(cohort):
    question = Question(by="grade", patient="patient", time="months", event="death")
    found = compare_results(
        cohort / "results", cohort / "patients.csv", question, out=cohort / "out", settings=QUICK
    )
    assert [comparison.outcome.name for comparison in found.comparisons] == ["grade", "months"]
    outcomes = [row["outcome"] for row in read(cohort / "out" / "statistics.csv")]
    assert outcomes == ["grade", "grade", "months", "months"]


def test_other_results_stand_beside_on_the_images_that_both_have(cohort, image_record):
    for k in (0, 1):
        for patient in range(10):
            folder = cohort / "true" / f"S{patient}-{k}"
            folder.mkdir(parents=True)
            summary = {"solidity_area_weighted_mean": float(patient % 3), "tissue_area_um2": 1.0}
            write_record(folder, image_record(name=folder.name, summary=summary | {"gland_area_um2": 1.0}))
            write_csv(folder / "glands.csv", Glands.empty())
    found = compare_results(
        cohort / "results",
        cohort / "patients.csv",
        Question(by="grade", patient="patient"),
        out=cohort / "out",
        beside=cohort / "true",
        settings=QUICK,
    )
    [beside] = found.beside
    assert beside.images == 19  # ten patients' twenty images but for the one that is not trusted
    rows = {row["statistic"]: row for row in read(cohort / "out" / "statistics.csv")}
    assert float(rows["solidity"]["concordance_beside"]) == 1.0
    assert rows["area_um2"]["concordance_beside"] == ""


def test_a_cohort_is_anndata_with_patients_as_rows(cohort):
    pytest.importorskip("anndata")
    question = Question(by="grade", patient="patient")
    found = compare_results(
        cohort / "results", cohort / "patients.csv", question, out=cohort / "out", settings=QUICK
    )
    adata = found.to_anndata()
    assert adata.shape == (12, 2)
    assert adata.obs["patient"].tolist() == [f"P{k}" for k in range(12)]
    assert adata.var.loc["solidity", "concordance"] == 0.0


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ([], "nothing to compare by; give --by COLUMN, or --time and --event"),
        (["--time", "months"], "--time and --event belong together; give both columns"),
        (["--by", "stage"], "--by stage: patients.csv has no column of that name; it has slide, patient"),
        (["--time", "months", "--event", "grade"], "--event grade holds 2; expected 1 or 0, yes or no"),
        (["--time", "slide", "--event", "death"], "--time slide holds something that is no time"),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused_in_one_line(cohort, error_lines, more, message):
    words = ["compare", str(cohort / "results"), str(cohort / "patients.csv"), "--out", str(cohort / "out")]
    assert run([*words, *more]) == 2
    [line] = error_lines()
    assert message in line
    assert not (cohort / "out").exists()


def test_where_too_little_is_left_the_error_says_how_many_results_have_no_row(cohort):
    table = cohort / "few.csv"
    table.write_text("slide,grade\nS0-0,1\nS1-0,2\nS2-0,1\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"at least 4 are needed; 21 of 24 results have no row in few\.csv$"):
        compare_results(cohort / "results", table, Question(by="grade"), out=cohort / "out", settings=QUICK)


def test_events_may_be_written_as_portals_do(cohort):
    table = cohort / "patients.csv"
    text = table.read_text(encoding="utf-8").replace(",0\n", ",0:LIVING\n").replace(",1\n", ",1:DECEASED\n")
    table.write_text(text, encoding="utf-8")
    question = Question(time="months", event="death", patient="patient")
    found = compare_results(cohort / "results", table, question, out=cohort / "out", settings=QUICK)
    assert found.comparisons[0].outcome.events.sum() == 9  # of 12 patients, one of four is censored


def test_a_folder_of_other_files_is_left_alone_and_an_earlier_answer_is_replaced(cohort, error_lines):
    words = ["compare", str(cohort / "results"), str(cohort / "patients.csv"), "--by", "grade", "--out"]
    assert run([*words, str(cohort / "results")]) == 2
    [line] = error_lines()
    assert line.endswith("is not empty and holds no compare.html; choose an empty or new folder for --out")
    question = Question(by="grade", patient="patient")
    for _ in range(2):
        found = compare_results(
            cohort / "results", cohort / "patients.csv", question, out=cohort / "out", settings=QUICK
        )
    assert found.files["page"].is_file()
    assert {path.name for path in found.files.values()} | {"run.json"} == set(COMPARED_FILES)
    (cohort / "out" / "groups.csv").write_text("corrected by hand")
    assert run([*words, str(cohort / "out")]) == 2
    [line] = error_lines()
    assert "groups.csv is in the way: not written by acinus, or changed since" in line


def test_without_the_libraries_one_line_says_what_to_install(cohort, error_lines, monkeypatch):
    known = libraries.find_spec
    monkeypatch.setattr(libraries, "find_spec", lambda name: None if name == "lifelines" else known(name))
    words = ["compare", str(cohort / "results"), str(cohort / "patients.csv"), "--by", "grade"]
    assert run([*words, "--out", str(cohort / "out")]) == 2
    [line] = error_lines()
    assert line.endswith('comparing needs lifelines; run pip install "acinus[compare]"')
