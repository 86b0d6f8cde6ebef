"""Cross-entropy against pseudo masks, weighted by the trust put in each pixel."""

from __future__ import annotations

import torch
from torch.nn import functional

__all__ = ["mask_loss"]


def mask_loss(logits: torch.Tensor, gland: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Return the weighted mean of the binary cross-entropy; 0 when no pixel has weight.

    Parameters
    ----------
    logits : (B, 1, H, W)
    gland : (B, 1, H, W)
        1 for exterior and interior regions, 0 for background.
    weight : (B, 1, H, W)
        Confidence of the proposal, 0 where it is ignored.

    Examples
    --------
    >>> logits = torch.zeros(1, 1, 1, 2)
    >>> round(mask_loss(logits, torch.ones(1, 1, 1, 2), torch.tensor([[[[1.0, 0.0]]]])).item(), 4)
    0.6931
    """
    entropy = functional.binary_cross_entropy_with_logits(logits, gland, reduction="none")
    return (entropy * weight).sum() / weight.sum().clamp_min(1e-6)
