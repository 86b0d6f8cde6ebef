"""What stage 1 asks of a self-supervised loss; each is a file of this room."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch

__all__ = ["SelfSupervisedLoss"]


@runtime_checkable
class SelfSupervisedLoss(Protocol):
    """A loss of responses and the responses of a transformed view, both (B, C, H, W)."""

    @property
    def needs_view(self) -> bool:
        """Whether the view has to be computed."""
        ...

    def __call__(self, responses: torch.Tensor, view_responses: torch.Tensor) -> torch.Tensor:
        """Return a scalar."""
        ...
