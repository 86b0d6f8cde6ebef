from __future__ import annotations

import pytest
import torch
from torch import nn

from acinus.networks import precision
from acinus.networks.precision import has_bfloat16, mixed_precision

CPU = torch.device("cpu")


def type_of_a_convolution(device: torch.device, *, wanted: bool = True) -> torch.dtype:
    with mixed_precision(device, wanted=wanted):
        return nn.Conv2d(1, 1, 1)(torch.zeros(1, 1, 2, 2)).dtype


def test_convolutions_use_bfloat16_where_the_processor_multiplies_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(precision, "has_bfloat16", lambda _kind="cpu": True)
    assert type_of_a_convolution(CPU) == torch.bfloat16
    assert type_of_a_convolution(CPU, wanted=False) == torch.float32
    monkeypatch.setattr(precision, "has_bfloat16", lambda _kind="cpu": False)
    assert type_of_a_convolution(CPU) == torch.float32


@pytest.mark.parametrize("supported", [True, False])
def test_a_gpu_that_only_emulates_bfloat16_stays_with_float32(
    monkeypatch: pytest.MonkeyPatch, supported: bool
):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *, including_emulation: supported)
    assert has_bfloat16.__wrapped__("cuda") is supported
    assert not has_bfloat16.__wrapped__("mps")


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ({"avx512_bf16": True}, True),
        ({"avx512_bf16": False, "amx_bf16": True}, True),
        ({"avx2": True, "avx512_bf16": False}, False),
        ({"architecture": "aarch64"}, False),
    ],
)
def test_what_the_processor_says_of_itself_decides(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, object], expected: bool
):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert has_bfloat16.__wrapped__() is expected


def test_a_pytorch_that_cannot_tell_stays_with_float32(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert not has_bfloat16.__wrapped__()
