"""``acinus segment`` on slides and images together: what is written, skipped, made again, and said."""

from __future__ import annotations

import csv
import json
import os
import runpy
import shutil
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from acinus.cli import run
from acinus.report import write_report
from acinus.results.files import LIST, SLIDE_FILES
from acinus.viewer.app import create_app

from .drawn import write_slide

LEFT = ["glands.csv", "run.json", "summary.csv"]


@pytest.fixture(scope="module")
def results(
    tmp_path_factory: pytest.TempPathFactory, tissue_slide: Path, tiles: Path, tiny_model: Path
) -> Path:
    out = tmp_path_factory.mktemp("batch") / "results"
    inputs = [str(tissue_slide), str(tiles / "tile_000.png")]
    assert run(["segment", *inputs, "--model", str(tiny_model), "--out", str(out)]) == 0
    return out


@pytest.fixture
def own(tmp_path: Path, tissue_slide: Path, results: Path) -> tuple[Path, Path]:
    """Copies of the slide, with its time, and of the results, for tests that change them."""
    shutil.copy2(tissue_slide, tmp_path / "tissue.tif")
    shutil.copytree(results, tmp_path / "results")
    return tmp_path / "tissue.tif", tmp_path / "results"


def visible(folder: Path) -> list[str]:
    """Names of all but the list of what acinus wrote."""
    return sorted(path.name for path in folder.iterdir() if path.name != LIST)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_pyramid_gets_a_slide_s_files_and_a_tile_those_of_an_image(results):
    assert visible(results) == sorted([*LEFT, "tile_000", "tissue"])
    assert visible(results / "tissue") == sorted(
        ["image.json", "windows", *{Path(name).parts[0] for name in SLIDE_FILES}]
    )
    assert (results / "tile_000" / "labels.png").is_file()


def test_the_tables_of_the_batch_hold_both(results):
    count = {name: len(rows_of(results / name / "glands.csv")) for name in ("tile_000", "tissue")}
    pooled = [row["image"] for row in rows_of(results / "glands.csv")]
    assert {name: pooled.count(name) for name in count} == count
    summaries = {row["image"]: row for row in rows_of(results / "summary.csv")}
    assert {name: int(float(row["glands"])) for name, row in summaries.items()} == count
    inputs = {entry["name"]: entry for entry in json.loads((results / "run.json").read_text())["inputs"]}
    assert set(inputs["tissue"]) >= {"path", "size_bytes", "mtime_ns", "sha256_of_ends"}
    assert len(inputs["tile_000"]["sha256"]) == 64


def test_report_and_viewer_show_the_slide(results, tmp_path):
    page = write_report(results, out=tmp_path / "report.html").read_text(encoding="utf-8")
    assert "tissue" in page
    with TestClient(create_app(results), base_url="http://127.0.0.1:8000") as client:
        names = [slide["name"] for slide in client.get("/api/slides").json()["slides"]]
        assert names == ["tile_000", "tissue"]
        glands = client.get("/api/slides/tissue/glands").json()
        assert glands["count"] == len(rows_of(results / "tissue" / "glands.csv"))


def test_outlines_in_the_file_for_qupath_have_the_areas_of_the_label_map(results):
    example = Path(__file__).resolve().parents[3] / "examples" / "qupath_check.py"
    check = runpy.run_path(str(example))["check"]
    count = len(rows_of(results / "tissue" / "glands.csv"))
    assert count > 0
    assert f"{count} glands" in check(results / "tissue", count=3)


def test_a_finished_slide_is_skipped_and_what_a_kill_left_of_it_is_removed(own, tiny_model, capsys):
    slide, out = own
    (out / ".tissue.work").mkdir()
    before = {path: path.stat().st_mtime_ns for path in (out / "tissue").rglob("*")}
    assert run(["segment", str(slide), "--model", str(tiny_model), "--out", str(out)]) == 0
    assert "Segmented 0 images (1 other had results already)" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in (out / "tissue").rglob("*")} == before
    assert not (out / ".tissue.work").exists()


def test_what_people_put_beside_a_slide_s_results_is_kept_when_they_are_made_again(own, tiny_model):
    slide, out = own
    (out / "tissue" / "marks.json").write_text("hours of work")
    words = ["segment", str(slide), "--model", str(tiny_model), "--out", str(out), "--mpp", "0.7"]
    assert run(words) == 0
    assert json.loads((out / "tissue" / "image.json").read_text())["mpp"] == 0.7
    assert (out / "tissue" / "marks.json").read_text() == "hours of work"


@pytest.mark.parametrize("change", ["slide", "time", "mpp", "origin", "model", "overlay", "labels", "note"])
def test_a_slide_is_segmented_again_when_anything_changed(own, tiny_model, tmp_path, capsys, change):
    slide, out = own
    model, words = tiny_model, []
    if change == "slide":
        times = slide.stat().st_atime_ns, slide.stat().st_mtime_ns
        slide.write_bytes(slide.read_bytes() + b"\0")
        os.utime(slide, ns=times)
    elif change == "time":
        os.utime(slide)
    elif change == "mpp":
        words = ["--mpp", "0.7"]
    elif change == "origin":
        words = ["--origin", "bounds"]
    elif change == "model":
        model = tmp_path / "model"
        shutil.copytree(tiny_model, model)
        description = json.loads((model / "model.json").read_text())
        description["settings"]["instances"]["min_area_um2"] = 1500.0
        (model / "model.json").write_text(json.dumps(description))
    elif change == "overlay":
        (out / "tissue" / "overlay.jpg").unlink()
    elif change == "labels":
        shutil.rmtree(out / "tissue" / "labels.zarr")
    else:
        (out / "tissue" / "image.json").write_text("{")
    assert run(["segment", str(slide), "--model", str(model), "--out", str(out), *words]) == 0
    assert "Segmented 1 image; " in capsys.readouterr().out
    assert all((out / "tissue" / name).is_file() for name in SLIDE_FILES)


def test_two_workers_write_the_same_files_as_one_process(tmp_path, tissue_slide, tiny_model, results):
    out = tmp_path / "results"
    words = ["--model", str(tiny_model), "--out", str(out), "--workers", "2"]
    assert run(["segment", str(tissue_slide), *words]) == 0
    assert visible(out) == sorted([*LEFT, "tissue"])
    for path in (path for path in (results / "tissue").rglob("*") if path.is_file()):
        if path.name not in ("image.json", "run.json"):  # they hold times and the command
            assert (out / "tissue" / path.relative_to(results / "tissue")).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_truncated_slide_fails_in_a_line_and_the_others_are_segmented(
    tmp_path, tissue_slide, tiles, tiny_model, error_lines, share
):
    content = tissue_slide.read_bytes()
    (tmp_path / "cut.tif").write_bytes(content[: round(share * len(content))])
    inputs = [str(tmp_path / "cut.tif"), str(tiles / "tile_001.png")]
    out = tmp_path / "out"
    assert run(["segment", *inputs, "--model", str(tiny_model), "--out", str(out)]) == 1
    [line] = error_lines()
    assert "cut.tif" in line
    assert "copy it again" in line
    assert visible(out) == sorted([*LEFT, "failures.log", "tile_001"])


def test_a_slide_of_glass_is_warned_of(tmp_path, tiny_model, error_lines):
    slide = write_slide(tmp_path / "glass.tif", np.full((600, 800, 3), 244, np.uint8), mpp=0.5)
    out = tmp_path / "out"
    assert run(["segment", str(slide), "--model", str(tiny_model), "--out", str(out)]) == 0
    [line] = error_lines()
    assert "glass: no tissue was found, and so no gland" in line
    assert visible(out) == sorted([*LEFT, "glass"])


@pytest.mark.parametrize("size", ["4k", "48k"])
def test_a_full_disk_ends_the_batch_in_a_line_and_more_room_is_all_that_is_needed(
    small_disk, tissue_slide, tiny_model, size, error_lines
):
    out = small_disk(size) / "results"
    words = ["segment", str(tissue_slide), "--model", str(tiny_model), "--out", str(out)]
    assert run(words) == 1
    [line] = error_lines()
    assert "no space left while writing" in line
    assert "free some disk space and run the same command again" in line
    small_disk("20m")
    assert run(words) == 0
    assert visible(out) == sorted([*LEFT, "tissue"])


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--workers", "2", "--scheduler", "tcp://127.0.0.1:1"], "give only one of them"),
        (["--workers", "0"], "--workers is 0; choose 1 or more"),
        (["--origin", "corner"], "origin"),
    ],
)
def test_wrong_usage_is_said_before_anything_is_written(
    tmp_path, tissue_slide, tiny_model, words, reason, error_lines
):
    out = tmp_path / "out"
    command = ["segment", str(tissue_slide), "--model", str(tiny_model), "--out", str(out)]
    assert run([*command, *words]) == 2
    [line] = error_lines()
    assert reason in line
    assert not out.exists()


@pytest.mark.real_data
def test_real_slides_are_segmented_or_refused_in_a_line_each(tmp_path, acinus_data, tiny_model, error_lines):
    out = tmp_path / "out"
    words = ["segment", str(acinus_data / "slides"), "--model", str(tiny_model), "--out", str(out)]
    assert run(words) == 1
    lines = [line for line in error_lines() if not line.startswith("acinus: CMU-1-Small-Region: ")]
    assert len(lines) == 4  # skin is unlike the tiny fit's three images, which is said in lines of its own
    for name, reason in {
        "tcga-cr-7395-01a-01-ts1.svs": "has no µm/px; pass --mpp",
        "absurd-mpp.dicom": "gives 16.783 µm/px, expected 0.1 to 4; pass --mpp",
        "kidney-48-5.tif": "has no µm/px; pass --mpp",
        "broken.svs": "copy it again",
    }.items():
        assert any(name in line and reason in line for line in lines), name
    assert visible(out) == sorted([*LEFT, "CMU-1-Small-Region", "failures.log"])
    facts = json.loads((out / "CMU-1-Small-Region" / "image.json").read_text())
    assert (facts["width_px"], facts["height_px"], facts["mpp"]) == (2220, 2967, 0.499)


@pytest.mark.real_data
def test_real_slides_that_do_not_say_their_resolution_are_segmented_with_ours(
    tmp_path, acinus_data, tiny_model, error_lines
):
    names = ("absurd-mpp.dicom", "kidney-48-5.tif")
    inputs = [str(acinus_data / "slides" / name) for name in names]
    out = tmp_path / "out"
    words = ["--model", str(tiny_model), "--out", str(out), "--mpp", "0.5"]
    assert run(["segment", *inputs, *words]) == 0
    assert all((out / name.partition(".")[0] / "image.json").is_file() for name in names)
    assert not any("--mpp, for example" in line for line in error_lines())


def test_what_a_killed_run_had_half_written_is_removed_and_the_rest_stays(tmp_path, tissue_slide, tiny_model):
    shutil.copy2(tissue_slide, tmp_path / "slide.2.tif")
    out = tmp_path / "out"
    for name in (".slide.2.0123abcd.tmp.2", ".slide.2.0123abcd.tmp.old", ".slide.0123abcd.tmp"):
        (out / name).mkdir(parents=True)
    for name in (".summary.csv.0123abcd.tmp.csv", ".notes.csv.0123abcd.tmp.csv"):
        (out / name).write_text("half")
    words = ["--model", str(tiny_model), "--out", str(out)]
    assert run(["segment", str(tmp_path / "slide.2.tif"), *words]) == 0
    others = [".notes.csv.0123abcd.tmp.csv", ".slide.0123abcd.tmp"]
    assert visible(out) == sorted([*LEFT, *others, "slide.2"])
