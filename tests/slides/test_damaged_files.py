from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "damaged_files.py"
FILES = 30


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("benchmarks_damaged_files", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


damage = script()


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
