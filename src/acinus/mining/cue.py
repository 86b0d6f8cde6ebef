"""Cues say, for one image, which regions are exterior, which interior, and which nobody should trust.

A cue is an object: images and clusters in, a proposal map out. The published one is here; closed compact
shapes have a file of their own; `AgreedBackground` combines any two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from acinus.core.colour import is_one_colour, optical_density
from acinus.core.image import BoolMask, RgbImage
from acinus.core.limits import Area, Flag, Length
from acinus.core.proposal import BACKGROUND, EXTERIOR, IGNORE, INTERIOR, ProposalMap
from acinus.core.settings import OneOf, refuse, settings_class
from acinus.core.units import um2_to_px
from acinus.mining.fill import fill_rings
from acinus.mining.morphology import closing, opening
from acinus.slides.tissue import find_tissue

__all__ = ["AgreedBackground", "AnyCue", "Cue", "DarkestCluster"]


@runtime_checkable
class Cue(Protocol):
    """Decides without labels which regions of an image are gland."""

    def __call__(self, image: RgbImage, clusters: NDArray[np.uint8]) -> ProposalMap:
        """Return the proposal map of `image` at its own size.

        Parameters
        ----------
        image : RgbImage
            At the working resolution.
        clusters : (H, W) uint8
            Cluster number of each pixel from the shallow network.
        """
        ...


AnyCue = Annotated[Cue, OneOf("acinus.mining")]
"""A cue, chosen by ``kind``: a new one is a file of this room."""


@settings_class
class DarkestCluster(Cue):
    """The published cue: the darkest cluster that is large enough is the exterior region.

    Source: Zhang et al. 2023 (MSSG, arXiv 2307.11989), proposal mining; clean-up and filling against the
    image's sides are ours.

    Attributes
    ----------
    min_cluster_um2 : float
        Clusters of less area are passed over (MSSG: 10,000 px, which is this at GlaS' 0.62 µm/px).
    closing_um, opening_um : float
        Radii of the clean-up: nuclei of a ring are joined, single nuclei removed.
    interior : bool
        Fill the rings that close; without it the map holds the exterior region alone.
    min_interior_um2, max_interior_um2 : float
        Enclosed areas that are trusted.
    """

    min_cluster_um2: Area = 3800.0
    closing_um: Length = 6.0
    opening_um: Length = 4.0
    interior: Flag = True
    min_interior_um2: Area = 50.0
    max_interior_um2: Area = 30_000.0

    def __post_init__(self) -> None:
        """Refuse an empty range."""
        if self.min_interior_um2 > self.max_interior_um2:
            expected = f"at most max_interior_um2, {self.max_interior_um2:g}"
            raise refuse("min_interior_um2", self.min_interior_um2, expected)

    def __call__(self, image: RgbImage, clusters: NDArray[np.uint8]) -> ProposalMap:
        """Return a map without ignored pixels: all that is not claimed is background.

        In an image of one colour nothing is claimed, since none of it is darker than the rest.
        """
        if is_one_colour(image.rgb):
            exterior = np.zeros(image.shape, dtype=bool)
        else:
            exterior = self._exterior(image, clusters)
        regions = np.full(image.shape, BACKGROUND, dtype=np.uint8)
        regions[exterior] = EXTERIOR
        if self.interior:
            enclosed = fill_rings(
                exterior,
                mpp=image.mpp,
                min_area_um2=self.min_interior_um2,
                max_area_um2=self.max_interior_um2,
            )
            regions[enclosed] = INTERIOR
        return ProposalMap(regions=regions, confidence=np.ones(image.shape, np.float32), mpp=image.mpp)

    def _exterior(self, image: RgbImage, clusters: NDArray[np.uint8]) -> BoolMask:
        density = optical_density(image.rgb).mean(axis=2)
        area_px = np.bincount(clusters.ravel())
        darkness = np.bincount(clusters.ravel(), weights=density.ravel()) / np.maximum(area_px, 1)
        large = area_px >= um2_to_px(self.min_cluster_um2, mpp=image.mpp)
        if not large.any():  # an image smaller than the area: its largest cluster has to do
            large = area_px == area_px.max()
        darkest = int(np.argmax(np.where(large, darkness, -np.inf)))
        mask = closing(clusters == darkest, self.closing_um, mpp=image.mpp)
        return opening(mask, self.opening_um, mpp=image.mpp)


@settings_class
class AgreedBackground(Cue):
    """Glands are what the trusted cue says; background is what no cue claims; the rest is ignored (ours).

    Attributes
    ----------
    trusted : Cue
        Decides on exterior and interior regions and may leave pixels ignored.
    doubter : Cue
        Its claims alone are not believed, but nor are they background.
    """

    trusted: AnyCue
    doubter: AnyCue

    def __call__(self, image: RgbImage, clusters: NDArray[np.uint8]) -> ProposalMap:
        """Return the trusted cue's map with the doubter's claims ignored where it had background.

        So are wide gaps in the tissue, which may be lumina, vessels or tears. Glands keep the numbers that
        the trusted cue gave them.
        """
        return self.of_several(image, [clusters])

    def of_several(self, image: RgbImage, clusterings: Sequence[NDArray[np.uint8]]) -> ProposalMap:
        """Return the same with what the doubter claims by any of several clusterings."""
        trusted = self.trusted(image, clusterings[0])
        doubt = find_tissue(image.rgb, mpp=image.mpp).wide_gaps.copy()
        for clusters in clusterings:
            doubt |= self.doubter(image, clusters).gland
        regions = trusted.regions.copy()
        regions[(regions == BACKGROUND) & doubt] = IGNORE
        return replace(trusted, regions=regions)
