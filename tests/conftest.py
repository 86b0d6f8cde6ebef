"""What several rooms' tests share: the folder of real images, skipped loudly where it is absent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[1]
_ABSENT = "REAL DATA ABSENT"


@pytest.fixture(scope="session")
def acinus_data() -> Path:
    """Folder of real slides and images; mark the tests that use it with ``real_data``."""
    folder = Path(os.environ.get("ACINUS_DATA", _ROOT / ".." / "shared" / "data")).resolve()
    if not (folder / "slides").is_dir() or not (folder / "glas").is_dir():
        pytest.skip(f"{_ABSENT}: no slides/ and glas/ in {folder}; set ACINUS_DATA to a folder that has them")
    return folder


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say at the end how much was not tested on real images: a quiet run hides the reasons of skips."""
    reports = terminalreporter.stats.get("skipped", ())
    count = sum(_ABSENT in str(report.longrepr) for report in reports)
    if count:
        line = f"{_ABSENT}: {count} tests were skipped; set ACINUS_DATA to run them"
        terminalreporter.write_line(line, yellow=True, bold=True)
