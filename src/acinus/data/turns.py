"""Mirrors and quarter turns of tensors, and back, so that features lie on the pixels that they describe."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from acinus.data.augment import Turn

__all__ = ["turn", "turn_back", "turn_back_each"]


def turn(tensor: torch.Tensor, by: Turn) -> torch.Tensor:
    """Mirror and turn the last two axes of a tensor (..., S, S)."""
    mirrored, quarters = by
    return torch.rot90(tensor.flip(-1) if mirrored else tensor, quarters, dims=(-2, -1))


def turn_back(tensor: torch.Tensor, by: Turn) -> torch.Tensor:
    """Undo `turn`.

    Examples
    --------
    >>> numbers = torch.arange(4).reshape(2, 2)
    >>> turn_back(turn(numbers, (True, 1)), (True, 1)).tolist()
    [[0, 1], [2, 3]]
    """
    mirrored, quarters = by
    upright = torch.rot90(tensor, -quarters, dims=(-2, -1))
    return upright.flip(-1) if mirrored else upright


def turn_back_each(views: torch.Tensor, turns: Sequence[Turn]) -> torch.Tensor:
    """Undo the turn of each of the features (B, D, S, S) of turned crops, so that they lie on the crops."""
    return torch.stack([turn_back(view, by) for view, by in zip(views, turns, strict=True)])
