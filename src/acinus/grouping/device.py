"""Which device computes."""

from __future__ import annotations

import os

import torch

from acinus.core.cores import usable_cores
from acinus.core.errors import UsageError

__all__ = ["choose_device", "choose_kind"]


def choose_device(name: str = "auto") -> torch.device:
    """Return the device called `name`; ``auto`` takes CUDA, then MPS, then the CPU.

    PyTorch counts the machine's cores, not those of a container's quota. From here on it has no more threads
    than `acinus.core.cores.usable_cores`, unless OMP_NUM_THREADS says how many.

    Raises
    ------
    UsageError
        When the device does not exist here.
    """
    if "OMP_NUM_THREADS" not in os.environ and torch.get_num_threads() > usable_cores():
        torch.set_num_threads(usable_cores())
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()  # devices without memory (meta) fail here
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise UsageError(
            f"device {name!r} is not available here; pass --device cpu or leave it out"
        ) from error
    return device


def choose_kind(name: str, *, count: int) -> str:
    """Return what kind of device each of `count` processes on this machine uses, ``cuda`` or ``cpu``.

    Nothing is put on a device: that is for the processes to do. ``auto`` takes CUDA where there is any.

    Raises
    ------
    UsageError
        When that kind does not exist here, or not so many of it, or cannot be used by several processes.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise UsageError(f"several devices are all of one kind, not {name!r}; pass --device cpu or cuda")
    found = torch.cuda.device_count()
    if name == "cpu" or (name == "auto" and not found):
        return "cpu"
    if found < count:
        raise UsageError(
            f"there are {found} GPUs here, not {count}; choose fewer --devices, or pass --device cpu"
        )
    return "cuda"
