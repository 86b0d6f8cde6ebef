"""What people said of an image: verdicts on its pixels, which count more than any proposal.

Outlines that somebody drew or confirmed are glands, with the gaps between them as background; where all
glands were drawn, so is the rest. What somebody called wrong is background, too, but counts no more than a
proposal: a mark says that an outline is no gland, not where in it there is none. Of all else the proposals
speak as before. All ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import shapely

from acinus.core.geometry import Box
from acinus.core.image import BoolMask, LabelMap
from acinus.core.limits import Positive
from acinus.core.proposal import BACKGROUND, EXTERIOR, IGNORE, ProposalMap
from acinus.core.run import fingerprint
from acinus.core.settings import settings_class
from acinus.glands.paint import paint_outlines
from acinus.glands.polygons import Outline

__all__ = ["CorrectionSettings", "ImageCorrections", "Verdicts"]


@settings_class
class CorrectionSettings:
    """How much what people said counts (ours).

    Attributes
    ----------
    weight : float
        Of a pixel with a verdict in the losses; 1 is that of a proposal of full confidence, and of a pixel in
        an outline that was called wrong.
    frequency : float
        How many times as often crops are drawn around pixels with a verdict as from the same area without: an
        image of which all glands were drawn counts like so many images. Marks of wrong glands change nothing.
    """

    weight: Positive = 4.0
    frequency: Positive = 8.0


@dataclass(frozen=True)
class Verdicts:
    """What people said of the pixels of an image.

    Attributes
    ----------
    glands : (H, W) int32
        Glands that count fully, 1..N; 0 for none.
    background : (H, W) bool
        Where there is no gland, which counts fully.
    wrong : (H, W) bool
        Inside what was called wrong, with nothing drawn there.
    left_out : (H, W) bool
        Where nothing is to be learnt.
    """

    glands: LabelMap
    background: BoolMask
    wrong: BoolMask
    left_out: BoolMask

    @property
    def spoken(self) -> BoolMask:
        """Where there is a verdict that counts fully, (H, W) bool."""
        return (self.glands > 0) | self.background

    def over(self, proposal: ProposalMap) -> ProposalMap:
        """Return a proposal map of the same size with the verdicts in its place where there are any.

        What is left of a proposed gland of which most has a verdict is ignored.
        """
        regions, confidence = proposal.regions.copy(), proposal.confidence.copy()
        spoken, mine = self.spoken | self.wrong, self.glands > 0
        numbers = proposal.glands
        if numbers is not None:
            areas = np.bincount(numbers.ravel())
            judged = np.bincount(numbers[spoken], minlength=len(areas))
            gone = np.flatnonzero(judged > 0.5 * areas)
            rest = np.isin(numbers, gone[gone > 0]) & ~spoken
            regions[rest] = IGNORE
            numbers = np.where(spoken | rest | self.left_out, 0, numbers)
            numbers = np.where(mine, self.glands + numbers.max(), numbers).astype(np.int32)
        regions[self.background | self.wrong], regions[mine] = BACKGROUND, EXTERIOR
        confidence[spoken] = 1.0
        regions[self.left_out] = IGNORE
        return replace(proposal, regions=regions, confidence=confidence, glands=numbers)


@dataclass(frozen=True)
class ImageCorrections:
    """What people said of one image, in µm from its corner.

    Attributes
    ----------
    size_um : (float, float)
        Width and height of the image.
    glands : sequence of Polygon or MultiPolygon
        Drawn or confirmed. Where two overlap, the smaller one is on top.
    wrong : sequence of Polygon or MultiPolygon
        Called wrong; where a gland was drawn in its place, that one counts.
    complete : sequence of Polygon or MultiPolygon
        Where `glands` are all there are.
    left_out : sequence of Polygon or MultiPolygon
        Where nothing is to be learnt.
    """

    size_um: tuple[float, float]
    glands: Sequence[Outline] = ()
    wrong: Sequence[Outline] = ()
    complete: Sequence[Outline] = ()
    left_out: Sequence[Outline] = ()

    def verdicts(self, shape: tuple[int, int]) -> Verdicts:
        """Return the verdicts on the pixels of the image at a resolution at which it has this shape."""
        height, width = shape
        # A whole number of pixels is not quite as wide as the image at the resolution that was asked for.
        px_per_um = np.array([width, height]) / self.size_um

        def painted(outlines: Sequence[Outline]) -> LabelMap:
            in_px = [shapely.transform(each, lambda xy: xy * px_per_um) for each in outlines]
            return paint_outlines(in_px, Box(0, 0, width, height))

        left_out = painted(self.left_out) > 0
        glands = np.where(left_out, 0, painted(self.glands))
        free = (glands == 0) & ~left_out
        background = (painted(self.complete) > 0) & free
        wrong = (painted(self.wrong) > 0) & free & ~background
        return Verdicts(glands, background, wrong, left_out)

    @property
    def state(self) -> str:
        """Digest of all outlines."""
        groups = (self.glands, self.wrong, self.complete, self.left_out)
        return fingerprint(
            repr(self.size_um), *(shapely.to_wkb(shapely.geometrycollections(list(each))) for each in groups)
        )
