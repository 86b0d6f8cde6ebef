"""Differentiable feature clustering: each pixel is pulled to the cluster it already prefers.

Kim et al. 2020 (arXiv 2007.09990), equation 1 with the pseudo label c = argmax_c F::

    loss = CE(F, argmax_c F).
"""

from __future__ import annotations

import torch
from torch.nn import functional

from acinus.core.settings import settings_class
from acinus.losses.self_supervised import SelfSupervisedLoss

__all__ = ["FeatureClusteringLoss"]


@settings_class
class FeatureClusteringLoss(SelfSupervisedLoss):
    """Cross-entropy of the responses with their own strongest channel; the successor's choice (MSSG)."""

    needs_view = False

    def __call__(self, responses: torch.Tensor, view_responses: torch.Tensor) -> torch.Tensor:
        """Return the loss of responses (B, C, H, W); the view is not used."""
        del view_responses
        return functional.cross_entropy(responses, responses.argmax(dim=1))
