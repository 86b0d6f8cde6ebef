from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest
from PIL import Image

from acinus.core.errors import InputError
from acinus.core.files import read_json, write_json
from acinus.viewer.entries import find_entries, is_inside
from acinus.viewer.library import Library

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="other systems take no such names")


def test_slides_come_in_natural_order(run_folder: Path) -> None:
    assert list(find_entries(run_folder).by_name) == ["slide_2", "slide_10"]


def test_digits_that_are_no_decimal_ones_are_part_of_a_name(run_folder: Path) -> None:
    (run_folder / "slide_2").rename(run_folder / "a5²")
    assert list(find_entries(run_folder).by_name) == ["a5²", "slide_10"]


def test_a_damaged_origin_costs_one_slide_and_is_said(run_folder: Path) -> None:
    file = run_folder / "slide_2" / "image.json"
    write_json(file, read_json(file) | {"origin": {"from": "bounds", "x_px": [1], "y_px": 2}})
    entries = find_entries(run_folder)
    assert list(entries.by_name) == ["slide_10"]
    assert "slide_2/image.json is damaged (origin.x_px" in entries.notices[0]


def test_results_that_were_moved_together_with_their_images_are_shown_with_them(run_folder: Path) -> None:
    image = run_folder.parent / "images" / "slide_2.png"
    image.rename(run_folder / "slide_2.png")
    assert find_entries(run_folder).by_name["slide_2"].source == (run_folder / "slide_2.png").resolve()


def test_a_recorded_source_may_lie_outside_of_the_folder(run_folder: Path) -> None:
    entry = find_entries(run_folder).by_name["slide_2"]
    assert not entry.source.is_relative_to(run_folder)
    assert entry.glands_file == run_folder.resolve() / "slide_2" / "glands.geojson"


def test_one_result_folder_is_a_list_of_one(run_folder: Path) -> None:
    assert list(find_entries(run_folder / "slide_2").by_name) == ["slide_2"]


def test_a_relative_source_is_sought_beside_the_result_first(run_folder: Path) -> None:
    file = run_folder / "slide_2" / "image.json"
    image = read_json(file)
    Path(image["path"]).rename(run_folder / "slide_2" / "tissue.png")
    write_json(file, image | {"path": "tissue.png"})
    assert find_entries(run_folder).by_name["slide_2"].source == file.resolve().with_name("tissue.png")


def test_a_folder_of_images_and_a_single_image_need_no_results(tmp_path: Path) -> None:
    for name in ("b.png", "a.jpg", "a.png", "notes.txt"):
        Image.new("RGB", (8, 8)).save(tmp_path / name, format="PNG")
    assert list(find_entries(tmp_path).by_name) == ["a.jpg", "a.png", "b"]
    assert list(find_entries(tmp_path / "b.png").by_name) == ["b"]


def test_links_that_lead_out_are_not_listed_and_said(run_folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    (run_folder / "slide_2").rename(secret)
    (run_folder / "slide_2").symlink_to(secret)
    entries = find_entries(run_folder)
    assert list(entries.by_name) == ["slide_10"]
    assert entries.notices == ("1 link points outside the folder, not shown",)


def test_a_folder_of_links_to_slides_elsewhere_shows_them_under_the_links_names(tmp_path: Path) -> None:
    archive, cohort = tmp_path / "archive", tmp_path / "cohort"
    archive.mkdir()
    cohort.mkdir()
    for name in ("x1.png", "x2.png"):
        Image.new("RGB", (8, 8)).save(archive / name)
    (archive / "secret.txt").write_text("secret")
    for case, target in (("case_1", "x1.png"), ("case_2", "x2.png"), ("case_3", "gone.png")):
        (cohort / f"{case}.png").symlink_to(archive / target)
    (cohort / "case_4.png").symlink_to(archive / "secret.txt")
    entries = find_entries(cohort)
    assert {name: entry.source for name, entry in entries.by_name.items()} == {
        "case_1": archive / "x1.png",
        "case_2": archive / "x2.png",
    }
    assert entries.notices == (
        "1 link leads nowhere, not shown",
        "1 link points outside the folder, not shown",
    )
    assert list(find_entries(cohort / "case_1.png").by_name) == ["case_1"]


def test_a_folder_whose_links_lead_nowhere_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "a.png").symlink_to(tmp_path / "gone.png")
    with pytest.raises(InputError, match=r"holds no slide and no result .*1 link leads nowhere, not shown"):
        find_entries(tmp_path)


@on_linux
def test_an_entry_whose_name_is_no_text_costs_itself_alone(tmp_path: Path) -> None:
    for name in (b"caf\xe9.png", b"plain.png"):
        Image.new("RGB", (8, 8)).save(tmp_path / os.fsdecode(name))
    entries = find_entries(tmp_path)
    assert list(entries.by_name) == ["plain"]
    assert entries.notices == ("1 entry has a name that is not UTF-8, not shown",)
    with pytest.raises(InputError, match="has a name that is not UTF-8; rename it"):
        find_entries(tmp_path / os.fsdecode(b"caf\xe9.png"))


@pytest.mark.parametrize("name", ["image.json", "glands.geojson", "glands.csv"])
def test_a_result_file_that_is_a_link_out_is_not_read(run_folder: Path, tmp_path: Path, name: str) -> None:
    file = run_folder / "slide_2" / name
    file.rename(tmp_path / name)
    file.symlink_to(tmp_path / name)
    entries = find_entries(run_folder)
    if name == "image.json":
        assert list(entries.by_name) == ["slide_10"]
    else:
        entry = entries.by_name["slide_2"]
        assert (entry.glands_file if name == "glands.geojson" else entry.table_file) is None


def test_links_inside_the_folder_are_followed(run_folder: Path) -> None:
    (run_folder / "again").symlink_to(run_folder / "slide_2")
    assert "again" in find_entries(run_folder).by_name


def test_results_left_over_under_a_hidden_name_are_not_listed(run_folder: Path) -> None:
    shutil.copytree(run_folder / "slide_2", run_folder / ".slide_2.abcdef12.old")
    assert list(find_entries(run_folder).by_name) == ["slide_2", "slide_10"]


def test_links_in_a_circle_are_outside(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert not is_inside(tmp_path.resolve(), tmp_path / "a")


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", '{"path": "a", "width_px": 0, "height_px": 1}', '{"path": 1, "width_px": "x"}']
)
def test_a_damaged_image_json_costs_one_slide_and_is_said(run_folder: Path, text: str) -> None:
    (run_folder / "slide_2" / "image.json").write_text(text)
    entries = find_entries(run_folder)
    assert list(entries.by_name) == ["slide_10"]
    assert "slide_2/image.json" in entries.notices[0]


def test_an_image_whose_table_was_cut_is_marked(run_folder: Path) -> None:
    table = run_folder / "slide_2" / "glands.csv"
    table.write_bytes(table.read_bytes()[:-5])
    entries = find_entries(run_folder)
    assert [entry.problem is None for entry in entries.by_name.values()] == [False, True]
    assert "slide_2/glands.csv was cut after" in entries.notices[0]
    assert "slide_2/glands.csv was cut after" in Library(entries).describe("slide_2")["notices"][0]
    assert "slide_2/glands.csv was cut after" in find_entries(run_folder / "slide_2").notices[0]


def test_nothing_to_show_is_an_error_of_one_line(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent"):
        with pytest.raises(InputError) as caught:
            find_entries(path)
        assert "\n" not in str(caught.value)
