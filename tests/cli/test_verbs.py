"""The verbs that only wire one room: info, doctor, measure, report, view and the demo."""

from __future__ import annotations

import csv
import json
import shutil
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from acinus.cli import run
from acinus.pipeline.doctor import Check
from acinus.pipeline.settings import Settings, load_settings
from acinus.results.folder import read_results


def test_info_tells_size_and_resolution_and_goes_on_after_a_file_it_cannot_read(tiles, capsys):
    (missing, image) = (tiles / "missing.png", tiles / "tile_000.png")
    assert run(["info", str(missing), str(image), "--json"]) == 1
    captured = capsys.readouterr()
    [line] = captured.out.splitlines()
    facts = json.loads(line)
    assert (facts["width_px"], facts["height_px"]) == (256, 256)
    assert facts["mpp"] == pytest.approx(0.62, abs=1e-3)
    assert captured.err == f"acinus: {missing} does not exist; check the path\n"


def test_info_for_people_is_a_name_and_a_value_a_line(tiles, capsys):
    assert run(["info", str(tiles / "tile_000.png")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "format             png" in lines
    assert "mpp                0.62" in lines
    assert not any(line.startswith("mpp_problem") for line in lines)


def test_doctor_finds_this_installation_healthy_and_says_what_it_saw(capsys):
    assert run(["doctor"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("acinus", "torch", "OpenSlide", "memory", "disk", "network"))
    assert "BAD" not in shown


def test_doctor_ends_with_one_when_a_check_fails(monkeypatch, capsys):
    monkeypatch.setattr("acinus.pipeline.doctor.examine", lambda: [Check("TIFF", False, "no codec")])
    assert run(["doctor"]) == 1
    assert capsys.readouterr().out == "BAD  TIFF         no codec\n"


def test_measure_counts_and_measures_the_glands_of_any_label_map(tmp_path, tiles, capsys):
    labels = np.zeros((256, 256), np.uint8)
    labels[20:60, 20:70] = 7
    labels[100:150, 100:180] = 9
    Image.fromarray(labels).save(tmp_path / "labels.png")
    words = ["measure", str(tmp_path / "labels.png"), str(tiles / "tile_000.png"), "--mpp", "0.5"]
    assert run([*words, "--out", str(tmp_path / "out")]) == 0
    assert "Measured 2 glands" in capsys.readouterr().out
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == [
        ".acinus.json",
        "glands.csv",
        "glands.geojson",
        "glands.parquet",
        "image.json",
        "run.json",
        "summary.json",
    ]
    run_file = json.loads((tmp_path / "out" / "run.json").read_text())
    assert run_file["settings"] == {"mpp": 0.5}
    assert [(each["name"], Path(each["path"]).name) for each in run_file["inputs"]] == [
        ("tile_000", "labels.png"),
        ("tile_000", "tile_000.png"),
    ]
    assert run_file["inputs"][0]["sha256"] == sha256((tmp_path / "labels.png").read_bytes()).hexdigest()
    assert [image.name for image in read_results(tmp_path / "out").images] == ["tile_000"]
    with (tmp_path / "out" / "glands.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["area_um2"]) for row in rows] == [40 * 50 * 0.25, 50 * 80 * 0.25]


def test_measure_takes_a_folder_of_label_maps_and_one_of_images(tmp_path, tiles, capsys, error_lines):
    labels = np.zeros((256, 256), np.uint8)
    labels[20:60, 20:70] = 7
    (tmp_path / "truth").mkdir()
    for stem in ("tile_000", "tile_002", "elsewhere"):
        Image.fromarray(labels).save(tmp_path / "truth" / f"{stem}_anno.png")
    words = ["measure", str(tmp_path / "truth"), str(tiles), "--mpp", "0.5", "--out", str(tmp_path / "out")]
    assert run(words) == 1  # one map has no image
    assert "Measured 2 images" in capsys.readouterr().out
    measured = read_results(tmp_path / "out").images
    assert [(image.name, len(image.glands)) for image in measured] == [("tile_000", 1), ("tile_002", 1)]
    with (tmp_path / "out" / "summary.csv").open(encoding="utf-8", newline="") as file:
        assert [float(row["gland_area_um2"]) for row in csv.DictReader(file)] == [500.0, 500.0]
    assert "elsewhere" in (tmp_path / "out" / "failures.log").read_text(encoding="utf-8")


def test_measure_refuses_what_does_not_fit_together(tmp_path, tiles, error_lines):
    Image.new("L", (10, 20)).save(tmp_path / "labels.png")
    words = ["measure", str(tmp_path / "labels.png"), str(tiles / "tile_000.png")]
    assert run([*words, "--out", str(tmp_path / "out")]) == 1
    [line] = error_lines()
    assert "labels.png is 10 × 20 px, tile_000.png is 256 × 256" in line
    assert run([*words, "--out", str(tmp_path / "out"), "--mpp", "77"]) == 2
    [line] = error_lines()
    assert "--mpp gives 77 µm/px" in line
    assert not (tmp_path / "out").exists()


def test_report_and_view_refuse_a_folder_without_results(tmp_path, error_lines):
    for words in (["report", str(tmp_path)], ["report", str(tmp_path / "missing")]):
        assert run(words) == 1
        [line] = error_lines()
        assert str(tmp_path) in line
    assert run(["view", str(tmp_path / "missing"), "--no-browser"]) in (1, 2)
    [line] = error_lines()
    assert "missing" in line


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small demo with its settings made smaller still."""
    out = tmp_path_factory.mktemp("demo") / "demo"
    grouping = {"steps": 4, "rounds": 2, "batch_crops": 2, "crop_px": 32, "mpp": 2.5}
    network = {"network": {"widths": [4, 8]}}
    tiny = {"mining": {"shallow": {"steps": 2, "crop_px": 32}}, "grouping": grouping | network}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("acinus.pipeline.demo._SMALL_SETTINGS", tiny)
        patch.setattr("joblib.cpu_count", lambda: 1)
        assert run(["demo", "--small", "--images", "2", "--out", str(out)]) == 0
    return out


def test_report_names_damaged_results_on_the_terminal_too(demo, tmp_path, error_lines):
    results = shutil.copytree(demo, tmp_path / "demo")
    (results / "tile_000" / "image.json").write_text("{")
    assert run(["report", str(results)]) == 1
    lines = error_lines()
    assert "tile_000/image.json is damaged" in lines[0]
    assert "tile_000/image.json is damaged" in (results / "report.html").read_text(encoding="utf-8")


def test_the_demo_s_run_file_knows_its_seed(demo):
    assert read_results(demo).run["seed"] == json.loads((demo / "demo.json").read_text())["seed"] == 0


def test_the_demo_leaves_images_model_results_and_a_report_that_mentions_every_image(demo):
    for name in ("images", "model", "tile_000", "tile_001"):
        assert (demo / name).is_dir()
    for name in (
        "report.html",
        "glands.geojson",
        "glands.csv",
        "tile_001/overlay.jpg",
        "tile_001/labels.png",
    ):
        assert (demo / name).is_file()
    page = (demo / "report.html").read_text(encoding="utf-8")
    assert all(f"tile_00{k}" in page for k in range(2))
    assert page.count("<html") == 1


def test_the_demo_pools_the_outlines_of_all_images_with_their_names(demo):
    pooled = json.loads((demo / "glands.geojson").read_text())["features"]
    for k in range(2):
        own = json.loads((demo / f"tile_00{k}" / "glands.geojson").read_text())["features"]
        mine = [feature for feature in pooled if feature["properties"]["image"] == f"tile_00{k}"]
        assert [feature["id"] for feature in mine] == [feature["id"] for feature in own]


def test_a_demo_of_other_images_does_not_mix_with_one_that_is_there(demo, error_lines):
    for words in (["--images", "3"], ["--images", "2", "--seed", "1"]):
        assert run(["demo", "--small", *words, "--out", str(demo)]) == 2
        [line] = error_lines()
        assert "holds a demo of other --images, --slides, --seed or --small; choose another --out" in line


def test_the_demo_on_slides_leaves_slides_model_results_and_a_report(tmp_path):
    out = tmp_path / "demo"
    grouping = {"steps": 2, "rounds": 1, "batch_crops": 2, "crop_px": 32, "mpp": 2.5}
    mining = {"shallow": {"steps": 2, "crop_px": 32}, "regions": {"count": 4, "side_mm": 0.15}}
    tiny = {"mining": mining, "grouping": grouping | {"network": {"widths": [4, 8]}}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("acinus.pipeline.demo_slides._SMALL_SETTINGS", tiny)
        patch.setattr("acinus.pipeline.demo_slides._SMALL_PX", 640)
        patch.setattr("joblib.cpu_count", lambda: 1)
        assert run(["demo", "--slides", "--small", "--out", str(out)]) == 0
    assert (out / "model" / "regions" / "contact_sheet.jpg").is_file()
    assert len(list((out / "model" / "proposals").glob("*.regions.png"))) == 4
    page = (out / "report.html").read_text(encoding="utf-8")
    for number in (1, 2, 3):
        assert (out / "slides" / f"slide_{number}.tif").is_file()
        assert (out / f"slide_{number}" / "glands.geojson.gz").is_file()
        assert f"slide_{number}" in page


def test_a_demo_without_images_is_wrong_usage(tmp_path, error_lines):
    assert run(["demo", "--images", "0", "--out", str(tmp_path / "demo")]) == 2
    [line] = error_lines()
    assert "--images is 0; choose 1 or more" in line
    assert not (tmp_path / "demo").exists()


@pytest.mark.parametrize(
    ("words", "environ", "expected"),
    [
        ([], {}, {"host": "127.0.0.1", "port": 0, "token": None, "public_address": None}),
        (
            ["--host", "0.0.0.0", "--port", "8000"],
            {"ACINUS_TOKEN": "secret", "ACINUS_PUBLIC_ADDRESS": "lab.example:9000"},
            {"host": "0.0.0.0", "port": 8000, "token": "secret", "public_address": "lab.example:9000"},
        ),
        (
            ["--token", "mine", "--public-address", "localhost"],
            {"ACINUS_TOKEN": "secret", "ACINUS_PUBLIC_ADDRESS": "lab.example"},
            {"token": "mine", "public_address": "localhost"},
        ),
    ],
)
def test_view_takes_token_and_public_address_from_the_environment_too(
    tmp_path, monkeypatch, words, environ, expected
):
    given = {}
    monkeypatch.setattr("acinus.viewer.server.serve", lambda path, **more: given.update(more))
    for name in ("ACINUS_TOKEN", "ACINUS_PUBLIC_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert run(["view", str(tmp_path), *words]) == 0
    assert {name: given[name] for name in expected} == expected
    assert given["open_browser"] is True


def test_settings_prints_what_fit_reads(tmp_path: Path, capsys):
    assert run(["settings"]) == 0
    (tmp_path / "mine.toml").write_text(capsys.readouterr().out)
    assert load_settings(tmp_path / "mine.toml") == Settings()
    assert run(["settings", str(tmp_path / "mine.toml")]) == 0
    assert capsys.readouterr().out == (tmp_path / "mine.toml").read_text()


def test_settings_prints_a_schema_for_editors(capsys):
    assert run(["settings", "--schema"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "Settings of acinus fit"


def test_settings_checks_a_file(tmp_path: Path, capsys):
    (tmp_path / "mine.json").write_text('{"refinement": {"gland_above": 5}}')
    assert run(["settings", str(tmp_path / "mine.json")]) == 2
    expected = "acinus: mine.json: refinement.gland_above is 5; expected a number from 0 to 1\n"
    assert capsys.readouterr().err == expected
