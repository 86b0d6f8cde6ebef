"""Where a network is computed, and on how many threads."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from acinus.core.errors import UsageError
from acinus.grouping.device import choose_device


@pytest.fixture
def three_threads() -> Iterator[None]:
    """PyTorch has three threads, and afterwards as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("three_threads")
@pytest.mark.parametrize(
    ("cores", "said", "threads"), [(2, None, 2), (8, None, 3), (2, "3", 3)], ids=["quota", "room", "said"]
)
def test_threads_do_not_exceed_the_cores_of_a_quota(
    cores: int, said: str | None, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More threads than cores wait for each other; who sets OMP_NUM_THREADS is heeded."""
    monkeypatch.setattr("joblib.cpu_count", lambda: cores)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if said is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", said)

    choose_device("cpu")

    assert torch.get_num_threads() == threads


def test_a_device_that_is_not_there_is_refused() -> None:
    """A device without memory computes nothing."""
    with pytest.raises(UsageError, match="device 'meta' is not available here"):
        choose_device("meta")
