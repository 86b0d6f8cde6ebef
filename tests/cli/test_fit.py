from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from acinus.cli import run
from acinus.core.lock import locked
from acinus.core.proposal import ProposalMap, proposal_path


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def fit_words(images: Path, out: Path, settings: Path, *more: str) -> list[str]:
    """Words of a fit in this process."""
    return ["fit", str(images), "--out", str(out), "--settings", str(settings), "--processes", "1", *more]


def metrics_of(model: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (model / "metrics.jsonl").read_text().splitlines()]


def test_a_fit_leaves_model_metrics_proposals_and_a_run_file(tiny_model):
    assert {"model.json", "weights.safetensors", "metrics.jsonl", "run.json", "proposals", "rounds"} <= set(
        visible(tiny_model)
    )
    names = {path.name for path in (tiny_model / "proposals").iterdir()}
    assert {f"tile_00{k}.regions.png" for k in range(3)} <= names
    record = json.loads((tiny_model / "run.json").read_text())
    assert record["seed"] == 1
    assert [entry["name"] for entry in record["inputs"]] == ["tile_000", "tile_001", "tile_002"]
    assert record["settings"]["grouping"]["steps"] == 6


def test_nothing_in_a_model_folder_is_a_pickle(tiny_model):
    suffixes = {path.suffix for path in tiny_model.rglob("*") if path.is_file()}
    assert suffixes == {".json", ".jsonl", ".png", ".safetensors"}


def test_the_metrics_file_has_one_line_for_each_step_of_each_round(tiny_model):
    steps = [(line["round"], line["step"]) for line in metrics_of(tiny_model)]
    assert steps == [(number, step) for number in range(2) for step in range(6)]
    assert {"loss", "mask", "diffusion", "learning_rate", "seconds"} <= set(metrics_of(tiny_model)[0])


def test_the_same_seed_gives_the_same_model_and_another_seed_another_one(
    tmp_path, tiles, tiny_settings, tiny_model
):
    expected = load_file(tiny_model / "weights.safetensors")
    assert run(fit_words(tiles, tmp_path / "same", tiny_settings, "--seed", "1")) == 0
    same = load_file(tmp_path / "same" / "weights.safetensors")
    assert all(np.array_equal(same[name], expected[name]) for name in expected)
    assert run(fit_words(tiles, tmp_path / "other", tiny_settings, "--seed", "2")) == 0
    other = load_file(tmp_path / "other" / "weights.safetensors")
    assert not all(np.array_equal(other[name], expected[name]) for name in expected)


def test_a_finished_fit_is_not_computed_again(tiles, tiny_settings, tiny_model, capsys):
    before = {path: path.stat().st_mtime_ns for path in tiny_model.rglob("*")}
    assert run(fit_words(tiles, tiny_model, tiny_settings, "--seed", "1")) == 0
    assert {path: path.stat().st_mtime_ns for path in tiny_model.rglob("*")} == before
    assert "Stage" not in capsys.readouterr().err


def test_a_folder_in_which_another_process_fits_is_left_alone(
    tmp_path, tiles, tiny_settings, tiny_model, error_lines
):
    shutil.copytree(tiny_model, tmp_path / "model")
    (tmp_path / "model" / "model.json").unlink()  # not finished yet
    before = sorted(tmp_path.rglob("*"))
    with locked(tmp_path / "model"):
        assert run(fit_words(tiles, tmp_path / "model", tiny_settings, "--seed", "1")) == 2
    [line] = error_lines()
    assert "another acinus process is writing into" in line
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_that_holds_another_fit_is_not_touched(tiles, tiny_settings, tiny_model, error_lines):
    before = {path: path.stat().st_mtime_ns for path in tiny_model.rglob("*")}
    assert run(fit_words(tiles, tiny_model, tiny_settings, "--seed", "9")) == 2
    [line] = error_lines()
    assert "holds a fit of other images, settings or seed; choose another --out or delete it" in line
    assert {path: path.stat().st_mtime_ns for path in tiny_model.rglob("*")} == before


def test_a_folder_that_holds_something_else_is_not_touched(tmp_path, tiles, tiny_settings, error_lines):
    (tmp_path / "thesis.tex").write_text("mine")
    assert run(fit_words(tiles, tmp_path, tiny_settings)) == 2
    [line] = error_lines()
    assert "is not empty and holds no fit" in line
    (tmp_path / "run.json").write_text('{"command": "acinus segment"}')
    assert run(fit_words(tiles, tmp_path, tiny_settings)) == 2
    [line] = error_lines()
    assert "holds results of another verb" in line
    (tmp_path / "run.json").write_text("{")
    assert run(fit_words(tiles, tmp_path, tiny_settings)) == 1
    [line] = error_lines()
    assert "run.json is damaged" in line
    assert visible(tmp_path) == ["run.json", "thesis.tex"]


def test_images_that_cannot_be_read_are_told_and_left_out(tmp_path, tiles, tiny_settings, error_lines):
    images = tmp_path / "images"
    images.mkdir()
    shutil.copy(tiles / "tile_000.png", images)
    (images / "text.png").write_text("no image")
    assert run(fit_words(images, tmp_path / "model", tiny_settings)) == 1
    [line] = error_lines()
    assert "text.png holds text, not an image" in line
    assert (tmp_path / "model" / "model.json").is_file()
    assert "text.png" in (tmp_path / "model" / "failures.log").read_text()


def test_when_no_image_can_be_read_the_reason_is_told_and_nothing_is_written(
    tmp_path, tiny_settings, error_lines
):
    empty = tmp_path / "empty"
    empty.mkdir()
    assert run(fit_words(empty, tmp_path / "model", tiny_settings)) == 1
    [line] = error_lines()
    assert "nothing to learn from: no image in" in line
    assert run(fit_words(tmp_path / "missing", tmp_path / "model", tiny_settings)) == 1
    [line] = error_lines()
    assert "does not exist; check the path" in line
    Image.new("RGB", (64, 64)).save(empty / "unscaled.png")
    assert run(fit_words(empty, tmp_path / "model", tiny_settings)) == 1
    [line] = error_lines()
    assert "unscaled.png has no µm/px; pass --mpp" in line
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("steps = 3", "is not JSON"),
        ("[]", "all of it is []; expected a table of settings"),
        ('{"grouping": {"stepz": 3}}', "grouping.stepz is not a setting"),
        ('{"grouping": {"steps": "three"}}', 'grouping.steps is "three"; expected a whole number'),
        ('{"grouping": {"steps": 2.5}}', "grouping.steps is 2.5; expected a whole number of at least 1"),
        ('{"grouping": {"steps": null}}', "grouping.steps is null; expected a whole number"),
        ('{"grouping": {"steps": {}}}', "grouping.steps is a table; expected a whole number"),
        ('{"grouping": {"steps": -1}}', "grouping.steps is -1"),
        ('{"grouping": {"rounds": 0}}', "grouping.rounds is 0"),
        ('{"grouping": {"crop_px": 0}}', "grouping.crop_px is 0"),
        ('{"grouping": {"mpp": 0}}', "grouping.mpp is 0; expected a number from 0.1 to 4"),
        ('{"mining": {"mpp": 99}}', "mining.mpp is 99; expected a number from 0.1 to 4"),
        ('{"grouping": {"network": {"widths": []}}}', "network.widths is []"),
        ('{"grouping": {"network": {"widths": [8, 0]}}}', "network.widths is [8, 0]"),
        (
            '{"grouping": {"network": {"widths": [{"a": 1}]}}}',
            'network.widths is [{"a": 1}]; expected a list of 1 to 8 whole numbers',
        ),
        (
            '{"grouping": {"network": {"context_cells": 4}}}',
            "context_cells is 4; expected an odd whole number",
        ),
        (
            '{"grouping": {"network": {"kind": "PSPNetSpec", "depth": 7}}}',
            "depth is 7; expected one of 18, 34, 50",
        ),
        (
            '{"grouping": {"network": {"kind": "ClosedShapes"}}}',
            'there is no kind "ClosedShapes"; choose one of BorderUNetSpec, PSPNetSpec',
        ),
        ('{"grouping": {"network": {"kind": []}}}', "there is no kind []"),
        ('{"mining": {"cue": {"kind": "UNetSpec"}}}', 'there is no kind "UNetSpec"'),
        ('{"instances": {"threshold": 7}}', "instances.threshold is 7"),
        ('{"kind": "UNetSpec"}', 'there is no kind "UNetSpec"'),
    ],
)
def test_a_settings_file_that_is_wrong_is_refused_with_the_place_in_it(
    tmp_path, tiles, text, reason, error_lines
):
    settings = tmp_path / "mine.json"
    settings.write_text(text)
    assert run(fit_words(tiles, tmp_path / "model", settings)) == 2
    [line] = error_lines()
    assert reason in line
    assert "mine.json" in line
    assert not (tmp_path / "model").exists()


def test_a_settings_file_that_is_not_there_is_wrong_usage(tmp_path, tiles, error_lines):
    for settings in (tmp_path / "missing.json", tmp_path):
        assert run(fit_words(tiles, tmp_path / "model", settings)) == 2
        [line] = error_lines()
        assert f"{settings} cannot be read" in line
        assert "--settings takes a JSON or TOML file" in line


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--mpp", "0"], "--mpp gives 0 µm/px, expected 0.1 to 4"),
        (["--mpp", "nan"], "--mpp gives nan µm/px"),
        (["--seed", "-1"], "the seed is -1"),
        (["--seed", "99999999999999999999"], "the seed is 99999999999999999999"),
        (["--seed", "1.5"], "Invalid value for --seed: '1.5' is not a whole number"),
        (["--processes", "0"], "--processes is 0"),
        (["--processes", "1.5"], "Invalid value for --processes: '1.5' is not a whole number"),
        (["--devices", "0"], "--devices is 0"),
        (["--devices", "2.0"], "Invalid value for --devices: '2.0' is not a whole number"),
        (["--devices", "3"], "2 crops a step cannot be shared out among 3 devices"),
        (["--devices", "2", "--device", "mps"], "several devices are all of one kind, not 'mps'"),
        (["--processes", "-3"], "--processes is -3"),
        (["--device", "quantum"], "device 'quantum' is not available here"),
    ],
)
def test_an_argument_out_of_its_range_is_wrong_usage(
    tmp_path, tiles, tiny_settings, words, reason, error_lines
):
    assert run([*fit_words(tiles, tmp_path / "model", tiny_settings)[:-2], *words]) == 2
    [line] = error_lines()
    assert reason in line
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("devices", ["1", "2"])
def test_an_output_folder_that_cannot_be_used_is_told_before_any_image_is_read(
    tmp_path, tiny_settings, devices, error_lines
):
    (tmp_path / "thesis.tex").write_text("mine")
    for out, reason in ((Path("/proc/model"), "choose another output folder"), (tmp_path, "holds no fit")):
        assert run(fit_words(tmp_path / "no image", out, tiny_settings, "--devices", devices)) != 0
        [line] = error_lines()
        assert reason in line
    assert visible(tmp_path) == ["thesis.tex"]


def test_images_whose_names_differ_by_confidence_keep_their_proposals_apart(tmp_path, tiles, tiny_settings):
    (tmp_path / "images").mkdir()
    shutil.copy(tiles / "tile_000.png", tmp_path / "images" / "a.png")
    shutil.copy(tiles / "tile_001.png", tmp_path / "images" / "a_confidence.png")
    assert run(fit_words(tmp_path / "images", tmp_path / "model", tiny_settings)) == 0
    for folder in ("proposals", "rounds/proposals_round1"):
        found = [proposal_path(tmp_path / "model" / folder, name) for name in ("a", "a_confidence")]
        first, second = (ProposalMap.load(path) for path in found)
        assert not np.array_equal(first.regions, second.regions)
        assert len(visible(tmp_path / "model" / folder)) == 2 * 3  # regions, confidence, glands


@pytest.mark.parametrize("frozen", [True, False])
def test_two_processes_fit_a_pretrained_backbone_to_the_end(tmp_path, tiles, backbone_folder, frozen):
    """Each waits for the other's gradients: one that never comes, of a frozen part, would hold both up."""
    network = {
        "kind": "PretrainedSpec",
        "library": "transformers",
        "model": str(backbone_folder("resnet")),
        "features": 8,
        "frozen": frozen,
    }
    mining = {"shallow": {"steps": 2, "batch_crops": 2, "crop_px": 32}}
    grouping = {"steps": 2, "rounds": 2, "batch_crops": 2, "crop_px": 64, "mpp": 2.5, "network": network}
    (tmp_path / "mine.json").write_text(json.dumps({"mining": mining, "grouping": grouping}))
    words = ["--devices", "2", "--device", "cpu"]
    assert run(fit_words(tiles, tmp_path / "model", tmp_path / "mine.json", *words)) == 0
    # The last round is twice as long.
    assert [line["step"] for line in metrics_of(tmp_path / "model")] == [0, 1, 0, 1, 2, 3]


def test_weights_that_are_not_there_are_named(tmp_path, tiles, tiny_settings, error_lines):
    weights = ["--weights", str(tmp_path / "resnet.pth")]
    assert run(fit_words(tiles, tmp_path / "model", tiny_settings, *weights)) == 1
    [line] = error_lines()
    assert "resnet.pth does not exist; --weights takes" in line


def test_an_output_folder_that_cannot_be_made_is_named(tmp_path, tiles, tiny_settings, error_lines):
    (tmp_path / "model").write_text("mine")
    for out in (tmp_path / "model", tmp_path / "model" / "below", Path("/proc/model")):
        assert run(fit_words(tiles, out, tiny_settings)) == 1
        [line] = error_lines()
        assert f"{out} c" in line
        assert "choose another output folder" in line
    assert (tmp_path / "model").read_text() == "mine"


@pytest.mark.parametrize("size", ["4k", "8k", "24k", "64k", "88k", "112k"])
def test_a_fit_on_a_full_disk_ends_in_one_line_and_goes_on_once_there_is_space(
    small_disk, tiles, tiny_settings, tiny_model, size, error_lines
):
    out = small_disk(size) / "model"
    words = fit_words(tiles, out, tiny_settings, "--seed", "1")
    assert run(words) == 1
    [line] = error_lines()
    assert "no space left while writing" in line
    assert "free some disk space and run the same command again" in line
    assert {path.name for path in out.rglob(".*")} <= {".acinus.json"}
    small_disk("8m")
    assert run(words) == 0
    assert (out / "weights.safetensors").read_bytes() == (tiny_model / "weights.safetensors").read_bytes()
    assert [(line["round"], line["step"]) for line in metrics_of(out)] == [
        (number, step) for number in range(2) for step in range(6)
    ]


def test_the_size_of_glands_can_be_given_and_the_model_keeps_it(tmp_path, tiles, tiny_settings):
    words = fit_words(tiles, tmp_path / "model", tiny_settings, "--gland-size", "72:552")
    assert run(words) == 0
    settings = json.loads((tmp_path / "model" / "model.json").read_text())["settings"]
    assert settings["gland_size_um"] == [72.0, 552.0]
    assert settings["grouping"]["borders"]["gap_um"] == 48.0
    assert not (tmp_path / "model" / "gland_size.json").exists()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("40", "'40' is not two diameters in µm with a colon between, such as 40:1500"),
        ("1500:40", "two diameters in µm, the smaller first"),
    ],
)
def test_a_size_that_is_none_is_wrong_usage(tmp_path, tiles, error_lines, given, told):
    assert run(["fit", str(tiles), "--out", str(tmp_path / "model"), "--gland-size", given]) == 2
    assert told in " ".join(error_lines())
    assert not (tmp_path / "model").exists()
