"""Processes that fit together, one a device, through Lightning Fabric: by ``--devices`` or torchrun."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import distributed, nn

from acinus.core.errors import UsageError

if TYPE_CHECKING:
    from lightning_fabric import Fabric

__all__ = ["FabricRanks", "Plan", "first_process", "joined_ranks", "plan_ranks"]

Result = TypeVar("Result")

# Others wait for the first process while it computes stage 1; whoever started them ends them when it fails.
_PATIENCE = timedelta(days=7)


@dataclass(frozen=True)
class Plan:
    """How many processes fit together: `here` on each of so many `machines`; started by torchrun or by us."""

    here: int = 1
    machines: int = 1
    torchrun: bool = False

    @property
    def count(self) -> int:
        """All processes."""
        return self.here * self.machines


def plan_ranks(devices: int, *, batch_crops: int) -> Plan:
    """Return how many processes fit together, as ``--devices`` or torchrun wants it.

    Raises
    ------
    UsageError
        When the two contradict each other, the crops of a step cannot be shared out, or Fabric is missing.
    """
    if devices < 1:
        raise UsageError(f"--devices is {devices}; choose 1 or more")
    plan = Plan(here=devices)
    if "TORCHELASTIC_RUN_ID" in os.environ:
        here, count = int(os.environ["LOCAL_WORLD_SIZE"]), int(os.environ["WORLD_SIZE"])
        if devices not in (1, here):
            raise UsageError(
                f"--devices is {devices}, but torchrun started {here} processes here; leave --devices out"
            )
        if count % here:
            raise UsageError(
                f"torchrun started {here} processes here and {count} in all; start as many on each machine"
            )
        plan = Plan(here=here, machines=count // here, torchrun=True)
    if batch_crops % plan.count:
        raise UsageError(
            f"{batch_crops} crops a step cannot be shared out among {plan.count} devices; choose a number of "
            "devices that divides grouping.batch_crops, or change that in the settings file"
        )
    if plan.count > 1 and find_spec("lightning_fabric") is None:
        raise UsageError(
            "a fit on several devices needs Lightning Fabric, which is not installed; run "
            "pip install 'acinus[multi]', or leave --devices out"
        )
    return plan


def first_process() -> bool:
    """Whether this process speaks to the user: torchrun starts others that do the same."""
    return "TORCHELASTIC_RUN_ID" not in os.environ or os.environ["RANK"] == "0"


@contextmanager
def joined_ranks(plan: Plan, *, kind: str) -> Iterator[FabricRanks]:
    """Meet the other processes of the plan; leave when all have done their work.

    Parameters
    ----------
    kind : {"cpu", "cuda"}
        Device of each process: gloo connects those on CPUs, NCCL those on GPUs.
    """
    from lightning_fabric import Fabric
    from lightning_fabric.plugins.environments.lightning import LightningEnvironment
    from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment
    from lightning_fabric.strategies.ddp import DDPStrategy

    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it announces each process
    # Said outright: Fabric would take the variables of a SLURM job for its own.
    environment = TorchElasticEnvironment() if plan.torchrun else LightningEnvironment()
    strategy = DDPStrategy(cluster_environment=environment, timeout=_PATIENCE)
    fabric = Fabric(accelerator=kind, devices=plan.here, num_nodes=plan.machines, strategy=strategy)
    fabric.launch()
    ranks = FabricRanks(fabric)
    yield ranks
    # Not after an error: it would wait for those that failed.
    ranks.wait()
    distributed.destroy_process_group()


class FabricRanks:
    """The processes of a launched `Fabric`, as `acinus.grouping.ranks.Ranks`."""

    def __init__(self, fabric: Fabric) -> None:
        self._fabric = fabric
        self.number = fabric.global_rank
        self.count = fabric.world_size
        self.device = fabric.device

    def wrapped(self, network: nn.Module) -> nn.Module:
        """Return the network in `DistributedDataParallel`.

        On GPUs batch normalisation takes the statistics of all processes' crops together; PyTorch has that
        for GPUs alone, and on CPUs each process takes those of its own crops.
        """
        if self.device.type == "cuda":
            # Layers are replaced within the network, their parameters stay the same objects.
            network = nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
        return self._fabric.setup_module(network)

    def gathered(self, share: torch.Tensor) -> torch.Tensor:
        """Return all shares in the order of the processes, one's own with its gradient."""
        known = share.detach().contiguous()
        shares = [torch.empty_like(known) for _ in range(self.count)]
        distributed.all_gather(shares, known)
        shares[self.number] = share
        return torch.cat(shares)

    def from_first(self, compute: Callable[..., Result], *arguments: object) -> Result:
        """Compute in the first process and send the result to all, pickled."""
        result: Any = compute(*arguments) if self.number == 0 else None
        told: Result = self._fabric.broadcast(result)
        return told

    def wait(self) -> None:
        """Return once all processes have come here."""
        self._fabric.barrier()
