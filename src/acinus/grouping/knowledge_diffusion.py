"""Knowledge diffusion: what is known about interior regions is brought near to the exterior they lie in.

The proposal, second stage (region-level embedding, mean squared error); Zhang et al. 2023 (MSSG, arXiv
2307.11989) aggregate in the same way::

    e    = mean of f over the exterior region,
    L_kd = mean over interior-prior pixels i of ‖f_i − e‖².
"""

from __future__ import annotations

import torch
from torch.nn import functional

from acinus.core.limits import Flag
from acinus.core.settings import settings_class

__all__ = ["KnowledgeDiffusionLoss"]

_LEAST_PIXELS = 4.0  # a region of fewer feature pixels has no embedding worth the name


@settings_class
class KnowledgeDiffusionLoss:
    """Squared distance of interior pixels to the embedding of the exterior region.

    Attributes
    ----------
    stop_gradient : bool
        Do not move the exterior's embedding towards the interior (ours: it is the trusted side).
    normalise : bool
        Compare directions: features of unit length, so that shrinking all features does not lower the loss
        (ours).
    per_image : bool
        One embedding per image, or one for the batch.
    """

    stop_gradient: Flag = True
    normalise: Flag = True
    per_image: Flag = True

    def __call__(
        self, features: torch.Tensor, exterior: torch.Tensor, interior: torch.Tensor
    ) -> torch.Tensor:
        """Return the loss, a scalar; 0 when no image has both regions.

        Parameters
        ----------
        features : (B, D, h, w) float
        exterior, interior : (B, 1, h, w) float
            0..1, how much of each feature pixel the region covers.
        """
        if self.normalise:
            features = functional.normalize(features, dim=1)
        axes = (2, 3) if self.per_image else (0, 2, 3)
        exterior_px = exterior.sum(dim=axes, keepdim=True)  # (B or 1, 1, 1, 1)
        interior_px = interior.sum(dim=axes, keepdim=True)
        embedding = (features * exterior).sum(dim=axes, keepdim=True) / exterior_px.clamp_min(1.0)
        if self.normalise:
            embedding = functional.normalize(embedding, dim=1)
        if self.stop_gradient:
            embedding = embedding.detach()
        distance = ((features - embedding) ** 2).sum(dim=1, keepdim=True)  # (B, 1, h, w)
        known = ((exterior_px >= _LEAST_PIXELS) & (interior_px >= _LEAST_PIXELS)).to(features.dtype)
        weight = interior * known
        return (distance * weight).sum() / weight.sum().clamp_min(1.0)
