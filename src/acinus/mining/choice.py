"""The best of several shallow networks, told without labels: they are chaotic, and some see glands badly.

Closed shapes know glands by another sign than the shallow network, so how much of their glands its darkest
cluster covers tells how well it sees glands. What it does not claim becomes background, and that is right in
more of its pixels the more of the closed shapes is claimed (ours).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from acinus.core.image import BoolMask, RgbImage
from acinus.core.spread import evenly_spaced
from acinus.mining.cue import AgreedBackground
from acinus.networks.shallow import ShallowCNN

__all__ = ["NetworkChoice"]

_MOST_IMAGES = 16


class NetworkChoice:
    """Chooses by a few images, in which the trusted cue finds the glands once.

    Parameters
    ----------
    cue : AgreedBackground
    images : sequence of RgbImage
        At the working resolution; at most 16, evenly spaced, are used.
    clusters : callable
        Returns the cluster numbers (H, W) that a network gives an image.
    """

    def __init__(
        self,
        cue: AgreedBackground,
        images: Sequence[RgbImage],
        clusters: Callable[[ShallowCNN, RgbImage], NDArray[np.uint8]],
    ) -> None:
        self._cue = cue
        self._clusters = clusters
        self._seen: list[tuple[RgbImage, BoolMask]] = []
        for image in evenly_spaced(images, _MOST_IMAGES):
            gland = cue.trusted(image, np.zeros(image.shape, np.uint8)).gland
            if gland.any():
                self._seen.append((image, gland))

    def best_of(self, networks: Sequence[ShallowCNN]) -> ShallowCNN:
        """Return the network that covers most; the first where no gland was found."""
        return networks[int(np.argmax([self.covered(network) for network in networks]))]

    def covered(self, network: ShallowCNN) -> float:
        """Return the share of an image's trusted glands that the network claims, the mean over images."""
        shares = [
            np.mean(self._cue.doubter(image, self._clusters(network, image)).gland[gland])
            for image, gland in self._seen
        ]
        return float(np.mean(shares)) if shares else 0.0
