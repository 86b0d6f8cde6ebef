"""The gallery runs: each example at a small size, from its command line."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from .script import ROOT, script

EXAMPLES = ROOT / "examples"
Run = Callable[..., str]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs an example with words and returns what it printed; stage 1 stays in this process."""
    monkeypatch.setattr("joblib.cpu_count", lambda: 1)

    def call(name: str, *words: object) -> str:
        monkeypatch.setattr("sys.argv", [f"{name}.py", *map(str, words)])
        script(f"examples/{name}.py").main()
        return capsys.readouterr().out

    return call


@pytest.fixture(scope="module")
def segmented(tmp_path_factory: pytest.TempPathFactory, tiles: Path, tiny_model: Path) -> Path:
    """What ``acinus segment`` makes of the drawn tiles."""
    from acinus.pipeline.estimator import GlandSegmenter
    from acinus.pipeline.segment import segment_files

    out = tmp_path_factory.mktemp("gallery") / "results"
    segment_files([tiles], GlandSegmenter.load(tiny_model), model_name="model", out=out)
    return out


def test_tiles_become_a_report(run, tmp_path, tiny_settings):
    words = ("--count", 2, "--side-px", 128, "--settings", tiny_settings)
    said = run("tiles_to_report", "--out", tmp_path / "out", *words)
    page = tmp_path / "out" / "results" / "report.html"
    assert str(page) in said
    assert "Glands in tiles" in page.read_text(encoding="utf-8")
    with (tmp_path / "out" / "results" / "summary.csv").open(encoding="utf-8", newline="") as file:
        assert [row["image"] for row in csv.DictReader(file)] == ["tile_000", "tile_001"]


def test_own_tiles_become_a_report(run, tmp_path, tiles, tiny_settings):
    run("tiles_to_report", tiles, "--out", tmp_path, "--settings", tiny_settings)
    assert "Glands in" in (tmp_path / "results" / "report.html").read_text(encoding="utf-8")
    assert not (tmp_path / "tiles").exists()


def test_a_slide_is_learnt_from_and_segmented_for_the_viewer(run, tmp_path, tiny_settings):
    words = ("--fields", 1, "--side-px", 1000, "--settings", tiny_settings)
    said = run("slide_to_viewer", "--out", tmp_path, *words)
    assert f"acinus view {tmp_path / 'results'}" in said
    assert len(list((tmp_path / "fields").glob("*.png"))) == 1
    facts = json.loads((tmp_path / "results" / "slide" / "image.json").read_text())
    assert (facts["width_px"], facts["height_px"]) == (1000, 1000)
    assert 0.1e6 < facts["summary"]["tissue_area_um2"] <= 1.001 * (1000 * facts["mpp"]) ** 2


def test_a_slide_that_is_none_ends_in_one_line(run, tmp_path, capsys):
    (tmp_path / "slide.svs").write_bytes(b"no slide")
    with pytest.raises(SystemExit, match="1"):
        run("slide_to_viewer", tmp_path / "slide.svs", "--out", tmp_path / "out")
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_the_check_for_qupath_prints_place_and_size_of_the_largest_glands(run, segmented):
    folder = max(segmented.glob("tile_*"), key=lambda folder: len((folder / "glands.csv").read_text()))
    said = run("qupath_check", folder, "--count", 2).splitlines()
    with (folder / "glands.csv").open(encoding="utf-8", newline="") as file:
        glands = {int(row["label"]): row for row in csv.DictReader(file)}
    largest = max(glands.values(), key=lambda row: float(row["area_um2"]))
    _, _, first, *_ = said
    x, y, area = (float(word.strip(",")) for word in first.split()[4:])
    assert first.startswith(f"Gland {largest['label']} ")
    assert (x, y) == pytest.approx((float(largest["centroid_x_um"]), float(largest["centroid_y_um"])), abs=2)
    assert area == pytest.approx(float(largest["area_um2"]), abs=0.1)


def test_the_check_for_qupath_refuses_outlines_of_other_labels(run, segmented, tmp_path, capsys):
    folder = max(segmented.glob("tile_*"), key=lambda folder: len((folder / "glands.csv").read_text()))
    shutil.copytree(folder, tmp_path / "tile")
    with Image.open(folder / "labels.png") as labels:
        Image.new(labels.mode, labels.size).save(tmp_path / "tile" / "labels.png")
    with pytest.raises(SystemExit):
        run("qupath_check", tmp_path / "tile")
    assert "is not the gland of the label map" in capsys.readouterr().err


def test_statistics_are_compared_with_grades_side_by_side(run, segmented, tiles, tmp_path):
    shutil.copytree(tiles, tmp_path / "train")
    grades = tmp_path / "train" / "Grade.csv"
    lines = grades.read_text().splitlines()
    names = [line.split(",")[0] for line in lines[1:]]
    kinds = ["benign", "malignant", "malignant"]
    graded = [f"{name}, 1, {kind}, x" for name, kind in zip(names, kinds, strict=True)]
    (tmp_path / "Grade.csv").write_text("\n".join([lines[0], *graded]))
    table = run("statistics_against_grade", "--root", tmp_path, "--predictions", segmented).splitlines()
    assert table[0] == "| statistic (3 images) | true masks | predictions |"
    assert {line.split("|")[1].strip() for line in table[2:]} >= {"solidity", "area_um2", "glands_per_mm2"}


@pytest.mark.browser
def test_the_picture_of_the_report_is_small_and_shows_something(segmented, tmp_path):
    pictures = script("examples/make_pictures.py")
    try:
        pictures.program(pictures.driver())
    except pictures.InputError as error:
        if os.environ.get("ACINUS_REQUIRE_BROWSER") == "1":
            raise
        pytest.skip(f"NO BROWSER: {error}")
    target = pictures.picture_of_report(segmented, tmp_path / "report.jpg", width_px=800, height_px=900)
    assert target.stat().st_size <= pictures.MOST_BYTES
    with Image.open(target) as picture:
        assert picture.size == (800, 900)
        assert max(high - low for low, high in picture.getextrema()) > 150


def test_the_gallery_is_described_and_every_file_it_names_exists():
    scripts = {path.stem for path in EXAMPLES.glob("*.py")}
    assert scripts >= {"tiles_to_report", "slide_to_viewer", "qupath_check", "statistics_against_grade"}
    for name in scripts:
        assert f"python examples/{name}.py" in (script(f"examples/{name}.py").__doc__ or "")
    assert "python examples/qupath_check.py" in (EXAMPLES.parent / "docs" / "qupath.md").read_text("utf-8")
