"""Which device computes."""

from __future__ import annotations

import torch

from acinus.core.errors import UsageError

__all__ = ["choose_device"]


def choose_device(name: str = "auto") -> torch.device:
    """Return the device called `name`; ``auto`` takes CUDA, then MPS, then the CPU.

    Raises
    ------
    UsageError
        When the device does not exist here.
    """
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
