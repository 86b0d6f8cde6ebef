"""The processes that train one network together, in the words of `torch.distributed`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

__all__ = ["ProcessGroup"]

Result = TypeVar("Result")


@dataclass(frozen=True)
class ProcessGroup:
    """The processes that train one network together; by default this one alone.

    All of them make the same calls in the same order. With a `size` of more than 1, the default group of
    `torch.distributed` has been initialised.

    Attributes
    ----------
    rank : int
        Number of this process; 0 is the first, which alone writes files.
    size : int
        How many there are.

    Examples
    --------
    >>> alone = ProcessGroup()
    >>> alone.broadcast(max, 3, 5), alone.is_first
    (5, True)
    """

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes files."""
        return self.rank == 0

    def wrap(self, network: nn.Module) -> nn.Module:
        """Return `network` as a module whose backward pass averages the gradients over the processes.

        All start from the first one's parameters. `network` stays what is saved and averaged. On GPUs batch
        normalisation takes the statistics of all processes' crops together; PyTorch has that for GPUs alone,
        and on CPUs each process takes those of its own crops.
        """
        if self.size == 1:
            return network
        if next(network.parameters()).device.type == "cuda":
            # Layers are replaced within the network, their parameters stay the same objects.
            network = nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
        return DistributedDataParallel(network)

    def all_gather(self, share: torch.Tensor) -> torch.Tensor:
        """Return the shares of all processes one after the other, (size · b, ...), given one's own (b, ...).

        Only one's own share carries a gradient.
        """
        if self.size == 1:
            return share
        known = share.detach().contiguous()
        shares = [torch.empty_like(known) for _ in range(self.size)]
        distributed.all_gather(shares, known)
        shares[self.rank] = share
        return torch.cat(shares)

    def broadcast(self, compute: Callable[..., Result], *arguments: object) -> Result:
        """Let the first process compute something on the CPU and send it to all, pickled."""
        if self.size == 1:
            return compute(*arguments)
        results = [compute(*arguments) if self.is_first else None]
        distributed.broadcast_object_list(results, src=0)
        result: Result = results[0]  # type: ignore[assignment]
        return result

    def barrier(self) -> None:
        """Return once all processes have come here."""
        if self.size > 1:
            distributed.barrier()
