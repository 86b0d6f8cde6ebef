import errno
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from acinus.core import files
from acinus.core.errors import LongNameError, OutputError
from acinus.core.files import atomic_path, make_folder, output_error, read_json, write_json

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a file system")
not_root = pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_file_appears_only_once_the_block_has_ended(tmp_path: Path):
    with atomic_path(tmp_path / "a.txt") as temporary:
        temporary.write_text("whole")
        assert not (tmp_path / "a.txt").exists()
    assert (tmp_path / "a.txt").read_text() == "whole"
    assert names(tmp_path) == ["a.txt"]


def test_the_temporary_file_keeps_the_suffix_and_the_folder(tmp_path: Path):
    with atomic_path(tmp_path / "a.png") as temporary:
        temporary.touch()
        assert temporary.suffix == ".png"
        assert temporary.parent == tmp_path
        assert temporary.name.startswith(".")


def fail_in_block(path: Path, error: BaseException) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text("half")
        raise error


@pytest.mark.parametrize("error", [ValueError("mine"), KeyboardInterrupt(), MemoryError()])
def test_an_error_in_the_block_comes_through_and_leaves_nothing(tmp_path: Path, error: BaseException):
    with pytest.raises(type(error)):
        fail_in_block(tmp_path / "a.txt", error)
    assert names(tmp_path) == []


def test_an_error_in_the_block_leaves_the_old_file(tmp_path: Path):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(ValueError, match="mine"):
        fail_in_block(tmp_path / "a.txt", ValueError("mine"))
    assert names(tmp_path) == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


def write_folder(path: Path, *, name: str) -> None:
    with atomic_path(path) as temporary:
        temporary.mkdir()
        (temporary / name).write_text(name)


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path):
    write_folder(tmp_path / "out", name="old")
    write_folder(tmp_path / "out", name="new")
    assert names(tmp_path) == ["out"]
    assert names(tmp_path / "out") == ["new"]


def test_a_folder_that_fails_half_way_leaves_the_old_one(tmp_path: Path):
    write_folder(tmp_path / "out", name="old")
    with pytest.raises(OutputError, match="could not be written"):
        write_folder(tmp_path / "out", name="absent/file")
    assert names(tmp_path) == ["out"]
    assert names(tmp_path / "out") == ["old"]


def test_an_old_folder_that_cannot_be_deleted_does_not_cost_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    write_folder(tmp_path / "out", name="old")

    def refuse(path: Path, ignore_errors: bool = False) -> None:
        if not ignore_errors:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(shutil, "rmtree", refuse)
    write_folder(tmp_path / "out", name="new")
    assert names(tmp_path / "out") == ["new"]


def test_a_file_in_the_way_of_a_folder_is_named_and_kept(tmp_path: Path):
    (tmp_path / "out").write_text("precious")
    with pytest.raises(OutputError, match=r"out cannot be created because a file stands in its way"):
        write_folder(tmp_path / "out", name="new")
    assert names(tmp_path) == ["out"]
    assert (tmp_path / "out").read_text() == "precious"


def test_a_folder_in_the_way_of_a_file_is_named_and_kept(tmp_path: Path):
    write_folder(tmp_path / "out", name="precious")
    with pytest.raises(OutputError, match="out could not be written"):
        write_json(tmp_path / "out", {})
    assert names(tmp_path) == ["out"]
    assert names(tmp_path / "out") == ["precious"]


def test_writing_below_a_file_ends_in_one_line(tmp_path: Path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match=r"file/a\.json cannot be created because a file stands in its way"):
        write_json(tmp_path / "file" / "a.json", {})


def test_a_name_too_long_for_the_file_system_ends_in_one_line(tmp_path: Path):
    with pytest.raises(LongNameError, match="is too long for this file system; shorten"):
        write_json(tmp_path / ("n" * 256), {})


@pytest.mark.parametrize("name", ["n" * 255, "é" * 127, f"a.{'n' * 253}"])
def test_a_name_as_long_as_the_file_system_takes_is_written(tmp_path: Path, name: str):
    write_json(tmp_path / name, {})
    write_json(tmp_path / name, {"again": 1})
    assert names(tmp_path) == [name]


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.EACCES])
@pytest.mark.parametrize("call", ["fsync", "open"])
def test_a_share_that_cannot_sync_folders_keeps_what_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, call: str
):
    whole = getattr(os, call)

    def refuses_folders(target: int | Path, *more: int) -> int:
        if Path(f"/proc/self/fd/{target}" if call == "fsync" else target).is_dir():
            raise OSError(number, os.strerror(number))
        return whole(target, *more)

    monkeypatch.setattr(files.os, call, refuses_folders)
    write_json(tmp_path / "a.json", "first")
    write_json(tmp_path / "a.json", "second")
    write_folder(tmp_path / "out", name="new")
    assert read_json(tmp_path / "a.json") == "second"
    assert names(tmp_path) == ["a.json", "out"]


def test_a_new_folder_that_cannot_take_its_name_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    write_folder(tmp_path / "out", name="old")
    replace = Path.replace

    def refuse(self: Path, target: Path) -> Path:
        if self.suffix == ".tmp":
            raise OSError(errno.EIO, "Input/output error")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OutputError):
        write_folder(tmp_path / "out", name="new")
    assert names(tmp_path) == ["out"]
    assert names(tmp_path / "out") == ["old"]


def test_a_missing_folder_ends_in_one_line(tmp_path: Path):
    with pytest.raises(
        OutputError, match=r"absent/a\.json could not be written \(No such file or directory\)"
    ):
        write_json(tmp_path / "absent" / "a.json", {})


@not_root
def test_a_folder_without_permission_ends_in_one_line(tmp_path: Path):
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match=r"a\.json cannot be written \(no permission\)"):
        write_json(tmp_path / "a.json", {})


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_a_refusal_by_the_system_ends_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
):
    def refuse(self: Path, target: Path) -> Path:
        raise OSError(number, os.strerror(number), str(target))

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OutputError, match=r"a\.json cannot be written \(no permission\); choose another"):
        write_json(tmp_path / "a.json", {})
    assert names(tmp_path) == []


def test_a_disk_that_fills_while_syncing_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_json(tmp_path / "a.json", "old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OutputError, match=r"^no space left while writing .*a\.json; free some disk space"):
        write_json(tmp_path / "a.json", "new")
    assert names(tmp_path) == ["a.json"]
    assert read_json(tmp_path / "a.json") == "old"


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this root may not mount file systems")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@root_only
def test_a_full_disk_leaves_the_old_file_and_no_other(tiny_disk: Path):
    write_json(tiny_disk / "a.json", "old")
    with pytest.raises(OutputError, match="no space left while writing"):
        write_json(tiny_disk / "a.json", ["new"] * 40_000)
    assert names(tiny_disk) == ["a.json"]
    assert read_json(tiny_disk / "a.json") == "old"


def test_make_folder_makes_parents_and_accepts_what_is_there(tmp_path: Path):
    assert make_folder(tmp_path / "a" / "b") == tmp_path / "a" / "b"
    assert make_folder(tmp_path / "a" / "b").is_dir()


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_make_folder_names_the_file_in_its_way(tmp_path: Path, place: str):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match=f"{place} cannot be created because a file stands in its way"):
        make_folder(tmp_path / place)


def test_an_error_of_another_sort_is_quoted():
    error = output_error(OSError(errno.EIO, "Input/output error"), Path("a.png"))
    assert str(error) == "a.png could not be written (Input/output error); choose another output folder"


def test_json_comes_back_and_other_programs_read_it(tmp_path: Path):
    value = {"µm": [1, 2.5, None, True], "numbers": np.float32(0.5), "list": np.arange(3)}
    write_json(tmp_path / "a.json", value)
    expected = {"µm": [1, 2.5, None, True], "numbers": 0.5, "list": [0, 1, 2]}
    assert read_json(tmp_path / "a.json") == expected
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == expected
