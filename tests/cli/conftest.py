"""What the tests of the command line share: the command in a process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def acinus() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs ``python -m acinus`` in a process of its own."""

    def process(*words: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "acinus", *map(str, words)],
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, "OMP_NUM_THREADS": "1", **variables},
            check=False,
        )

    return process
