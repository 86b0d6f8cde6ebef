"""What every segmentation network returns: logits for the masks, features for the losses between regions."""

from __future__ import annotations

from typing import NamedTuple

import torch

__all__ = ["Prediction"]


class Prediction(NamedTuple):
    """Output of a segmentation network.

    Attributes
    ----------
    logits : (B, 1, H, W)
        Gland against background, at the size of the input.
    features : (B, D, h, w)
        Embedding of each pixel before the classifier, at the network's own stride.
    """

    logits: torch.Tensor
    features: torch.Tensor
