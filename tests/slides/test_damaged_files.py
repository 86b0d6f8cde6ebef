from __future__ import annotations

import pytest

from ..script import script

FILES = 30

damage = script("benchmarks/damaged_files.py")


@pytest.mark.parametrize("kind", damage.KINDS)
def test_a_sound_file_is_read(tmp_path, kind):
    (tmp_path / kind).write_bytes(damage.sound(kind))
    assert damage.outcome(tmp_path / kind) == "read"


@pytest.mark.parametrize("kind", damage.KINDS)
def test_a_file_with_a_damaged_header_is_read_or_refused_in_one_line(tmp_path, kind):
    sound, ends = damage.sound(kind), []
    for seed in range(FILES):
        (tmp_path / kind).write_bytes(damage.damaged(sound, seed))
        ends.append(damage.outcome(tmp_path / kind))
    assert set(ends) <= {"read", "refused"}
    assert "refused" in ends


@pytest.mark.real_data
def test_a_dicom_with_a_damaged_header_is_read_or_refused_in_one_line(tmp_path, acinus_data):
    sound = (acinus_data / "slides" / "absurd-mpp.dicom").read_bytes()
    ends = []
    for seed in range(FILES):
        (tmp_path / "a.dcm").write_bytes(damage.damaged(sound, seed))
        ends.append(damage.outcome(tmp_path / "a.dcm"))
    assert set(ends) == {"read", "refused"}
