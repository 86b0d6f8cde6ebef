"""Between rounds: what the trained network makes of its own proposals.

Two steps, each of which can be left out. Omission relabelling (Zhang et al. 2023, MSSG, arXiv 2307.11989,
semantic grouping) finds background that looks like gland: glands every cue missed. Self-training passes on
the glands that the network draws, each as a whole with a number of its own, so that the next round learns the
borders between them, too. The proposals of stage 1 stay on disk.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Protocol

import numpy as np
from numpy.typing import NDArray

from acinus.core.image import BoolMask, LabelMap, RgbArray
from acinus.core.limits import Area, Flag, Limits, Share
from acinus.core.proposal import BACKGROUND, EXTERIOR, IGNORE, ProposalMap
from acinus.core.segmenter import GlandMaps, ProbabilityMap
from acinus.core.settings import refuse, settings_class

__all__ = ["OmissionRelabelling", "Reading", "SelfTraining"]


class Reading(Protocol):
    """How the network's maps are read when an image is segmented: rounds are taught what is read."""

    def refine(self, rgb: RgbArray, probability: ProbabilityMap, *, mpp: float) -> ProbabilityMap:
        """Return the probability after what the image's own colours say, (H, W) float32."""
        ...

    def split(
        self,
        mask: BoolMask,
        depth: NDArray[np.float32],
        *,
        mpp: float,
        least_dip: float,
        max_hole_um2: float,
        min_area_um2: float,
    ) -> LabelMap:
        """Return the glands of a mask with holes filled and specks dropped, (H, W) int32, 1..N."""
        ...


@settings_class
class OmissionRelabelling:
    """Background whose features point more to those of the glands than to the background's is not trusted.

    The paper relabels above a fixed cosine to the gland embedding; ours compares the mean cosine to all gland
    pixels of the image with that to all its background pixels, which needs no constant that depends on the
    network. By default it ignores these pixels instead of calling them gland: self-training may take them up.

    Attributes
    ----------
    margin : float
        By how much the mean cosine to gland pixels must exceed that to background pixels.
    as_gland : bool
        Such pixels become gland, exterior region, as in the paper.
    """

    margin: Annotated[float, Limits(ge=-2.0, le=2.0)] = 0.0
    as_gland: Flag = False

    def __call__(self, proposal: ProposalMap, features: NDArray[np.float32]) -> ProposalMap:
        """Return the proposal map with omitted glands ignored, or gland.

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
        regions[background & (similarity > self.margin)] = EXTERIOR if self.as_gland else IGNORE
        return replace(proposal, regions=regions)


@settings_class
class SelfTraining:
    """Merge proposals with confident predictions of the averaged network (ours).

    Glands stay glands as wholes: what the network adds is cut into glands by the depth that it tells, and a
    gland of stage 1 takes up what belongs to it. Predicted glands too small for one are neither taught as
    gland nor as background.

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
    refined : bool
        The probability is that after the image's own colours had their say, which find what the network
        missed: evidence of another kind than its own.
    least_dip : float
        Glands are split where the depth falls by this; more readily than when an image is segmented, since a
        border that is taught in vain costs less than one that is missed.
    max_hole_um2 : float
        Enclosed areas up to this size belong to the gland.
    min_area_um2 : float
        Area of the least gland.
    """

    gland_above: Share = 0.6
    gland_kept_above: Share = 0.2
    background_below: Share = 0.12
    background_kept_below: Share = 0.3
    refined: Flag = True
    least_dip: Share = 0.35
    max_hole_um2: Area = 2_000.0
    min_area_um2: Area = 800.0

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

    def __call__(
        self, proposal: ProposalMap, maps: GlandMaps, rgb: RgbArray, reading: Reading | None = None
    ) -> ProposalMap:
        """Return the map of the next round.

        Parameters
        ----------
        proposal : ProposalMap
            At the working resolution, as all that follows.
        maps : GlandMaps
            What the network says of the image.
        rgb : (H, W, 3) uint8
        reading : Reading, optional
            Without one, or from a network that tells no depth, pixels alone are passed on.
        """
        mpp = proposal.mpp
        probability = maps.probability
        if reading is not None and self.refined:
            probability = reading.refine(rgb, probability, mpp=mpp)
        was = proposal.regions
        regions = np.full_like(was, IGNORE)
        regions[(was == BACKGROUND) & (probability < self.background_kept_below)] = BACKGROUND
        regions[(was == IGNORE) & (probability < self.background_below)] = BACKGROUND
        kept = proposal.gland & (probability > self.gland_kept_above)
        gland = kept | (probability > self.gland_above)
        glands = None
        if reading is not None and maps.depth is not None:
            glands = reading.split(
                gland,
                maps.depth,
                mpp=mpp,
                least_dip=self.least_dip,
                max_hole_um2=self.max_hole_um2,
                min_area_um2=self.min_area_um2,
            )
            regions[gland] = IGNORE  # but for what is in a gland:
            gland = glands > 0
        # What the network adds has no ring of its own to show, so no interior either.
        regions[gland] = EXTERIOR
        regions[kept & gland] = was[kept & gland]
        confidence = np.where(kept, proposal.confidence, 1.0).astype(np.float32)
        return ProposalMap(regions, confidence, mpp, glands)
