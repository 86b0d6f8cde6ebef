from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import shapely
from PIL import Image

from acinus.cli import run
from acinus.core.lock import locked
from acinus.results.files import IMAGE_FILES, LIST
from acinus.slides.label_image import read_labels

FILES = sorted(["image.json", "labels.png", *IMAGE_FILES])


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, tiles: Path, tiny_model: Path) -> Path:
    out = tmp_path_factory.mktemp("segment") / "results"
    assert run(["segment", str(tiles), "--model", str(tiny_model), "--out", str(out)]) == 0
    return out


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def rgb_of(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def visible(folder: Path) -> list[str]:
    """Names of all but the list of what acinus wrote."""
    return sorted(path.name for path in folder.iterdir() if path.name != LIST)


def test_each_image_gets_a_folder_of_files_and_the_batch_two_tables_and_a_run_file(results):
    assert visible(results) == [
        "glands.csv", "run.json", "summary.csv", "tile_000", "tile_001", "tile_002",
    ]  # fmt: skip
    assert all(visible(results / f"tile_00{k}") == FILES for k in range(3))


def test_labels_and_probability_have_the_size_of_the_image_and_labels_count_without_gaps(results):
    for k in range(3):
        folder = results / f"tile_00{k}"
        with Image.open(folder / "labels.png") as stored:
            assert stored.mode == "I;16"
            values = np.asarray(stored)
        labels = read_labels(folder / "labels.png")
        assert labels.shape == (256, 256)
        assert np.unique(values[values > 0]).tolist() == list(range(1, int(values.max()) + 1))
        assert np.array_equal(labels, values)
        with Image.open(folder / "probability.png") as probability:
            assert (probability.mode, probability.size) == ("L", (256, 256))
            shown = np.asarray(probability)
        assert (shown[labels > 0] > 0).any() == (labels > 0).any()


def test_the_threshold_of_this_fit_finds_glands_so_that_these_tests_see_some(results):
    counts = [
        json.loads((results / f"tile_00{k}" / "image.json").read_text())["gland_count"] for k in range(3)
    ]
    assert sum(counts) >= 3


def test_the_table_has_one_row_for_each_gland_with_the_area_of_its_label(results):
    for k in range(3):
        folder = results / f"tile_00{k}"
        mpp = json.loads((folder / "image.json").read_text())["mpp"]
        labels = read_labels(folder / "labels.png")
        rows = rows_of(folder / "glands.csv")
        assert [int(row["label"]) for row in rows] == list(range(1, int(labels.max()) + 1))
        for row in rows:
            pixels = int((labels == int(row["label"])).sum())
            assert float(row["area_um2"]) == pytest.approx(pixels * mpp**2, rel=1e-3)


def test_the_outlines_are_geojson_as_qupath_reads_it_with_the_areas_of_the_labels(results):
    for k in range(3):
        folder = results / f"tile_00{k}"
        labels = read_labels(folder / "labels.png")
        collection = json.loads((folder / "glands.geojson").read_text())
        assert collection["type"] == "FeatureCollection"
        assert len(collection["features"]) == labels.max()
        for label, feature in enumerate(collection["features"], start=1):
            polygon = shapely.geometry.shape(feature["geometry"])
            assert polygon.is_valid
            assert polygon.area == pytest.approx((labels == label).sum(), rel=0.02)
            assert feature["properties"]["objectType"] in ("annotation", "detection")
            assert feature["properties"]["classification"]["name"]
            numbers = feature["properties"]["measurements"].values()
            assert all(isinstance(number, int | float) for number in numbers)
        assert len({feature["id"] for feature in collection["features"]}) == len(collection["features"])


def test_the_table_of_the_batch_names_the_image_of_each_row(results):
    pooled = rows_of(results / "glands.csv")
    for k in range(3):
        own = rows_of(results / f"tile_00{k}" / "glands.csv")
        mine = [row for row in pooled if row["image"] == f"tile_00{k}"]
        assert [{name: row[name] for name in row if name != "image"} for row in mine] == own


def test_the_summary_has_one_row_an_image_with_the_numbers_of_its_image_json(results):
    rows = rows_of(results / "summary.csv")
    assert [row["image"] for row in rows] == ["tile_000", "tile_001", "tile_002"]
    for row in rows:
        facts = json.loads((results / row["image"] / "image.json").read_text())
        summary = facts["summary"]
        assert float(row["glands"]) == summary["glands"] == facts["gland_count"]
        assert 0 <= summary["gland_area_fraction"] <= 1
        gland_um2 = facts["gland_area_fraction"] * facts["width_px"] * facts["height_px"] * facts["mpp"] ** 2
        assert summary["gland_area_um2"] == pytest.approx(gland_um2, rel=1e-3)
        assert list(row) == ["image", *summary, "artefact_area_um2", "quality", "unfamiliar"]
        for name, value in summary.items():
            assert row[name] == "" if value is None else float(row[name]) == pytest.approx(value, rel=1e-5)


def test_results_of_an_acinus_that_did_not_summarise_are_made_again(own, tiny_model, capsys):
    images, out = own
    description = json.loads((out / "tile_001" / "image.json").read_text())
    del description["summary"]
    (out / "tile_001" / "image.json").write_text(json.dumps(description))
    assert run(["segment", str(images), "--model", str(tiny_model), "--out", str(out)]) == 0
    assert "Segmented 1 image (2 others had results already)" in capsys.readouterr().out
    assert json.loads((out / "tile_001" / "image.json").read_text())["summary"]


def test_the_run_file_holds_command_settings_versions_and_checksums(results, tiny_model):
    record = json.loads((results / "run.json").read_text())
    assert record["model"] == str(tiny_model)
    assert record["settings"]["instances"]["threshold"] == 0.4
    assert "torch" in record["versions"]
    assert [entry["name"] for entry in record["inputs"]] == ["tile_000", "tile_001", "tile_002"]
    assert all(len(entry["sha256"]) == 64 for entry in record["inputs"])


@pytest.fixture
def own(tmp_path: Path, tiles: Path, results: Path) -> tuple[Path, Path]:
    """Copies of the images and of the results, for tests that change them."""
    images = tmp_path / "images"
    shutil.copytree(tiles, images)
    out = tmp_path / "results"
    shutil.copytree(results, out)
    return images, out


def test_a_second_run_leaves_finished_images_alone(own, tiny_model, capsys):
    images, out = own
    before = {path: path.stat().st_mtime_ns for path in out.glob("tile_*/*")}
    assert run(["segment", str(images), "--model", str(tiny_model), "--out", str(out)]) == 0
    assert "Segmented 0 images (3 others had results already)" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in out.glob("tile_*/*")} == before


def test_an_image_whose_file_changed_is_segmented_again(own, tiny_model, capsys):
    images, out = own
    Image.fromarray(rgb_of(images / "tile_001.png")[:128]).save(images / "tile_001.png", dpi=(40968, 40968))
    assert run(["segment", str(images), "--model", str(tiny_model), "--out", str(out)]) == 0
    assert "Segmented 1 image (2 others had results already)" in capsys.readouterr().out
    assert read_labels(out / "tile_001" / "labels.png").shape == (128, 256)


def test_another_resolution_means_another_result(own, tiny_model, capsys):
    images, out = own
    image = str(images / "tile_000.png")
    assert run(["segment", image, "--model", str(tiny_model), "--out", str(out), "--mpp", "1.0"]) == 0
    assert "Segmented 1 image; " in capsys.readouterr().out
    assert json.loads((out / "tile_000" / "image.json").read_text())["mpp"] == 1.0


def test_a_model_that_changed_means_that_all_images_are_segmented_again(own, tiny_model, tmp_path, capsys):
    images, out = own
    model = tmp_path / "model"
    shutil.copytree(tiny_model, model)
    description = json.loads((model / "model.json").read_text())
    description["settings"]["instances"]["min_area_um2"] = 1500.0
    (model / "model.json").write_text(json.dumps(description))
    assert run(["segment", str(images), "--model", str(model), "--out", str(out)]) == 0
    assert "Segmented 3 images; " in capsys.readouterr().out


def test_what_people_put_beside_a_result_is_kept_when_it_is_made_again(own, tiny_model):
    """The viewer keeps its marks there; nobody would forgive us their loss."""
    images, out = own
    (out / "tile_001" / "marks.json").write_text("hours of work")
    (out / "tile_001" / "qupath").mkdir()
    (out / "tile_001" / "qupath" / "project.qpproj").write_text("more of it")
    words = ["segment", str(images), "--model", str(tiny_model), "--out", str(out), "--mpp", "1.0"]
    assert run(words) == 0
    assert json.loads((out / "tile_001" / "image.json").read_text())["mpp"] == 1.0
    assert (out / "tile_001" / "marks.json").read_text() == "hours of work"
    assert (out / "tile_001" / "qupath" / "project.qpproj").read_text() == "more of it"
    assert visible(out / "tile_001") == sorted([*FILES, "marks.json", "qupath"])


def test_the_tables_hold_all_results_of_the_folder_whichever_call_made_them(own, tiny_model, tiles, results):
    """One image of three is segmented again: its row changes, the others stay."""
    images, out = own
    image = str(images / "tile_001.png")
    assert run(["segment", image, "--model", str(tiny_model), "--out", str(out), "--mpp", "1.0"]) == 0
    summary, before = rows_of(out / "summary.csv"), rows_of(results / "summary.csv")
    assert [row["image"] for row in summary] == ["tile_000", "tile_001", "tile_002"]
    assert [now == then for now, then in zip(summary, before, strict=True)] == [True, False, True]
    pooled = rows_of(out / "glands.csv")
    for name in ("tile_000", "tile_001", "tile_002"):
        assert sum(row["image"] == name for row in pooled) == len(rows_of(out / name / "glands.csv"))
    record = json.loads((out / "run.json").read_text())
    assert [entry["name"] for entry in record["inputs"]] == ["tile_000", "tile_001", "tile_002"]
    shutil.rmtree(out / "tile_000")
    assert run(["segment", image, "--model", str(tiny_model), "--out", str(out), "--mpp", "1.0"]) == 0
    assert [row["image"] for row in rows_of(out / "summary.csv")] == ["tile_001", "tile_002"]


def test_results_of_another_version_are_kept_and_warned_of_in_one_line(own, tiny_model, capsys):
    images, out = own
    for name in ("tile_000", "tile_002"):
        facts = json.loads((out / name / "image.json").read_text())
        (out / name / "image.json").write_text(json.dumps(facts | {"code": "0123"}))
    words = ["segment", str(images), "--model", str(tiny_model), "--out", str(out)]
    assert run(words) == 0
    said = capsys.readouterr()
    assert "Segmented 0 images (3 others had results already)" in said.out
    [line] = [line for line in (said.out + said.err).splitlines() if "another version" in line]
    assert "2 results were made by another version of acinus (tile_000, tile_002); delete" in line
    shutil.rmtree(out / "tile_000")
    shutil.rmtree(out / "tile_002")
    assert run(words) == 0
    said = capsys.readouterr()
    assert "another version" not in said.out + said.err


def test_each_result_names_its_model(results, tiny_model):
    for k in range(3):
        assert json.loads((results / f"tile_00{k}" / "image.json").read_text())["model"] == str(tiny_model)


def test_a_folder_into_which_another_process_writes_is_left_alone(own, tiny_model, error_lines):
    images, out = own
    (out / ".tile_001.0123abcd.tmp").mkdir()  # what the other one is writing
    with locked(out):
        assert run(["segment", str(images), "--model", str(tiny_model), "--out", str(out)]) == 2
    [line] = error_lines()
    assert "another acinus process is writing into" in line
    assert (out / ".tile_001.0123abcd.tmp").exists()


@pytest.mark.parametrize("lost", FILES)
def test_a_result_that_lost_a_file_is_made_again(own, tiny_model, lost):
    images, out = own
    (out / "tile_002" / lost).unlink()
    image = str(images / "tile_002.png")
    assert run(["segment", image, "--model", str(tiny_model), "--out", str(out)]) == 0
    assert visible(out / "tile_002") == FILES


def test_a_damaged_note_beside_a_result_means_that_it_is_made_again(own, tiny_model):
    images, out = own
    for damage in ("{", "[]", ""):
        (out / "tile_002" / "image.json").write_text(damage)
        image = str(images / "tile_002.png")
        assert run(["segment", image, "--model", str(tiny_model), "--out", str(out)]) == 0
        assert json.loads((out / "tile_002" / "image.json").read_text())["name"] == "tile_002"


@pytest.mark.parametrize("grey", [0, 255])
def test_an_image_of_one_colour_has_no_gland_and_valid_files(tmp_path, tiny_model, grey, capsys):
    Image.new("RGB", (200, 100), (grey, grey, grey)).save(tmp_path / "plain.png")
    out = tmp_path / "out"
    words = ["segment", str(tmp_path / "plain.png"), "--model", str(tiny_model), "--out", str(out)]
    assert run([*words, "--mpp", "0.5"]) == 0
    assert visible(out / "plain") == FILES
    assert np.array_equal(read_labels(out / "plain" / "labels.png"), np.zeros((100, 200)))
    with Image.open(out / "plain" / "probability.png") as probability:
        assert np.array_equal(np.asarray(probability), np.zeros((100, 200)))
    assert json.loads((out / "plain" / "glands.geojson").read_text())["features"] == []
    assert rows_of(out / "plain" / "glands.csv") == []
    assert (out / "glands.csv").read_text().startswith("image,label,")


def write_bad_inputs(folder: Path, tile: Path) -> dict[str, str]:
    """Write files that cannot be segmented; return by name what the error has to say."""
    rgb = rgb_of(tile)
    folder.mkdir()
    (folder / "text.png").write_text("glands, please\n")
    (folder / "empty.png").write_bytes(b"")
    (folder / "cut.png").write_bytes(tile.read_bytes()[:2000])
    Image.fromarray(rgb[..., 0]).save(folder / "grey.png", dpi=(40968, 40968))
    Image.new("RGB", (1, 1)).save(folder / "dot.png", dpi=(40968, 40968))
    Image.fromarray(rgb).save(folder / "unscaled.png")
    return {
        "text.png": "holds text, not an image",
        "empty.png": "is empty",
        "cut.png": "damaged or truncated",
        "grey.png": "is greyscale; expected a colour image",
        "dot.png": "has 1 × 1 px, expected at least",
        "unscaled.png": "has no µm/px; pass --mpp",
    }


def test_bad_inputs_fail_in_one_line_each_while_the_others_are_segmented(
    tmp_path, tiles, tiny_model, error_lines
):
    said = write_bad_inputs(tmp_path / "bad", tiles / "tile_000.png")
    out, missing = tmp_path / "out", tmp_path / "missing"
    (tmp_path / "nothing").mkdir()
    inputs = [str(tmp_path / "bad"), str(missing), str(tmp_path / "nothing"), str(tiles / "tile_001.png")]
    assert run(["segment", *inputs, "--model", str(tiny_model), "--out", str(out)]) == 1
    lines = error_lines()
    assert len(lines) == len(said) + 2
    for name, reason in said.items():
        [line] = [line for line in lines if name in line]
        assert reason in line
    assert any(f"{missing} does not exist" in line for line in lines)
    assert any("no image in" in line and "nothing" in line for line in lines)
    assert visible(out) == ["failures.log", "glands.csv", "run.json", "summary.csv", "tile_001"]
    assert visible(out / "tile_001") == FILES
    log = (out / "failures.log").read_text(encoding="utf-8")
    assert all(name in log for name in said)


def test_the_log_of_failures_goes_away_once_all_is_well(tmp_path, tiles, tiny_model):
    out = tmp_path / "out"
    words = ["--model", str(tiny_model), "--out", str(out)]
    assert run(["segment", str(tiles / "tile_001.png"), str(tmp_path / "missing"), *words]) == 1
    assert (out / "failures.log").is_file()
    assert run(["segment", str(tiles / "tile_001.png"), *words]) == 0
    assert not (out / "failures.log").exists()


def test_when_nothing_can_be_segmented_there_is_no_table(tmp_path, tiny_model, capsys):
    out = tmp_path / "out"
    missing = str(tmp_path / "missing.png")
    assert run(["segment", missing, "--model", str(tiny_model), "--out", str(out)]) == 1
    assert visible(out) == ["failures.log", "run.json"]
    assert "Next:" not in capsys.readouterr().out


def test_sixteen_bits_and_transparency_are_read_as_the_same_image(tmp_path, tiles, tiny_model):
    import tifffile

    rgb = rgb_of(tiles / "tile_000.png")
    Image.fromarray(np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)])).save(tmp_path / "rgba.png")
    tifffile.imwrite(tmp_path / "deep.tif", rgb.astype(np.uint16) * 257, photometric="rgb")
    Image.fromarray(rgb).save(tmp_path / "plain.png")
    out = tmp_path / "out"
    words = ["--mpp", "0.62", "--model", str(tiny_model), "--out", str(out)]
    assert run(["segment", str(tmp_path), *words]) == 0
    expected = read_labels(out / "plain" / "labels.png")
    assert np.array_equal(read_labels(out / "rgba" / "labels.png"), expected)
    assert np.array_equal(read_labels(out / "deep" / "labels.png"), expected)


def test_two_images_of_one_name_are_not_mixed_up(tmp_path, tiles, tiny_model, error_lines):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        shutil.copy(tiles / "tile_000.png", tmp_path / name)
    shutil.copy(tiles / "tile_001.png", tmp_path / "b")
    out = tmp_path / "out"
    inputs = [str(tmp_path / "a"), str(tmp_path / "b")]
    assert run(["segment", *inputs, "--model", str(tiny_model), "--out", str(out)]) == 1
    [line] = error_lines()
    assert "have the same name" in line
    assert "rename one" in line
    assert visible(out) == ["failures.log", "glands.csv", "run.json", "summary.csv", "tile_000", "tile_001"]
    assert json.loads((out / "tile_000" / "image.json").read_text())["path"] == str(
        tmp_path / "a/tile_000.png"
    )


def test_an_image_given_twice_is_segmented_once(tmp_path, tiles, tiny_model, capsys):
    image = str(tiles / "tile_000.png")
    words = ["segment", image, image, "--model", str(tiny_model), "--out", str(tmp_path / "out")]
    assert run(words) == 0
    assert "Segmented 1 image; " in capsys.readouterr().out


@pytest.mark.parametrize("mpp", ["0", "-1", "0.001", "250", "nan", "inf"])
def test_an_absurd_resolution_is_wrong_usage_said_once(tmp_path, tiles, tiny_model, mpp, error_lines):
    out = tmp_path / "out"
    assert run(["segment", str(tiles), "--model", str(tiny_model), "--out", str(out), "--mpp", mpp]) == 2
    [line] = error_lines()
    assert "--mpp gives" in line
    assert "expected 0.1 to 4" in line
    assert not out.exists()


def test_a_file_in_the_place_of_the_output_folder_is_named(tmp_path, tiles, tiny_model, error_lines):
    (tmp_path / "out").write_text("mine")
    words = ["--model", str(tiny_model), "--out", str(tmp_path / "out")]
    assert run(["segment", str(tiles), *words]) == 1
    [line] = error_lines()
    assert "a file stands in its way; choose another output folder" in line
    assert (tmp_path / "out").read_text() == "mine"


def test_a_file_in_the_place_of_an_image_s_folder_is_named_and_kept(tmp_path, tiles, tiny_model, error_lines):
    out = tmp_path / "out"
    out.mkdir()
    (out / "tile_000").write_text("mine")
    assert run(["segment", str(tiles), "--model", str(tiny_model), "--out", str(out)]) == 2
    [line] = error_lines()
    assert f"{out / 'tile_000'} is in the way: not written by acinus" in line
    assert visible(out) == ["tile_000"]


def test_a_place_where_nothing_can_be_written_is_named(tiles, tiny_model, error_lines):
    assert run(["segment", str(tiles), "--model", str(tiny_model), "--out", "/proc/results"]) == 1
    [line] = error_lines()
    assert "/proc/results" in line
    assert "choose another output folder" in line


@pytest.mark.parametrize("size", ["4k", "64k", "200k"])
def test_a_full_disk_ends_the_batch_in_one_line_and_leaves_nothing_half_written(
    small_disk, tiles, tiny_model, size, error_lines
):
    out = small_disk(size) / "results"
    words = ["segment", str(tiles), "--model", str(tiny_model), "--out", str(out)]
    assert run(words) == 1
    [line] = error_lines()
    assert "no space left while writing" in line
    assert "free some disk space and run the same command again" in line
    assert all(visible(folder) == FILES for folder in out.iterdir())
    small_disk("8m")
    assert run(words) == 0
    assert visible(out) == ["glands.csv", "run.json", "summary.csv", "tile_000", "tile_001", "tile_002"]


def test_a_disk_that_is_mounted_for_reading_only_is_named(small_disk, tiles, tiny_model, error_lines):
    out = small_disk("1m,ro") / "results"
    assert run(["segment", str(tiles), "--model", str(tiny_model), "--out", str(out)]) == 1
    [line] = error_lines()
    assert f"{out} cannot be written (no permission); choose another output folder" in line


def write_no_model(folder: Path, model: Path, damage: str) -> None:
    """Write what is not a model for one of several reasons."""
    if damage == "missing":
        return
    if damage == "file":
        folder.write_text("weights")
        return
    if damage == "empty":
        folder.mkdir()
        return
    shutil.copytree(model, folder)
    description = json.loads((folder / "model.json").read_text())
    weights = folder / "weights.safetensors"
    if damage == "unfinished":
        (folder / "model.json").unlink()
    elif damage == "results":
        (folder / "model.json").unlink()
        (folder / "run.json").write_text('{"command": "acinus segment"}')
    elif damage == "no JSON":
        (folder / "model.json").write_text("{")
    elif damage == "a list":
        (folder / "model.json").write_text("[]")
    elif damage == "other format":
        (folder / "model.json").write_text(json.dumps(description | {"format": 99, "acinus": "7.0"}))
    elif damage == "unknown setting":
        settings = description["settings"] | {"magic": 1}
        (folder / "model.json").write_text(json.dumps(description | {"settings": settings}))
    elif damage == "no settings":
        del description["settings"]
        (folder / "model.json").write_text(json.dumps(description))
    elif damage == "no weights":
        weights.unlink()
    elif damage == "cut weights":
        weights.write_bytes(weights.read_bytes()[:-100])
    elif damage == "one byte":
        content = bytearray(weights.read_bytes())
        content[-10] ^= 64
        weights.write_bytes(content)
    elif damage == "other network":
        description["settings"]["grouping"]["network"]["widths"] = [4, 16]
        (folder / "model.json").write_text(json.dumps(description))


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ("missing", "is not a folder; --model takes the folder that acinus fit wrote"),
        ("file", "is not a folder; --model takes the folder that acinus fit wrote"),
        ("empty", "holds no model.json; --model takes the folder that acinus fit wrote with --out"),
        ("unfinished", "its fit was interrupted; run the same acinus fit command again to finish it"),
        ("results", "holds no model.json; --model takes the folder that acinus fit wrote with --out"),
        ("no JSON", "is not a model description; copy it again or run acinus fit"),
        ("a list", "is not a model description; copy it again or run acinus fit"),
        ("other format", "was written by acinus 7.0 in format 99, this acinus"),
        ("unknown setting", "is a damaged model"),
        ("no settings", "is a damaged model"),
        ("no weights", "is a damaged model"),
        ("cut weights", "is a damaged model"),
        ("one byte", "is a damaged model"),
        ("other network", "is a damaged model"),
    ],
)
def test_what_is_no_whole_model_is_refused_before_anything_is_written(
    tmp_path, tiles, tiny_model, damage, reason, error_lines
):
    write_no_model(tmp_path / "model", tiny_model, damage)
    words = ["--model", str(tmp_path / "model"), "--out", str(tmp_path / "out")]
    assert run(["segment", str(tiles), *words]) == 1
    [line] = error_lines()
    assert reason in line
    assert not (tmp_path / "out").exists()


def test_a_device_that_is_not_there_is_wrong_usage(tmp_path, tiles, tiny_model, error_lines):
    for device in ("quantum", "meta"):
        words = ["--model", str(tiny_model), "--out", str(tmp_path / "out"), "--device", device]
        assert run(["segment", str(tiles), *words]) == 2
        [line] = error_lines()
        assert f"device '{device}' is not available here; pass --device cpu" in line


def test_what_a_killed_run_had_half_written_is_removed_and_other_hidden_folders_stay(own, tiny_model):
    images, out = own
    for name in (".tile_000.0123abcd.tmp", ".tile_001.0123abcd.old", ".tile_9.0123abcd.tmp", ".git"):
        (out / name).mkdir()
        (out / name / "image.json").write_text("{}")
    assert run(["segment", str(images), "--model", str(tiny_model), "--out", str(out)]) == 0
    assert [name for name in visible(out) if name.startswith(".")] == [".git", ".tile_9.0123abcd.tmp"]


def test_what_is_read_otherwise_than_stored_is_said(tmp_path, tiles, tiny_model, capsys):
    image = Image.open(tiles / "tile_000.png")
    image.save(tmp_path / "two.png", save_all=True, append_images=[image])
    words = ["segment", str(tmp_path / "two.png"), "--model", str(tiny_model), "--mpp", "0.62"]
    assert run([*words, "--out", str(tmp_path / "results")]) == 0
    assert "two: picture 1 of 2 is read" in capsys.readouterr().err


def test_another_threshold_in_a_settings_file_makes_other_results(own, tiny_model, tmp_path, capsys):
    images, out = own
    before = read_labels(out / "tile_000" / "labels.png")
    (tmp_path / "high.toml").write_text("[instances]\nthreshold = 0.99\n")
    image, settings = str(images / "tile_000.png"), str(tmp_path / "high.toml")
    words = ["segment", image, "--model", str(tiny_model), "--out", str(out), "--settings", settings]
    assert run(words) == 0
    assert "Segmented 1 image; " in capsys.readouterr().out
    after = read_labels(out / "tile_000" / "labels.png")
    assert (after > 0).sum() < (before > 0).sum()
    run_file = json.loads((out / "tile_000" / "run.json").read_text())
    assert run_file["settings"]["instances"]["threshold"] == 0.99
