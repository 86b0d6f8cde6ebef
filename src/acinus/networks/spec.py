"""What the other rooms know of a network: its spec, a settings class in the file of the network.

A new network is one file of this room: a module whose forward pass returns a `Prediction`, and a spec that
derives from `NetworkSpec`. Settings and model folders name it by its spec; nothing else lists the networks.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated

from torch import nn

from acinus.core.errors import UsageError
from acinus.core.settings import OneOf

__all__ = ["AnyNetwork", "NetworkSpec"]


class NetworkSpec(ABC):
    """Settings of a network, and what follows from them."""

    @property
    @abstractmethod
    def stride(self) -> int:
        """Sides of crops and windows are multiples of it, in px at the working resolution."""

    @property
    @abstractmethod
    def reach_px(self) -> int | None:
        """How far from a pixel the network looks, in px at the working resolution; None for all of an image.

        A slide's windows show so much around what they keep, and then have no seams.
        """

    @property
    def tells_depth(self) -> bool:
        """Whether predictions have a depth, by which glands are told from their neighbours."""
        return False

    @abstractmethod
    def build(self) -> nn.Module:
        """Return the network with random weights, without reading any file."""

    @property
    def takes_weights(self) -> bool:
        """Whether `load_weights` takes the weights that a user names."""
        return False

    @property
    def own_weights(self) -> str | None:
        """Where the initial weights are, if the settings themselves say so."""
        return None

    def load_weights(self, network: nn.Module, weights: str) -> None:
        """Fill a network that `build` returned with initial weights.

        Parameters
        ----------
        weights : str
            A file, or a name that the network knows.

        Raises
        ------
        UsageError
            When this network has no use for them.
        ModelError
            When they cannot be read or do not fit.
        """
        del network
        raise UsageError(f"{type(self).__name__} takes no initial weights, got {weights}; leave them out")


AnyNetwork = Annotated[NetworkSpec, OneOf("acinus.networks")]
"""The spec of any network, chosen by ``kind``."""
