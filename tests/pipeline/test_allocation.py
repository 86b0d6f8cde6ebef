from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from acinus.pipeline import allocation

SCRIPT = """
import resource
import numpy as np
import psutil
from acinus.pipeline.allocation import give_back_unused, keep_large_blocks

def faults_of(count):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(count):
        np.ones(64_000_000, np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

each_time = faults_of(4)
keep_large_blocks()
faults_of(1)
kept = faults_of(4)
held = psutil.Process().memory_info().rss
give_back_unused()
print(each_time, kept, held - psutil.Process().memory_info().rss)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc gives large blocks back at once")
def test_large_blocks_are_kept_until_they_are_given_back():
    """In a process of its own: what is set holds until it ends."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    words = [sys.executable, "-c", SCRIPT]
    answer = subprocess.run(words, capture_output=True, text=True, check=True, env=environment)
    each_time, kept, given_back = map(int, answer.stdout.split())
    assert each_time > 20 * kept
    assert given_back > 60_000_000


def test_nothing_happens_without_glibc(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(allocation, "_is_glibc", lambda: False)
    monkeypatch.setattr(allocation, "ctypes", None)
    allocation.keep_large_blocks.__wrapped__()
    allocation.give_back_unused()
