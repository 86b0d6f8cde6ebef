"""Knowledge diffusion: what is known about interior regions is brought near to the exterior they lie in.

The proposal, second stage (region-level embedding, mean squared error); Zhang et al. 2023 (MSSG, arXiv
2307.11989) aggregate in the same way::

    e    = mean of f over the exterior region,
    L_kd = mean over interior-prior pixels i of ‖f_i − e‖².

One feature for all pixels makes that 0. Against background (ours) it costs ln 2, and what counts is which of
two means is nearer, as in a triplet loss with a soft margin (Hermans et al. 2017, arXiv 1703.07737)::

    b    = mean of f over background, through which no gradient goes,
    L_kd = mean over interior-prior pixels i of ln(1 + exp((‖f_i − e‖² − ‖f_i − b‖²) / T)).
"""

from __future__ import annotations

import torch
from torch.nn import functional

from acinus.core.limits import Flag
from acinus.core.settings import settings_class

__all__ = ["KnowledgeDiffusionLoss"]

_LEAST_PIXELS = 4.0  # a region of fewer feature pixels has no embedding worth the name
_TEMPERATURE = 0.5  # T, for squared distances of 0 to 4 between features of unit length


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
    contrast : bool
        Against background, see above (ours); T is for features of unit length.
    """

    stop_gradient: Flag = True
    normalise: Flag = True
    per_image: Flag = True
    contrast: Flag = False

    def __call__(
        self,
        features: torch.Tensor,
        exterior: torch.Tensor,
        interior: torch.Tensor,
        background: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return the loss, a scalar; 0 when no image has both regions.

        Parameters
        ----------
        features : (B, D, h, w) float
        exterior, interior, background : (B, 1, h, w) float
            0..1, how much of each feature pixel the region covers; the last is needed for `contrast` alone.
        """
        if self.normalise:
            features = functional.normalize(features, dim=1)
        axes = (2, 3) if self.per_image else (0, 2, 3)
        exterior_px = exterior.sum(dim=axes, keepdim=True)  # (B or 1, 1, 1, 1)
        interior_px = interior.sum(dim=axes, keepdim=True)
        embedding = self._mean(features, exterior, axes)
        if self.stop_gradient:
            embedding = embedding.detach()
        distance = ((features - embedding) ** 2).sum(dim=1, keepdim=True)  # (B, 1, h, w)
        if self.contrast:
            assert background is not None
            other = self._mean(features, background, axes).detach()
            to_background = ((features - other) ** 2).sum(dim=1, keepdim=True)
            distance = functional.softplus((distance - to_background) / _TEMPERATURE)
        known = ((exterior_px >= _LEAST_PIXELS) & (interior_px >= _LEAST_PIXELS)).to(features.dtype)
        weight = interior * known
        return (distance * weight).sum() / weight.sum().clamp_min(1.0)

    def _mean(self, features: torch.Tensor, region: torch.Tensor, axes: tuple[int, ...]) -> torch.Tensor:
        """Return the embedding of a region, (B or 1, D, 1, 1); 0 where there is none of it."""
        area = region.sum(dim=axes, keepdim=True).clamp_min(1.0)
        mean = (features * region).sum(dim=axes, keepdim=True) / area
        return functional.normalize(mean, dim=1) if self.normalise else mean
