"""Between rounds: what the trained network makes of its own proposals.

Two steps, each of which can be left out. Omission relabelling (Zhang et al. 2023, MSSG, arXiv 2307.11989,
semantic grouping) finds background that looks like gland: glands every cue missed. Self-training adds
predictions that are confident. Both only ever change pixels; the proposals of stage 1 stay on disk.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from acinus.core.limits import Limits, Share
from acinus.core.proposal import BACKGROUND, EXTERIOR, IGNORE, ProposalMap
from acinus.core.segmenter import ProbabilityMap
from acinus.core.settings import refuse, settings_class

__all__ = ["OmissionRelabelling", "SelfTraining"]


@settings_class
class OmissionRelabelling:
    """Background whose features point more to those of the glands than to the background's is not trusted.

    The paper relabels above a fixed cosine to the gland embedding; ours compares the mean cosine to all gland
    pixels of the image with that to all its background pixels, which needs no constant that depends on the
    network, and ignores these pixels instead of calling them gland: self-training may take them up.

    Attributes
    ----------
    margin : float
        By how much the mean cosine to gland pixels must exceed that to background pixels.
    """

    margin: Annotated[float, Limits(ge=-2.0, le=2.0)] = 0.0

    def __call__(self, proposal: ProposalMap, features: NDArray[np.float32]) -> ProposalMap:
        """Return the proposal map with omitted glands ignored.

        Parameters
        ----------
        features : (H, W, D) float32
            The network's embedding of each pixel of the proposal map.
        """
        gland, background = proposal.gland, proposal.regions == BACKGROUND
        if not gland.any() or not background.any():
            return proposal
        length = np.linalg.norm(features, axis=2, keepdims=True)
        directions = features / np.maximum(length, 1e-6)
        similarity = directions @ directions[gland].mean(axis=0) - directions @ directions[background].mean(
            axis=0
        )
        regions = proposal.regions.copy()
        regions[background & (similarity > self.margin)] = IGNORE
        return ProposalMap(regions=regions, confidence=proposal.confidence, mpp=proposal.mpp)


@settings_class
class SelfTraining:
    """Merge proposals with confident predictions of the averaged network (ours).

    Attributes
    ----------
    gland_above : float
        Probability above which an unclaimed pixel becomes gland.
    gland_kept_above : float
        A gland proposal stays unless the probability is below this.
    background_below : float
        Probability below which an unclaimed pixel becomes background.
    background_kept_below : float
        A background proposal stays only while the probability is below this.
    """

    gland_above: Share = 0.6
    gland_kept_above: Share = 0.2
    background_below: Share = 0.12
    background_kept_below: Share = 0.3

    def __post_init__(self) -> None:
        """Refuse to keep less than is taken up, and to take up one pixel as both."""
        for name, highest in (
            ("gland_kept_above", "gland_above"),
            ("background_below", "gland_above"),
            ("background_below", "background_kept_below"),
        ):
            value, limit = getattr(self, name), getattr(self, highest)
            if value > limit:
                raise refuse(name, value, f"at most {highest}, {limit:g}")

    def __call__(self, proposal: ProposalMap, probability: ProbabilityMap) -> ProposalMap:
        """Return the map of the next round, (H, W) as `proposal` and `probability`."""
        was = proposal.regions
        regions = np.full_like(was, IGNORE)
        regions[(was == BACKGROUND) & (probability < self.background_kept_below)] = BACKGROUND
        regions[(was == IGNORE) & (probability < self.background_below)] = BACKGROUND
        kept = proposal.gland & (probability > self.gland_kept_above)
        regions[kept] = was[kept]
        # What the network adds has no ring of its own to show, so no interior either.
        regions[(probability > self.gland_above) & ~kept] = EXTERIOR
        confidence = np.where(kept, proposal.confidence, 1.0).astype(np.float32)
        return ProposalMap(regions=regions, confidence=confidence, mpp=proposal.mpp)
