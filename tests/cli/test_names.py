"""Files come with any name that a file system takes, through links, and from shares that know little."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
from pathlib import Path

import pytest
from PIL import Image

from acinus.cli import run
from acinus.core import files
from acinus.results.folder import read_results

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="other systems take no such names")
NOT_UTF_8 = os.fsdecode(b"caf\xe9")


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """An image that is segmented in a moment."""
    path = tmp_path / "plain.png"
    Image.new("RGB", (64, 64), (230, 200, 220)).save(path, dpi=(40968, 40968))
    return path


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_dir()}


@on_linux
def test_names_and_links_that_cannot_be_used_cost_themselves_alone_and_are_listed(
    tmp_path, plain, tiny_model, error_lines
):
    images, out = tmp_path / "images", tmp_path / NOT_UTF_8 / "out"
    images.mkdir()
    long, longest = "n" * 245, "é" * 125
    for name in ("a", long, longest, NOT_UTF_8, "summary.csv"):
        shutil.copy(plain, images / f"{name}.png")
    Image.open(plain).save(images / "a.jpg", dpi=(40968, 40968))
    (images / "case_7.png").symlink_to("archive/gone.png")
    (images / "linked.png").symlink_to(plain)
    assert run(["segment", str(images), "--model", str(tiny_model), "--out", str(out)]) == 1
    assert names(out) == {"a", "linked", long, longest}
    lines = [line for line in error_lines() if str(images) in line]  # others are about what was found
    for part in (
        "a.png and",
        "case_7.png is a link that leads nowhere",
        "has a name that is not UTF-8",
        "has the name of a file that acinus writes, summary.csv",
    ):
        assert sum(part in line for line in lines) == 1, (part, lines)
    assert len(lines) == 4
    assert "caf\\udce9.png" in (out / "failures.log").read_text(encoding="utf-8")
    assert {entry["name"] for entry in json.loads((out / "run.json").read_text())["inputs"]} == names(out)
    assert {image.name for image in read_results(out).images} == names(out)


def test_two_images_of_one_name_cost_the_second_one_whether_they_come_in_a_folder_or_one_by_one(
    tmp_path, plain, tiny_model, error_lines
):
    images = tmp_path / "images"
    images.mkdir()
    Image.open(plain).save(images / "p.jpg", dpi=(40968, 40968))
    shutil.copy(plain, images / "p.png")
    for number, inputs in enumerate(([images], [images / "p.jpg", images / "p.png"])):
        out = tmp_path / f"out{number}"
        assert run(["segment", *map(str, inputs), "--model", str(tiny_model), "--out", str(out)]) == 1
        [line] = [line for line in error_lines() if "the same name" in line]
        assert line.startswith(f"acinus: {images / 'p.png'} and {images / 'p.jpg'} have the same name")
        assert json.loads((out / "p" / "image.json").read_text())["path"] == str(images / "p.jpg")


def test_a_name_that_would_hide_the_results_is_refused(tmp_path, plain, tiny_model, error_lines):
    for name in (".hidden.png", "..png"):
        shutil.copy(plain, tmp_path / name)
        out = tmp_path / "out"
        assert run(["segment", str(tmp_path / name), "--model", str(tiny_model), "--out", str(out)]) == 1
        [line] = error_lines()
        assert "begins with a dot, so its results would be hidden; rename it" in line
        assert names(out) == set()


def test_on_a_share_that_syncs_no_folder_everything_is_written(tmp_path, plain, tiny_model, monkeypatch):
    sync = os.fsync

    def refuses_folders(descriptor: int) -> None:
        if os.path.isdir(descriptor):  # noqa: PTH112 - a path has no descriptor
            raise OSError(errno.EINVAL, "Invalid argument")
        sync(descriptor)

    monkeypatch.setattr(files.os, "fsync", refuses_folders)
    out = tmp_path / "out"
    assert run(["segment", str(plain), "--model", str(tiny_model), "--out", str(out)]) == 0
    assert (out / "summary.csv").is_file()
    assert (out / "plain" / "labels.png").is_file()


@on_linux
def test_info_describes_a_file_whose_name_is_no_text(tmp_path, plain, capsys):
    path = tmp_path / f"{NOT_UTF_8}.png"
    shutil.copy(plain, path)
    assert run(["info", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["width_px"] == 64


@on_linux
def test_measure_refuses_an_image_whose_name_is_no_text(tmp_path, plain, error_lines):
    path = tmp_path / f"{NOT_UTF_8}.png"
    shutil.copy(plain, path)
    Image.new("L", (64, 64)).save(tmp_path / "labels.png")
    assert run(["measure", str(tmp_path / "labels.png"), str(path), "--out", str(tmp_path / "out")]) == 1
    [line] = error_lines()
    assert "has a name that is not UTF-8, which tables cannot hold; rename it" in line


def test_names_that_are_one_on_other_systems_cost_the_second_one(tmp_path, plain, tiny_model, error_lines):
    """Results that were copied to Windows or macOS would replace each other."""
    images, out = tmp_path / "images", tmp_path / "out"
    images.mkdir()
    for name in ("A1", "a1", "caf\u00e9", "cafe\u0301", "b"):
        shutil.copy(plain, images / f"{name}.png")
    assert run(["segment", str(images), "--model", str(tiny_model), "--out", str(out)]) == 1
    assert len(names(out)) == 3
    lines = [line for line in error_lines() if "differ only in capitals or in how accents are stored" in line]
    assert len(lines) == 2


@on_linux
def test_names_from_macos_match_those_from_elsewhere(tmp_path, plain, tiny_model, capsys):
    apart, composed = "cafe\u0301", "caf\u00e9"
    image, out = tmp_path / f"{apart}.png", tmp_path / "out"
    shutil.copy(plain, image)
    (tmp_path / "roi").mkdir()
    square = [[0, 0], [0, 40], [40, 40], [40, 0], [0, 0]]
    roi = {"type": "Polygon", "coordinates": [square]}
    (tmp_path / "roi" / f"{composed}.geojson").write_text(json.dumps(roi))
    words = ["segment", str(image), "--model", str(tiny_model), "--out", str(out)]
    assert run([*words, "--roi", str(tmp_path / "roi")]) == 0
    (tmp_path / "truth").mkdir()
    Image.new("L", (64, 64)).save(tmp_path / "truth" / f"{composed}.png")
    assert run(["evaluate", str(out), str(tmp_path / "truth")]) == 0
    assert "1 image" in capsys.readouterr().out.splitlines()
    measured = tmp_path / "measured"
    assert run(["measure", str(tmp_path / "truth"), str(tmp_path), "--out", str(measured)]) == 0
    assert names(measured) == {composed}


def test_label_maps_behind_links_that_lead_nowhere_are_said(tmp_path, plain, error_lines):
    maps, images, out = tmp_path / "maps", tmp_path / "images", tmp_path / "out"
    for folder in (maps, images):
        folder.mkdir()
    for name in ("a", "b"):
        shutil.copy(plain, images / f"{name}.png")
    Image.new("L", (64, 64)).save(maps / "a.png")
    (maps / "b.png").symlink_to("gone.png")
    for words in (["evaluate", str(maps), str(maps)], ["evaluate", str(maps), str(maps / "b.png")]):
        assert run(words) == 1
        [line] = error_lines()
        assert f"{maps / 'b.png'}" in line
        assert " nowhere" in line
        assert "mend or delete" in line
    assert run(["measure", str(maps), str(images), "--out", str(out)]) == 1
    assert names(out) == {"a"}
    [line] = error_lines()
    assert line.endswith("b.png is a link that leads nowhere; mend or delete it")
