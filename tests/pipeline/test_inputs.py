"""Which inputs of a list are worked on, beside what `tests/cli/test_names.py` shows."""

from __future__ import annotations

import shutil

import pytest
from PIL import Image

from acinus.pipeline.inputs import find_inputs
from acinus.results.batch import BatchResult


@pytest.mark.real_data
def test_of_the_files_of_a_dicom_series_one_is_taken_since_all_open_the_same_slide(acinus_data, tmp_path):
    """Counted once for each of its levels, its label and its overview, a patient would weigh too much."""
    file = acinus_data / "slides" / "absurd-mpp.dicom"
    for name in ("1.dcm", "2.dcm", "10.dcm"):
        shutil.copy(file, tmp_path / name)
    content = file.read_bytes()
    uid = content.index(b"\x20\x00\x0e\x00UI") + 8  # SeriesInstanceUID
    (tmp_path / "3.dcm").write_bytes(content[: uid + 4] + b"9" + content[uid + 5 :])
    result = BatchResult(folder=tmp_path)
    found = find_inputs([tmp_path], mpp=0.5, result=result)
    assert [sample.name for sample in found] == ["1", "3"]
    assert result.warnings == ["1: 2 other files of its DICOM series left out (2.dcm, 10.dcm)"]


def test_images_in_folders_within_are_said_to_be_left_out_unless_they_are_named(tmp_path):
    for place in ("a.png", "b/b.png", "c/c.png", "labels/a.png", "results/a/labels.png", ".hidden/h.png"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 40)).save(tmp_path / place)
    (tmp_path / "results" / "a.png").write_bytes(b"")
    (tmp_path / "results" / ".acinus.json").write_text("{}")
    result = BatchResult(folder=tmp_path)
    assert [sample.name for sample in find_inputs([tmp_path], mpp=0.5, result=result)] == ["a"]
    assert result.warnings == [f"{tmp_path}: images in 2 folders within it left out (b, c); name them, too"]
    named = BatchResult(folder=tmp_path)
    found = find_inputs([tmp_path, tmp_path / "b", tmp_path / "c"], mpp=0.5, result=named)
    assert [sample.name for sample in found] == ["a", "b", "c"]
    assert named.warnings == []
