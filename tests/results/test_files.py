"""What belongs to a result, what makes it whole, what is left of interrupted runs, and what is kept."""

from __future__ import annotations

import ast
import contextlib
from pathlib import Path

import pytest

import acinus
from acinus.core.files import atomic_path
from acinus.results import files
from acinus.results.files import (
    IMAGE_FILES,
    SLIDE_FILES,
    find_outlines,
    find_overlay,
    find_table,
    is_whole,
    keep_what_others_wrote,
    remove_leftovers,
    result_folders,
    work_folder,
)

OLD_IMAGE_FILES = ("labels.png", "probability.png", "overlay.png", "glands.geojson", "glands.csv")


def fill(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


@pytest.mark.parametrize("labels", ["labels.png", "labels.tif"])
def test_an_image_s_result_is_whole_with_either_label_map_and_lacks_whatever_is_taken_away(tmp_path, labels):
    folder = fill(tmp_path, labels, *IMAGE_FILES)
    assert is_whole(folder, kind="image", version=2)
    for name in (labels, *IMAGE_FILES):
        (folder / name).unlink()
        assert not is_whole(folder, kind="image", version=2), name
        fill(folder, name)


def test_a_slide_s_result_is_whole_in_every_version_and_lacks_whatever_is_taken_away(tmp_path):
    folder = fill(tmp_path, *SLIDE_FILES)
    assert is_whole(folder, kind="slide", version=1)
    assert not is_whole(folder, kind="image", version=2)
    for name in SLIDE_FILES:
        (folder / name).unlink()
        assert not is_whole(folder, kind="slide", version=2), name
        fill(folder, name)


def test_an_image_s_result_of_version_1_is_whole_without_what_came_later(tmp_path):
    folder = fill(tmp_path, *OLD_IMAGE_FILES)
    assert is_whole(folder, kind="image", version=1)
    assert not is_whole(folder, kind="image", version=2)
    (folder / "overlay.png").unlink()
    assert not is_whole(folder, kind="image", version=1)


def test_images_and_slides_share_every_name_but_those_that_size_forbids():
    assert set(IMAGE_FILES) - set(SLIDE_FILES) == {"probability.png", "glands.geojson"}
    assert set(SLIDE_FILES) - set(IMAGE_FILES) == {"labels.zarr/zarr.json", "glands.geojson.gz"}


def test_files_are_found_under_their_names_of_today_and_of_earlier_versions(tmp_path):
    assert (find_overlay(tmp_path), find_outlines(tmp_path), find_table(tmp_path)) == (None, None, None)
    fill(tmp_path, "overlay.png", "glands.geojson.gz", "glands.csv")
    found = (find_overlay(tmp_path), find_outlines(tmp_path), find_table(tmp_path))
    assert [path.name for path in found] == ["overlay.png", "glands.geojson.gz", "glands.csv"]
    fill(tmp_path, "overlay.jpg", "glands.geojson", "glands.parquet")
    found = (find_overlay(tmp_path), find_outlines(tmp_path), find_table(tmp_path))
    assert [path.name for path in found] == ["overlay.jpg", "glands.geojson", "glands.parquet"]


def test_folders_with_a_record_are_results_and_hidden_ones_and_files_are_not(tmp_path):
    fill(tmp_path, "b/image.json", "a/image.json", ".c.0123abcd.tmp/image.json", "d/glands.csv", "image.json")
    assert [folder.name for folder in result_folders(tmp_path)] == ["a", "b"]


def test_leftovers_of_the_named_results_and_of_the_batch_go_away_and_nothing_else_does(tmp_path):
    fill(
        tmp_path,
        ".a.0123abcd.tmp/x",
        ".a.b.0123abcd.tmp.b/x",
        ".a.0123abcd.old/x",
        ".run.json.0123abcd.tmp.json",
    )
    stays = [".c.0123abcd.tmp/x", ".a.0123abcd.tm/x", ".git/x", ".notes.csv.0123abcd.tmp.csv", "a/x"]
    fill(tmp_path, *stays)
    remove_leftovers(tmp_path, {"a", "a.b"})
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(Path(name).parts[0] for name in stays)


def test_a_result_that_was_being_replaced_is_there_again_with_what_others_put_into_it(tmp_path):
    """A run killed between two renames leaves the old result, and the notes in it, under a hidden name."""
    fill(tmp_path, ".a.0123abcd.old/notes.txt", ".a.0123abcd.old/labels.png", ".a.0123abcd.tmp/notes.txt")
    remove_leftovers(tmp_path, {"a"})
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["labels.png", "notes.txt"]


def test_leftovers_of_long_names_are_found(tmp_path):
    name = "n" * 250
    with contextlib.suppress(KeyboardInterrupt), atomic_path(tmp_path / name) as temporary:
        temporary.mkdir()
        hidden = temporary.name
        raise KeyboardInterrupt
    fill(tmp_path, f"{hidden}/x", f"{work_folder(tmp_path, name).name}/x")
    remove_leftovers(tmp_path, {name})
    assert [path.name for path in tmp_path.iterdir()] == [work_folder(tmp_path, name).name]


def test_a_file_under_the_hidden_name_of_a_result_s_folder_is_not_ours_to_remove(tmp_path):
    fill(tmp_path, ".a.0123abcd.tmp")
    (tmp_path / ".summary.csv.0123abcd.tmp.csv").mkdir()
    remove_leftovers(tmp_path, {"a"})
    assert len(list(tmp_path.iterdir())) == 2


def test_what_others_wrote_is_kept_with_links_as_links_and_results_of_any_version_are_not(tmp_path):
    old = fill(
        tmp_path / "old", "marks.json", "qupath/p.qpproj", "image.json", *OLD_IMAGE_FILES, *SLIDE_FILES
    )
    (old / "link").symlink_to("nowhere")
    new = tmp_path / "new"
    new.mkdir()
    keep_what_others_wrote(old, new)
    assert sorted(path.name for path in new.iterdir()) == ["link", "marks.json", "qupath"]
    assert (new / "qupath" / "p.qpproj").read_text() == "qupath/p.qpproj"
    assert (new / "link").is_symlink()


def test_where_there_was_no_result_nothing_is_kept(tmp_path):
    keep_what_others_wrote(tmp_path / "absent", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_no_other_room_names_a_file_of_a_result():
    """``run.json`` is any folder's run file; the others are named in `acinus.results` alone."""
    names = {
        value
        for name, value in vars(files).items()
        if name.isupper() and isinstance(value, str) and not name.startswith("_")
    }
    names |= {"overlay.png"}
    assert {"image.json", "glands.csv", "labels.zarr", "overlay.jpg"} <= names
    found = []
    package = Path(acinus.__file__).parent
    for path in package.rglob("*.py"):
        if (package / "results") not in path.parents:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            texts = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
            found += [(path.name, text) for text in texts if text in names - {"run.json"}]
    assert found == []
