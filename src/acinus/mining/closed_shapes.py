"""The cue of closed compact shapes: glands are where shapes that look like glands pile up.

One gland closes at many thresholds and in several channels; each closed shape votes with its score for the
region it covers, dark rim and inside apart. Where the votes pile up is gland, where there are none is
background, and the faint rest is left to stage 2. Ours, after the proposal's own idea that only rings which
close give a prior.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from acinus.core.geometry import Box
from acinus.core.image import RgbImage
from acinus.core.proposal import BACKGROUND, EXTERIOR, IGNORE, INTERIOR, ProposalMap
from acinus.mining.morphology import disc
from acinus.mining.shape_candidates import Candidate, find_candidates
from acinus.mining.shape_score import ImageTexture, score_candidate

__all__ = ["ClosedShapes"]


@dataclass(frozen=True)
class ClosedShapes:
    """Votes of closed compact shapes.

    Attributes
    ----------
    thresholds : int
        Quantiles of each channel.
    opening_um : float
        Radius of the disc that must fit into a shape everywhere.
    min_area_um2, max_area_um2 : float
        Area of a gland's cross-section.
    min_solidity : float
        Area over convex hull.
    rim_um : float
        Pale shapes are grown by this: their own ring of nuclei lies outside them.
    gland_votes : float
        Sum of scores from which a pixel is gland.
    background_votes : float
        Sum of scores up to which a pixel is background; in between it is ignored.
    interior : bool
        Keep interior regions; without them their pixels are ignored (for the ablation).
    """

    thresholds: int = 20
    opening_um: float = 3.0
    min_area_um2: float = 1000.0
    max_area_um2: float = 60_000.0
    min_solidity: float = 0.82
    rim_um: float = 8.0
    gland_votes: float = 0.2
    background_votes: float = 0.02
    interior: bool = True

    def __call__(self, image: RgbImage, clusters: NDArray[np.uint8]) -> ProposalMap:
        """Return the proposal map of `image`; the clusters are not used."""
        del clusters
        candidates = find_candidates(
            image,
            thresholds=self.thresholds,
            opening_um=self.opening_um,
            min_area_um2=self.min_area_um2,
            max_area_um2=self.max_area_um2,
            min_solidity=self.min_solidity,
        )
        exterior, interior = self._votes(image, candidates)
        votes = exterior + interior
        regions = np.full(image.shape, IGNORE, dtype=np.uint8)
        regions[votes <= self.background_votes] = BACKGROUND
        gland = votes >= self.gland_votes
        regions[gland & (exterior >= interior)] = EXTERIOR
        if self.interior:
            regions[gland & (exterior < interior)] = INTERIOR
        # Two shapes of score one half that agree give 1 − e^−2 = 0.86.
        confidence = np.where(regions == BACKGROUND, 1.0, 1.0 - np.exp(-2.0 * votes)).astype(np.float32)
        return ProposalMap(regions=regions, confidence=confidence, mpp=image.mpp)

    def _votes(
        self, image: RgbImage, candidates: list[Candidate]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the sums of scores for exterior and for interior, both (H, W)."""
        texture = ImageTexture.of(image)
        height, width = image.shape
        exterior = np.zeros(image.shape, dtype=np.float32)
        interior = np.zeros(image.shape, dtype=np.float32)
        rim = disc(self.rim_um, mpp=image.mpp)
        margin = rim.shape[0] // 2
        for candidate in candidates:
            score = score_candidate(candidate, texture)
            inner = candidate.box
            box = Box(
                inner.x - margin, inner.y - margin, inner.width + 2 * margin, inner.height + 2 * margin
            ).intersection(Box(0, 0, width, height))
            view = np.s_[box.y : box.bottom, box.x : box.right]
            body = candidate.mask(box)
            if candidate.dark:
                ring = body & ~cv2.erode(body.astype(np.uint8), rim).astype(bool)
                inside = body & ~ring
            else:
                ring = cv2.dilate(body.astype(np.uint8), rim).astype(bool) & ~body
                inside = body
            exterior[view][ring] += score
            interior[view][inside] += score
        return exterior, interior
