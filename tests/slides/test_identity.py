"""A file that changed anywhere it can be told from is another one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from acinus.slides import identity
from acinus.slides.identity import file_identity


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(identity, "_END_BYTES", 100)
    path = tmp_path / "slide.svs"
    path.write_bytes(bytes(range(200)) * 5)
    os.utime(path, ns=(0, 0))
    return path


@pytest.mark.parametrize("place", [0, 99, 900, 999])
def test_a_byte_at_either_end_is_noticed_though_size_and_time_are_the_same(file, place):
    known = file_identity(file)
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(0, 0))
    assert file_identity(file) != known


def test_a_change_in_the_middle_shows_by_its_time(file):
    known = file_identity(file)
    content = bytearray(file.read_bytes())
    content[500] ^= 1
    file.write_bytes(content)
    assert file_identity(file) != known


@pytest.mark.parametrize("length", [1, 50, 100, 150, 199, 200])
def test_every_byte_of_a_small_file_counts(file, length):
    content = bytes(range(length))
    seen = set()
    for place in range(length):
        file.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        os.utime(file, ns=(0, 0))
        seen.add(file_identity(file)["sha256_of_ends"])
    assert len(seen) == length


def test_the_folder_of_a_mirax_slide_counts_and_one_that_is_merely_named_alike_does_not(tmp_path):
    for name, counts in (("slide.mrxs", True), ("slide.svs", False)):
        path = tmp_path / name
        path.write_bytes(b"index")
        (tmp_path / "slide").mkdir(exist_ok=True)
        (tmp_path / "slide" / "Data0000.dat").write_bytes(b"pixels")
        known = file_identity(path)
        (tmp_path / "slide" / "Data0000.dat").write_bytes(b"other pixels")
        assert (file_identity(path) != known) == counts
