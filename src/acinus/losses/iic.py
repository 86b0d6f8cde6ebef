"""Invariant information clustering, dense form: the self-supervised loss the proposal names.

Ji et al. 2018 (arXiv 1807.06653), equations 3 to 5 and section 3.3: with Φ, Φ' the soft assignments of an
image and of a transformed view mapped back, for every displacement t in a (2d+1)² window::

    P_t = norm(Σ_u Φ(x)_u Φ(x')_{u+t}ᵀ),  symmetrised,
    loss = mean_t −Σ_ij P_ij (log P_ij − λ log P_i − λ log P_j).
"""

from __future__ import annotations

from typing import Annotated

import torch
from torch.nn import functional

from acinus.core.limits import Limits, Weight
from acinus.core.settings import settings_class
from acinus.losses.self_supervised import SelfSupervisedLoss

__all__ = ["IICLoss"]


@settings_class
class IICLoss(SelfSupervisedLoss):
    """Negative mutual information between the soft clusters of two views.

    Attributes
    ----------
    window_px : int
        d, the largest displacement in pixels at the working resolution (paper: 10 on natural images; ours: 1,
        since neighbouring pixels are already a layer of nuclei apart at 2 µm/px).
    balance : float
        λ, above 1 favours clusters of equal size (paper, section 3.3: 1.0 to 1.5).
    """

    window_px: Annotated[int, Limits(ge=0, le=15)] = 1
    balance: Weight = 1.0

    needs_view = True

    def __call__(self, responses: torch.Tensor, view_responses: torch.Tensor) -> torch.Tensor:
        """Return the loss of responses (B, K, H, W), read as cluster logits, and those of the view."""
        phi = responses.softmax(dim=1)  # (B, K, H, W)
        phi_view = view_responses.softmax(dim=1)
        # A convolution of one with the other sums over images and pixels at every displacement at once.
        joint = functional.conv2d(
            phi.transpose(0, 1), phi_view.transpose(0, 1), padding=self.window_px
        )  # (K, K, 2d+1, 2d+1)
        joint = joint.permute(2, 3, 0, 1)  # (2d+1, 2d+1, K, K)
        joint = joint / joint.sum(dim=(2, 3), keepdim=True)
        joint = ((joint + joint.transpose(2, 3)) / 2).clamp_min(torch.finfo(joint.dtype).eps)
        rows = joint.sum(dim=3, keepdim=True)
        columns = joint.sum(dim=2, keepdim=True)
        terms = joint * (joint.log() - self.balance * rows.log() - self.balance * columns.log())
        return -terms.sum(dim=(2, 3)).mean()
