"""The scripts in `benchmarks/` run seldom, and must not fall behind the code that they measure."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from .script import ROOT, script

SCRIPTS = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "benchmarks").rglob("*.py"))
WITHOUT_OPTIONS = ("benchmarks/rooms.py",)
NEEDS = {"benchmarks/pretrained.py": "timm"}  # of the development extra for figures


@pytest.mark.parametrize("path", SCRIPTS)
def test_every_benchmark_explains_itself(path: str, monkeypatch, capsys):
    if path in NEEDS:
        pytest.importorskip(NEEDS[path])
    monkeypatch.syspath_prepend(Path(ROOT / path).parent)  # as where a script runs
    monkeypatch.setattr(sys, "argv", [path, "--help"])
    module = script(path)
    if path not in WITHOUT_OPTIONS:
        with pytest.raises(SystemExit) as ended:
            module.main()
        assert ended.value.code == 0
        assert "usage" in capsys.readouterr().out
