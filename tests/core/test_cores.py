from __future__ import annotations

import os
import subprocess
import sys

import pytest

from acinus.core.cores import usable_cores

ON_ONE_CORE = """
import os
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
from acinus.core.cores import usable_cores
print(usable_cores())
"""


def test_there_is_a_core_and_no_more_than_the_machine_has():
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this platform ties no process to cores")
def test_a_process_that_is_tied_to_one_core_uses_one():
    done = subprocess.run(
        [sys.executable, "-c", ON_ONE_CORE], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "1"
