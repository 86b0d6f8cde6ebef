"""Cross-entropy against pseudo masks, weighted by the trust put in each pixel."""

from __future__ import annotations

import torch
from torch.nn import functional

__all__ = ["mask_loss"]


def mask_loss(
    logits: torch.Tensor, gland: torch.Tensor, weight: torch.Tensor, *, balanced: bool = True
) -> torch.Tensor:
    """Return the weighted mean cross-entropy; 0 when no pixel has weight.

    Parameters
    ----------
    logits : (B, 1, H, W)
    gland : (B, 1, H, W)
        1 for exterior and interior regions, 0 for background.
    weight : (B, 1, H, W)
        Confidence of the proposal, 0 where it is ignored.
    balanced : bool
        The mean of gland's and background's own means, so that the classes count alike however much of each
        is labelled (ours): the cues claim less than half of the gland and call some of the rest background,
        and a plain mean would teach that gland is rare.

    Examples
    --------
    >>> logits = torch.zeros(1, 1, 1, 2)
    >>> round(mask_loss(logits, torch.ones(1, 1, 1, 2), torch.tensor([[[[1.0, 0.0]]]])).item(), 4)
    0.6931
    """
    entropy = functional.binary_cross_entropy_with_logits(logits, gland, reduction="none")
    if not balanced:
        return (entropy * weight).sum() / weight.sum().clamp_min(1e-6)
    shares = torch.stack([weight * gland, weight * (1.0 - gland)])  # (2, B, 1, H, W)
    totals = shares.sum(dim=(1, 2, 3, 4))
    means = (entropy * shares).sum(dim=(1, 2, 3, 4)) / totals.clamp_min(1e-6)
    present = (totals > 0).to(means.dtype)
    return (means * present).sum() / present.sum().clamp_min(1.0)
