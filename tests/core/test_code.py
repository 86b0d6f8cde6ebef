from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from acinus.core import code
from acinus.core.code import code_digest

TEXT = '''"""Sums."""

def total(values):
    """Return the sum."""
    result = 0
    for value in values:
        result += value
    return result
'''


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of two rooms that the digest is taken of instead of acinus."""
    (tmp_path / "core").mkdir()
    (tmp_path / "core" / "sums.py").write_text(TEXT)
    (tmp_path / "data" / "drawn").mkdir(parents=True)
    (tmp_path / "data" / "folder.py").write_text("FOLDER = 1\n")
    (tmp_path / "data" / "drawn" / "cells.py").write_text("CELLS = 2\n")
    monkeypatch.setattr(code, "_PACKAGE", tmp_path)
    return tmp_path


# Without what is remembered of an earlier call.
digest: Callable[..., str] = code_digest.__wrapped__


def test_comments_docstrings_and_layout_change_nothing(package):
    before = digest("core")
    for other in (
        TEXT.replace("Return the sum.", "Return what they come to."),
        TEXT.replace('"""Sums."""\n', ""),
        TEXT.replace("result = 0", 'result = 0\n    """Starts at nothing."""'),
        TEXT.replace("result = 0", "result = (\n        0  # nothing yet\n    )"),
        TEXT.replace("\n\n", "\n\n\n\n"),
    ):
        (package / "core" / "sums.py").write_text(other)
        assert other != TEXT
        assert digest("core") == before


def test_what_the_code_does_and_what_its_files_are_called_change_it(package):
    seen = [digest("core")]
    for old, new in (("= 0", "= 1"), ("+=", "-="), ("return result", "return 'result'")):
        (package / "core" / "sums.py").write_text(TEXT.replace(old, new))
        seen.append(digest("core"))
    (package / "core" / "sums.py").write_text(TEXT)
    assert digest("core") == seen[0]
    (package / "core" / "more.py").write_text("")
    seen.append(digest("core"))
    (package / "core" / "more.py").unlink()
    (package / "core" / "sums.py").rename(package / "core" / "totals.py")
    seen.append(digest("core"))
    assert len(set(seen)) == len(seen)


def test_it_is_of_the_parts_named_and_of_all_that_is_in_them(package):
    of = {parts: digest(*parts) for parts in (("core",), ("data",), ("data.drawn",), ("data.folder",))}
    assert len(set(of.values())) == 4
    assert digest("data", "core") == digest("core", "data", "data.drawn")  # each file once, in one order
    (package / "data" / "drawn" / "cells.py").write_text("CELLS = 3\n")
    assert [parts for parts, before in of.items() if digest(*parts) != before] == [("data",), ("data.drawn",)]


def test_a_part_that_is_not_there_is_our_mistake(package):
    with pytest.raises(ModuleNotFoundError, match=r"acinus\.date is no part"):
        digest("date")


def test_every_room_of_the_package_can_be_named_and_torch_is_not_loaded_for_it():
    script = (
        "import sys; from acinus.core.code import code_digest; "
        "print(code_digest('core', 'data.synthetic', 'networks'), 'torch' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert said.split() == [code_digest("core", "data.synthetic", "networks"), "False"]
