"""The cue of closed compact shapes: glands are where a shape that looks like a gland closes.

One gland closes at many thresholds and in several channels. Every closed shape is scored; the best is taken,
then the next that does not lie on one already taken, and so on. What no shape of even a low score covers is
background, and the rest is left to stage 2. Ours, after the proposal's idea that only rings which close give
a prior.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from acinus.core.geometry import Box
from acinus.core.image import RgbImage
from acinus.core.limits import Count, Flag, Length, Share, SomeArea
from acinus.core.proposal import BACKGROUND, EXTERIOR, IGNORE, INTERIOR, ProposalMap
from acinus.core.settings import refuse, settings_class
from acinus.mining.cue import Cue
from acinus.mining.morphology import disc
from acinus.mining.shape_candidates import find_candidates
from acinus.mining.shape_score import ImageTexture, score_candidate

__all__ = ["ClosedShapes"]


@settings_class
class ClosedShapes(Cue):
    """Greedy choice among closed compact shapes.

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
        Width of the exterior region. Pale shapes are grown by it: their ring of nuclei lies outside them.
    gland_score : float
        Score from which a shape is taken.
    background_score : float
        A pixel is background when no shape that covers it reaches this score; in between it is ignored.
    max_overlap : float
        Share of a shape that may lie on shapes already taken.
    interior : bool
        Keep interior regions; without them their pixels are ignored (for the ablation).
    """

    thresholds: Count = 20
    opening_um: Length = 3.0
    min_area_um2: SomeArea = 1000.0
    max_area_um2: SomeArea = 60_000.0
    min_solidity: Share = 0.82
    rim_um: Length = 8.0
    gland_score: Share = 0.03
    background_score: Share = 0.01
    max_overlap: Share = 0.2
    interior: Flag = True

    def __post_init__(self) -> None:
        """Refuse ranges that are empty."""
        if self.min_area_um2 > self.max_area_um2:
            expected = f"at most max_area_um2, {self.max_area_um2:g}"
            raise refuse("min_area_um2", self.min_area_um2, expected)
        if self.background_score > self.gland_score:
            raise refuse(
                "background_score", self.background_score, f"at most gland_score, {self.gland_score:g}"
            )

    def __call__(self, image: RgbImage, clusters: NDArray[np.uint8]) -> ProposalMap:
        """Return the proposal map of `image`; the clusters are not used."""
        del clusters
        regions = np.full(image.shape, BACKGROUND, dtype=np.uint8)
        confidence = np.ones(image.shape, dtype=np.float32)
        glands = np.zeros(image.shape, dtype=np.int32)
        count = 0
        for score, shape in self._scored(image):
            if score < self.background_score:
                break
            view = np.s_[shape.box.y : shape.box.bottom, shape.box.x : shape.box.right]
            fresh = shape.gland & (glands[view] == 0)
            regions[view][fresh & (regions[view] == BACKGROUND)] = IGNORE
            if score < self.gland_score or fresh.sum() < (1.0 - self.max_overlap) * shape.gland.sum():
                continue
            inside = INTERIOR if self.interior else IGNORE
            regions[view][fresh] = np.where(shape.ring, EXTERIOR, inside)[fresh]
            confidence[view][fresh] = _trust(score)
            count += 1
            glands[view][fresh] = count
        return ProposalMap(regions=regions, confidence=confidence, mpp=image.mpp, glands=glands)

    def _scored(self, image: RgbImage) -> list[tuple[float, _Shape]]:
        """Return all closed shapes with their scores, the best first."""
        candidates = find_candidates(
            image,
            thresholds=self.thresholds,
            opening_um=self.opening_um,
            min_area_um2=self.min_area_um2,
            max_area_um2=self.max_area_um2,
            min_solidity=self.min_solidity,
        )
        texture = ImageTexture.of(image)
        rim = disc(self.rim_um, mpp=image.mpp)
        margin = rim.shape[0] // 2
        whole = Box(0, 0, image.shape[1], image.shape[0])
        scored = []
        for candidate in candidates:
            box = candidate.box.grown(margin).intersection(whole)
            body = candidate.mask(box)
            if candidate.dark:
                gland, inside = body, cv2.erode(body.astype(np.uint8), rim).astype(bool)
            else:
                gland, inside = cv2.dilate(body.astype(np.uint8), rim).astype(bool), body
            scored.append((score_candidate(candidate, texture), _Shape(box, gland, gland & ~inside)))
        return sorted(scored, key=lambda entry: -entry[0])


@dataclass(frozen=True)
class _Shape:
    """A closed shape within its box: the whole gland and its ring, (box.height, box.width) bool each."""

    box: Box
    gland: NDArray[np.bool_]
    ring: NDArray[np.bool_]


def _trust(score: float) -> float:
    """Return the weight in stage 2 of a shape that was taken, one half to one."""
    return 0.5 + 0.5 * min(1.0, score / 0.3)
