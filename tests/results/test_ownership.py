"""What acinus wrote is its own to replace; what others wrote, or changed, never is."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from acinus.core.errors import UsageError
from acinus.results.ownership import claimed, in_the_way, is_own, list_all, own_folder, refuse_to_replace


def write(path: Path, text: str = "ours") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    """A folder in which acinus wrote a table and a folder ``masks``."""
    folder = tmp_path / "ours"
    folder.mkdir()
    with claimed(folder, ["a.csv", "masks"]):
        write(folder / "a.csv")
        write(folder / "masks" / "1.png")
    return folder


def test_what_was_written_under_a_claim_is_own_and_can_be_written_again(ours):
    assert is_own(ours / "a.csv")
    assert is_own(ours / "masks")
    with claimed(ours, ["a.csv"]):
        write(ours / "a.csv", "ours, second")
    assert is_own(ours / "a.csv")


def test_a_copy_of_the_folder_is_own_too(ours, tmp_path):
    copied = shutil.copytree(ours, tmp_path / "copied")
    assert in_the_way(copied, ["a.csv", "masks"]) == []


def test_a_file_that_somebody_changed_or_put_there_is_not(ours):
    write(ours / "a.csv", "ours, corrected by hand")
    write(ours / "b.csv", "theirs")
    write(ours / "masks" / "1.png", "painted over")
    assert in_the_way(ours, ["a.csv", "b.csv", "c.csv", "masks"]) == [
        ours / "a.csv",
        ours / "b.csv",
        ours / "masks",
    ]


def test_a_link_is_somebody_s_even_if_it_leads_nowhere_or_to_our_own_file(ours):
    (ours / "a.csv").rename(ours / "moved.csv")
    (ours / "a.csv").symlink_to("moved.csv")
    (ours / "b.csv").symlink_to("nowhere")
    assert in_the_way(ours, ["a.csv", "b.csv"]) == [ours / "a.csv", ours / "b.csv"]


def test_a_block_does_not_run_while_somebody_s_file_is_in_its_way(ours):
    write(ours / "b.csv", "theirs")
    with pytest.raises(UsageError, match=r"b\.csv is in the way"), claimed(ours, ["a.csv", "b.csv"]):
        pytest.fail("the block ran")
    assert (ours / "b.csv").read_text() == "theirs"


def test_what_a_process_that_was_killed_had_written_is_own(ours):
    block = claimed(ours, ["a.csv", "b.csv"])
    block.__enter__()  # and never left
    write(ours / "b.csv", "half")
    assert in_the_way(ours, ["a.csv", "b.csv"]) == []


def test_processes_that_write_into_one_folder_at_once_forget_nothing_of_each_other(tmp_path):
    script = (
        "import sys; from pathlib import Path; from acinus.results.ownership import claimed\n"
        "for number in range(30):\n"
        "    name = f'{sys.argv[2]}{number}.csv'\n"
        "    with claimed(Path(sys.argv[1]), [name]):\n"
        "        Path(sys.argv[1], name).write_text(name)\n"
    )
    processes = [subprocess.Popen([sys.executable, "-c", script, tmp_path, name]) for name in "abc"]
    assert [process.wait() for process in processes] == [0, 0, 0]
    files = [path for path in tmp_path.iterdir() if path.suffix == ".csv"]
    assert len(files) == 90
    assert all(is_own(path) for path in files)
    assert {path.name for path in tmp_path.iterdir()} - {path.name for path in files} == {".acinus.json"}


def test_what_a_process_that_was_killed_had_not_begun_is_nobody_s(ours):
    with claimed(ours, ["a.csv"]):
        listed = json.loads((ours / ".acinus.json").read_text())
        listed["written"]["late.csv"] = None  # another process, killed before it wrote
        (ours / ".acinus.json").write_text(json.dumps(listed))
        write(ours / "a.csv", "ours, second")
    write(ours / "late.csv", "somebody's")
    assert in_the_way(ours, ["a.csv", "late.csv"]) == [ours / "late.csv"]


def test_a_block_that_fails_lists_what_it_wrote_and_leaves_no_list_of_nothing(ours, tmp_path):
    for folder in (ours, tmp_path):
        with contextlib.suppress(ValueError), claimed(folder, ["b.csv"]):
            raise ValueError
    assert is_own(ours / "a.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ours"]


def test_records_are_made_again_when_they_are_damaged_but_only_ours(tmp_path):
    write(tmp_path / "ours" / "image.json", "{}")
    list_all(tmp_path / "ours")
    write(tmp_path / "ours" / "image.json", "")
    write(tmp_path / "theirs" / "image.json", '{"camera": "x"}')
    assert in_the_way(tmp_path / "ours", ["image.json"]) == []
    assert in_the_way(tmp_path / "theirs", ["image.json"]) == [tmp_path / "theirs" / "image.json"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("run.json", {"command": "acinus segment", "versions": {"acinus": "0.2.0"}}),
        ("image.json", {"name": "a", "gland_count": 3}),
        ("summary.json", {"tissue_area_um2": 5.0}),
        ("model.json", {"weights_sha256": "0"}),
        ("benchmark.json", {"versions": {"acinus": "0.1.0"}}),
        ("demo.json", {"images": 12, "seed": 0, "small": False}),
    ],
)
def test_a_folder_of_an_earlier_version_is_known_by_its_record(tmp_path, name, content):
    write(tmp_path / name, json.dumps(content))
    write(tmp_path / "glands.csv")
    write(tmp_path / "results.md")
    write(tmp_path / "thesis.tex", "theirs")
    assert in_the_way(tmp_path, [name, "glands.csv", "results.md", "thesis.tex"]) == [tmp_path / "thesis.tex"]
    with claimed(tmp_path, ["glands.csv"]):
        write(tmp_path / "glands.csv", "new")
    assert is_own(tmp_path / "results.md")  # which this version did not write
    write(tmp_path / "results.md", "theirs now")
    assert not is_own(tmp_path / "results.md")


@pytest.mark.parametrize("text", ["{}", "[]", "", '{"versions": {"numpy": "2"}}', '{"versions": null}'])
def test_a_file_of_the_name_of_a_record_makes_no_folder_ours(tmp_path, text):
    for name in ("run.json", "image.json", "model.json", "demo.json"):
        write(tmp_path / name, text)
    write(tmp_path / "glands.csv", "theirs")
    assert len(in_the_way(tmp_path, ["glands.csv", "run.json", "image.json", "model.json"])) == 4


def test_the_first_three_files_are_named_and_the_others_counted():
    line = (
        r"^a, b, c and 2 others are in the way: not written by acinus, or changed since; move them elsewhere"
    )
    with pytest.raises(UsageError, match=line):
        refuse_to_replace([Path(name) for name in "abcde"])
    refuse_to_replace([])


def replace(folder: Path, *names: str, before_the_end: Path | None = None) -> None:
    with own_folder(folder, ("labels.png", "labels.tif", "masks")) as new:
        for name in names:
            write(new / name, "new")
        if before_the_end:
            write(before_the_end, "theirs")


def test_a_folder_takes_the_place_of_the_one_before_with_what_others_put_there(tmp_path):
    folder = tmp_path / "result"
    replace(folder, "labels.tif", "masks/1.png")
    write(folder / "notes.txt", "theirs")
    replace(folder, "labels.png")
    assert sorted(path.name for path in folder.iterdir()) == [".acinus.json", "labels.png", "notes.txt"]
    assert (folder / "notes.txt").read_text() == "theirs"


def test_a_folder_with_somebody_s_file_under_our_name_is_not_replaced_also_when_it_comes_late(tmp_path):
    folder = tmp_path / "result"
    write(folder / "labels.png", "theirs")
    with pytest.raises(UsageError, match="in the way"):
        replace(folder, "labels.png")
    (folder / "labels.png").unlink()
    with pytest.raises(UsageError, match="in the way"):
        replace(folder, "labels.png", before_the_end=folder / "labels.png")
    assert (folder / "labels.png").read_text() == "theirs"
    assert [path.name for path in tmp_path.iterdir()] == ["result"]


def test_a_file_in_the_place_of_a_folder_is_in_the_way(tmp_path):
    write(tmp_path / "result", "theirs")
    with pytest.raises(UsageError, match="result is in the way"):
        replace(tmp_path / "result", "labels.png")


def test_a_folder_behind_a_link_is_replaced_there_and_the_link_stays(tmp_path):
    (tmp_path / "big disk").mkdir()
    (tmp_path / "result").symlink_to("big disk")
    replace(tmp_path / "result", "labels.png")
    assert (tmp_path / "result").is_symlink()
    assert (tmp_path / "big disk" / "labels.png").read_text() == "new"
