"""What every segmentation network returns: logits of glands and borders, features for losses on regions."""

from __future__ import annotations

from typing import NamedTuple, Protocol, runtime_checkable

import torch

from acinus.core.geometry import Box

__all__ = ["PartNetwork", "Prediction"]


class Prediction(NamedTuple):
    """Output of a segmentation network.

    Attributes
    ----------
    logits : (B, 1, H, W)
        Gland against background, at the size of the input.
    features : (B, D, h, w)
        Embedding of each pixel before the classifier, at the network's own stride.
    depth : (B, 1, H, W), optional
        Logits of how deep inside its gland a pixel lies, as a share; see `acinus.grouping.targets`. None from
        networks that know nothing of borders.
    auxiliary : (B, 1, H, W), optional
        Logits of a second classifier on an earlier layer, which helps to train that layer. None from networks
        without one, and while nothing is trained.
    """

    logits: torch.Tensor
    features: torch.Tensor
    depth: torch.Tensor | None = None
    auxiliary: torch.Tensor | None = None


@runtime_checkable
class PartNetwork(Protocol):
    """A network that has less to do where only a part of an image is asked about."""

    def of_part(self, images: torch.Tensor, part: Box) -> Prediction:
        """Return the prediction of a part of (B, 3, H, W) images: logits and depth as of the whole, cut."""
        ...
