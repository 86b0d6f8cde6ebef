"""Half precision where a processor computes it faster than single precision."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache

import torch

__all__ = ["has_bfloat16", "mixed_precision"]


def mixed_precision(device: torch.device, *, wanted: bool = True) -> AbstractContextManager[object]:
    """Return a context in which forward passes use bfloat16 where this device is faster at it.

    Weights, their gradients and the optimiser's state stay float32 (Micikevicius et al. 2018, arXiv
    1710.03740), and so does everything on devices without that arithmetic, where it is many times slower.
    """
    if wanted and has_bfloat16(device.type):
        return torch.autocast(device.type, torch.bfloat16)
    return nullcontext()


@cache
def has_bfloat16(kind: str = "cpu") -> bool:
    """Return whether a kind of device multiplies bfloat16 itself: AVX-512 BF16, AMX, or CUDA since Ampere."""
    if kind == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if kind != "cpu":
        return False
    tell = getattr(torch.cpu, "get_capabilities", dict)  # which older versions of PyTorch lack
    capabilities: dict[str, object] = tell()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
