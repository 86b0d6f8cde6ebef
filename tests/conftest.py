"""What several rooms' tests share: the folder of real images, skipped loudly where it is absent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def acinus_data() -> Path:
    """Folder of real slides and images; mark the tests that use it with ``real_data``."""
    folder = Path(os.environ.get("ACINUS_DATA", _ROOT / ".." / "shared" / "data")).resolve()
    if not (folder / "slides").is_dir() or not (folder / "glas").is_dir():
        pytest.skip(
            f"REAL DATA ABSENT: {folder} has no slides/ and glas/; set ACINUS_DATA to test on real images"
        )
    return folder
