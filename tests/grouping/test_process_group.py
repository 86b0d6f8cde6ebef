"""The process group of one process; that of several is tested where they are started, in tests/pipeline."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from acinus.grouping import process_group
from acinus.grouping.process_group import ProcessGroup
from acinus.networks.unet import UNetSpec


def test_a_process_alone_has_all_there_is_without_torch_distributed():
    group = ProcessGroup()
    network, share = nn.Linear(2, 2), torch.ones(3, requires_grad=True)
    assert not torch.distributed.is_initialized()
    assert group.is_first
    assert group.wrap(network) is network
    assert group.all_gather(share) is share
    assert group.broadcast(divmod, 7, 2) == (3, 1)
    group.barrier()


def test_the_first_process_is_the_one_of_rank_0():
    assert [ProcessGroup(rank=rank, size=3).is_first for rank in range(3)] == [True, False, False]


@pytest.mark.parametrize("rank", [0, 1])
def test_shares_are_gathered_in_the_order_of_ranks_and_only_the_own_one_has_a_gradient(monkeypatch, rank):
    def all_gather(shares: list[torch.Tensor], own: torch.Tensor) -> None:
        assert not own.requires_grad
        for number, share in enumerate(shares):
            share.copy_(own + 10 * (number - rank))

    monkeypatch.setattr(torch.distributed, "all_gather", all_gather)
    share = torch.tensor([1.0, 2.0], requires_grad=True)
    gathered = ProcessGroup(rank=rank, size=2).all_gather(share)
    expected = [[1.0, 2.0, 11.0, 12.0], [-9.0, -8.0, 1.0, 2.0]][rank]
    assert gathered.tolist() == expected
    (gathered * torch.tensor([1.0, 2.0, 3.0, 4.0])).sum().backward()
    assert share.grad is not None
    assert share.grad.tolist() == [[1.0, 2.0], [3.0, 4.0]][rank]


@pytest.mark.parametrize("rank", [0, 1])
def test_only_the_first_process_computes_what_is_broadcast(monkeypatch, rank):
    computed = []

    def compute(value: int) -> int:
        computed.append(value)
        return value + 1

    def send(objects: list[object], src: int) -> None:
        assert src == 0
        objects[0] = 8  # what the first one sends

    monkeypatch.setattr(torch.distributed, "broadcast_object_list", send)
    assert ProcessGroup(rank=rank, size=2).broadcast(compute, 7) == 8
    assert computed == [7][rank:]


def test_on_gpus_batch_normalisation_is_that_of_all_processes_and_the_network_stays_the_same(monkeypatch):
    """PyTorch's layer needs a GPU to compute; that it takes the place of the plain one needs none."""
    network = UNetSpec(widths=(4, 8)).build()
    before, parameters = network.state_dict(), list(network.parameters())
    on_gpu = SimpleNamespace(device=torch.device("cuda", 0))
    with monkeypatch.context() as patch:
        patch.setattr(network, "parameters", lambda: iter([on_gpu]))
        patch.setattr(process_group, "DistributedDataParallel", lambda module: module)
        assert ProcessGroup(rank=0, size=2).wrap(network) is network
    layers = [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    assert {type(layer) for layer in layers} == {nn.SyncBatchNorm}
    assert network.state_dict().keys() == before.keys()
    assert all(a is b for a, b in zip(network.parameters(), parameters, strict=True))
