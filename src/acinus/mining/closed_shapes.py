"""The cue of closed compact shapes: glands are where a shape that looks like a gland closes.

One gland closes at many thresholds and in several channels. Every closed shape is scored; the best is taken,
then the next that does not lie on one already taken, and so on. What no shape of even a low score covers is
background, and the rest is left to stage 2. Ours, after the proposal's idea that only rings which close give
a prior.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import cv2
import numpy as np
from numpy.typing import NDArray

from acinus.core.geometry import Box
from acinus.core.image import BoolMask, RgbImage
from acinus.core.limits import Count, Flag, Length, Limits, Positive, Share, SomeArea
from acinus.core.morphology import disc
from acinus.core.proposal import BACKGROUND, EXTERIOR, IGNORE, INTERIOR, ProposalMap
from acinus.core.settings import refuse, settings_class
from acinus.core.units import um_to_px
from acinus.data.resample import rgb_at_mpp
from acinus.mining.cue import AgreedBackground, Cue
from acinus.mining.shape_candidates import Candidate, find_candidates
from acinus.mining.shape_score import ImageTexture, score_candidate
from acinus.slides.tissue import tissue_mask

__all__ = ["ClosedShapes", "Shape", "closed_shapes_of"]


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
    blur_um : float
        Standard deviation of the finest blur before thresholds, see `find_candidates`.
    nuclei_um : float
        One layer of epithelial nuclei: the rim on which a shape is scored.
    fine_um : float
        Texture finer than this is chromatin and the dots of lymphocytes.
    scales : tuple of float
        Shapes are looked for with all these lengths times each of these (and areas times the square), since
        glands of one tissue differ in size, too.
    coarse_score : float
        Score from which a shape of another scale than 1 is taken; below it its pixels are no background.
    max_share : float
        Share of the image that a shape may cover; what covers more is a field, not a gland.
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
    blur_um: Positive = 4.0
    nuclei_um: Positive = 10.0
    fine_um: Positive = 2.5
    scales: Annotated[tuple[Positive, ...], Limits(least=1)] = (1.0, 2.0)
    coarse_score: Share = 0.1
    max_share: Share = 0.3
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
        return self.chosen(image, self.found(image))

    def found(self, image: RgbImage) -> list[Shape]:
        """Return the closed shapes of all scales that reach `background_score`."""
        return [shape for scale in self.scales for shape in self._found_at(image, scale)]

    def chosen(self, image: RgbImage, shapes: Sequence[Shape]) -> ProposalMap:
        """Return the proposal map in which shapes are glands, the best first, unless one lies on another.

        Parameters
        ----------
        image : RgbImage
            In which they were found.
        shapes : sequence of Shape
            With the scores to choose by.
        """
        regions = np.full(image.shape, BACKGROUND, dtype=np.uint8)
        confidence = np.ones(image.shape, dtype=np.float32)
        glands = np.zeros(image.shape, dtype=np.int32)
        count = 0
        for shape in sorted(shapes, key=lambda shape: -shape.score):
            view = np.s_[shape.box.y : shape.box.bottom, shape.box.x : shape.box.right]
            fresh = shape.gland & (glands[view] == 0)
            regions[view][fresh & (regions[view] == BACKGROUND)] = IGNORE
            if shape.score < shape.least_score or np.count_nonzero(fresh) < (
                1.0 - self.max_overlap
            ) * np.count_nonzero(shape.gland):
                continue
            inside = INTERIOR if self.interior else IGNORE
            regions[view][fresh] = np.where(shape.ring, EXTERIOR, inside)[fresh]
            confidence[view][fresh] = _trust(shape.score)
            count += 1
            glands[view][fresh] = count
        return ProposalMap(regions=regions, confidence=confidence, mpp=image.mpp, glands=glands)

    def _found_at(self, image: RgbImage, scale: float) -> Iterator[Shape]:
        """Yield the closed shapes that are found with all lengths × `scale`."""
        # The same as longer lengths: the image is reduced and keeps its µm per pixel.
        seen = RgbImage(rgb_at_mpp(image, scale * image.mpp), mpp=image.mpp, name=image.name)
        seen_um2 = seen.shape[0] * seen.shape[1] * seen.mpp**2
        tissue = _inner_tissue(seen, self.nuclei_um)
        candidates = find_candidates(
            seen,
            tissue,
            thresholds=self.thresholds,
            opening_um=self.opening_um,
            min_area_um2=self.min_area_um2,
            max_area_um2=min(self.max_area_um2, self.max_share * seen_um2),
            min_solidity=self.min_solidity,
            blur_um=self.blur_um,
        )
        texture = ImageTexture.of(seen, tissue, blur_um=self.blur_um, fine_um=self.fine_um)
        rim = disc(um_to_px(self.rim_um * scale, mpp=image.mpp))
        least_score = self.gland_score if scale == 1.0 else max(self.gland_score, self.coarse_score)
        for candidate in candidates:
            score = score_candidate(candidate, texture, nuclei_um=self.nuclei_um)
            if score >= self.background_score:
                yield Shape.of(
                    candidate.enlarged(scale),
                    rim,
                    image.shape,
                    scale=scale,
                    score=score,
                    least_score=least_score,
                )


@dataclass(frozen=True)
class Shape:
    """A closed shape.

    Attributes
    ----------
    box : Box
        In pixels of the image.
    gland, ring : (box.height, box.width) bool
        The whole gland, and its exterior region.
    scale : float
        By how much all lengths were multiplied when it was found.
    score : float
        How much it looks like a gland, 0..1.
    least_score : float
        Score from which it is taken for one.
    """

    box: Box
    gland: BoolMask
    ring: BoolMask
    scale: float
    score: float
    least_score: float

    @classmethod
    def of(
        cls,
        candidate: Candidate,
        rim: NDArray[np.uint8],
        shape: tuple[int, int],
        *,
        scale: float,
        score: float,
        least_score: float,
    ) -> Shape:
        """Return the gland that a candidate is: grown by its rim if it is pale; `shape` is the image's."""
        box = candidate.box.grown(rim.shape[0] // 2).intersection(Box(0, 0, shape[1], shape[0]))
        body = candidate.mask(box)
        if candidate.dark:
            gland, inside = body, cv2.erode(body.view(np.uint8), rim).view(bool)
        else:
            gland, inside = cv2.dilate(body.view(np.uint8), rim).view(bool), body
        return cls(box, gland, gland & ~inside, scale, score, least_score)


def closed_shapes_of(cue: Cue) -> ClosedShapes | None:
    """Return how a cue finds closed shapes, itself or by the one that it trusts; None if it does not."""
    trusted = cue.trusted if isinstance(cue, AgreedBackground) else cue
    return trusted if isinstance(trusted, ClosedShapes) else None


def _inner_tissue(image: RgbImage, nuclei_um: float) -> BoolMask:
    """Return where tissue lies and none of its border is near; all of an image without any."""
    tissue = tissue_mask(image.rgb, mpp=image.mpp)
    inner = cv2.erode(tissue.view(np.uint8), disc(um_to_px(nuclei_um, mpp=image.mpp))).view(bool)
    return inner if inner.any() else np.ones_like(inner)


def _trust(score: float) -> float:
    """Return the weight in stage 2 of a shape that was taken, one half to one."""
    return 0.5 + 0.5 * min(1.0, score / 0.3)
