from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from acinus.inference.slide import allocation

SCRIPT = """
import resource
import numpy as np
import psutil
from acinus.inference.slide.allocation import give_back_unused, large_blocks_kept

def faults_of(count):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(count):
        np.ones(64_000_000, np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def held():
    return psutil.Process().memory_info().rss

before = faults_of(4)
with large_blocks_kept():
    faults_of(1)
    within = faults_of(4)
    kept = held()
    give_back_unused()
    given_back = kept - held()
    faults_of(1)
at_the_end = kept - held()
after = faults_of(4)
print(before, within, after, given_back, at_the_end)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc gives large blocks back at once")
def test_large_blocks_are_kept_until_they_are_given_back():
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    words = [sys.executable, "-c", SCRIPT]
    answer = subprocess.run(words, capture_output=True, text=True, check=True, env=environment)
    before, within, after, given_back, at_the_end = map(int, answer.stdout.split())
    assert min(before, after) > 20 * within
    assert min(given_back, at_the_end) > 60_000_000


def test_nothing_happens_without_glibc(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(allocation, "_is_glibc", lambda: False)
    monkeypatch.setattr(allocation, "ctypes", None)
    with allocation.large_blocks_kept():
        allocation.give_back_unused()
