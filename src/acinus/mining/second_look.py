"""The second look of stage 1: closed shapes are chosen again, now that it is known what glands look like.

The first look knows shapes alone. What its glands have in common is learnt from all images together
(`appearance`), and then the same closed shapes are judged anew: by their shape, by whether they look like
gland, and by whether what surrounds them looks less so. Background is what does not look like gland. Ours.
"""

from __future__ import annotations

from dataclasses import field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from acinus.core.geometry import Box
from acinus.core.image import RgbImage
from acinus.core.limits import Length, Positive, Share
from acinus.core.morphology import disc
from acinus.core.proposal import BACKGROUND, IGNORE, ProposalMap
from acinus.core.segmenter import ProbabilityMap
from acinus.core.settings import settings_class
from acinus.core.units import um_to_px
from acinus.mining.appearance import AppearanceSettings, likeness_of
from acinus.mining.closed_shapes import ClosedShapes, Shape
from acinus.mining.shape_score import logistic
from acinus.networks.pixel_network import PixelNetwork
from acinus.slides.tissue import find_tissue

__all__ = ["SecondLook"]


@settings_class
class SecondLook:
    """Closed shapes chosen by shape and appearance.

    A shape's score is multiplied with two logistic curves, of how much its pixels look like gland on average,
    and of by how much more they do than those around it.

    Attributes
    ----------
    appearance : AppearanceSettings
        How it is learnt what glands look like.
    likeness, contrast : float
        Where the two curves are one half.
    softness : float
        Width of both curves.
    surround_um : float
        Width of what surrounds a shape: a layer of stroma.
    gland_score, coarse_score : float
        Score from which a shape is taken, and one that was found with all lengths enlarged; lower than those
        of `ClosedShapes`, since both curves have lowered it.
    background_below : float
        What is no gland and looks like one less than this is background; all else is ignored.
    """

    appearance: AppearanceSettings = field(default_factory=AppearanceSettings)
    likeness: Share = 0.5
    contrast: Share = 0.1
    softness: Positive = 0.1
    surround_um: Length = 11.25
    gland_score: Share = 0.006
    coarse_score: Share = 0.02
    background_below: Share = 0.33

    def __call__(self, image: RgbImage, shapes: ClosedShapes, network: PixelNetwork) -> ProposalMap:
        """Return the proposal map of an image at the working resolution.

        Parameters
        ----------
        image : RgbImage
        shapes : ClosedShapes
            Finds the shapes, and says how a shape becomes regions.
        network : PixelNetwork
            From `acinus.mining.appearance.train_appearance`.
        """
        likeness = likeness_of(network, image.rgb, self.appearance, mpp=image.mpp)
        around = disc(um_to_px(self.surround_um, mpp=image.mpp))
        judged = [
            replace(
                shape,
                score=shape.score * self._looks(shape, likeness, around),
                least_score=self.gland_score if shape.scale == 1.0 else self.coarse_score,
            )
            for shape in shapes.found(image)
        ]
        chosen = shapes.chosen(image, judged)
        # Gaps in the tissue may be lumina, vessels or tears: white looks the same in all of them.
        doubtful = (likeness >= self.background_below) | find_tissue(image.rgb, mpp=image.mpp).wide_gaps
        assert chosen.glands is not None  # closed shapes number their glands
        regions = np.where(
            chosen.glands > 0, chosen.regions, np.where(doubtful, np.uint8(IGNORE), np.uint8(BACKGROUND))
        )
        return replace(chosen, regions=regions)

    def _looks(self, shape: Shape, likeness: ProbabilityMap, around: NDArray[np.uint8]) -> float:
        """Return how much a shape looks like a gland, 0..1."""
        frame = Box(0, 0, likeness.shape[1], likeness.shape[0])
        inside = float(likeness[shape.box.slices_in(frame)][shape.gland].mean())
        own = self._curve(inside - self.likeness)
        if own * shape.score < min(self.gland_score, self.coarse_score):  # what surrounds it cannot help
            return own
        box = shape.box.grown(around.shape[0] // 2).intersection(frame)
        body = np.zeros((box.height, box.width), dtype=np.uint8)
        body[shape.box.slices_in(box)] = shape.gland
        ring = (cv2.dilate(body, around) > 0) & (body == 0)
        if not ring.any():  # fills the image
            return own
        return own * self._curve(inside - float(likeness[box.slices_in(frame)][ring].mean()) - self.contrast)

    def _curve(self, value: float) -> float:
        return logistic(value / self.softness)
