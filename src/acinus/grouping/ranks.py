"""The processes that train one network together, as the training loop sees them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

import torch
from torch import nn

__all__ = ["OneRank", "Ranks"]

Result = TypeVar("Result")


class Ranks(Protocol):
    """One process among those that train together; all of them make the same calls in the same order.

    Attributes
    ----------
    number : int
        Of this process; 0 is the first, which alone writes files.
    count : int
        How many there are.
    """

    @property
    def number(self) -> int: ...

    @property
    def count(self) -> int: ...

    def wrapped(self, network: nn.Module) -> nn.Module:
        """Return `network` as a module whose backward pass averages the gradients over the processes.

        All go on from the first one's parameters. `network` stays what is saved and averaged.
        """
        ...

    def gathered(self, share: torch.Tensor) -> torch.Tensor:
        """Return the shares of all processes one after the other, (count · b, ...), given one's own (b, ...).

        Only one's own share carries a gradient.
        """
        ...

    def from_first(self, compute: Callable[..., Result], *arguments: object) -> Result:
        """Let the first process compute something small, on the CPU, and tell it to all."""
        ...

    def wait(self) -> None:
        """Return once all processes have come here."""
        ...


class OneRank:
    """A process that trains alone."""

    number = 0
    count = 1

    def wrapped(self, network: nn.Module) -> nn.Module:
        """Return the network itself."""
        return network

    def gathered(self, share: torch.Tensor) -> torch.Tensor:
        """Return the share, which is all there is."""
        return share

    def from_first(self, compute: Callable[..., Result], *arguments: object) -> Result:
        """Compute."""
        return compute(*arguments)

    def wait(self) -> None:
        """Return at once."""
