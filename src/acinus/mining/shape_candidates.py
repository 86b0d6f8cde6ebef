"""Closed compact shapes: connected components of threshold sets that have the size and outline of a gland.

The proposal trusts only rings that are well segmented; here that is said about shapes: whatever threshold
and channel makes a component close into a compact shape, that component is a candidate. Ours; related to
maximally stable extremal regions (Matas et al. 2004), with compactness in place of stability.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from acinus.core.colour import mean_of_channels, optical_density
from acinus.core.geometry import Box
from acinus.core.image import BoolMask, RgbImage
from acinus.core.units import um2_to_px
from acinus.mining.morphology import blur, opening

__all__ = ["Candidate", "find_candidates"]


@dataclass(frozen=True)
class Candidate:
    """One closed component.

    Attributes
    ----------
    contour : (N, 1, 2) int32
        Outline in x, y pixels of the image.
    dark : bool
        Darker than the threshold (a dark ring or solid epithelium) or paler (mucin, lumen).
    solidity : float
        Area over the area of the convex hull.
    """

    contour: NDArray[np.int32]
    dark: bool
    solidity: float

    @property
    def box(self) -> Box:
        """Bounding box in pixels of the image the candidate was found in."""
        return Box(*cv2.boundingRect(self.contour))

    def enlarged(self, factor: float) -> Candidate:
        """Return it in pixels of an image of `factor` times the size."""
        if factor == 1.0:
            return self
        contour = np.round((self.contour + 0.5) * factor - 0.5).astype(np.int32)
        return replace(self, contour=contour)

    def mask(self, box: Box) -> BoolMask:
        """Return the shape, holes filled, inside `box`: (box.height, box.width) bool."""
        canvas = np.zeros((box.height, box.width), dtype=np.uint8)
        cv2.drawContours(canvas, [self.contour], -1, 1, cv2.FILLED, offset=(-box.x, -box.y))
        return canvas.view(bool)


def find_candidates(
    image: RgbImage,
    tissue: BoolMask,
    *,
    thresholds: int,
    opening_um: float,
    min_area_um2: float,
    max_area_um2: float,
    min_solidity: float,
    blur_um: float,
) -> list[Candidate]:
    """Return every closed compact shape of an image, over all channels, thresholds and both polarities.

    Parameters
    ----------
    image : RgbImage
        At the working resolution.
    tissue : (H, W) bool
        Where it shows tissue, however much glass there is beside it.
    thresholds : int
        Quantiles of each channel on the tissue, evenly spaced from 0.12 to 0.88.
    opening_um : float
        Radius of the disc that must fit into a shape everywhere, so that bridges between shapes break.
    min_area_um2, max_area_um2 : float
        Range of the area of a gland's cross-section.
    min_solidity : float
        0..1.
    blur_um : float
        Standard deviation of the finest blur of the channels, about that of a nucleus.
    """
    min_area = um2_to_px(min_area_um2, mpp=image.mpp)
    max_area = um2_to_px(max_area_um2, mpp=image.mpp)
    found = []
    for contour, dark in _contours(
        image, tissue, thresholds=thresholds, opening_um=opening_um, blur_um=blur_um
    ):
        area = cv2.contourArea(contour)
        if not min_area <= area <= max_area:
            continue
        solidity = area / cv2.contourArea(cv2.convexHull(contour))
        if solidity >= min_solidity:
            found.append(Candidate(contour=contour, dark=dark, solidity=solidity))
    return found


def _contours(
    image: RgbImage, tissue: BoolMask, *, thresholds: int, opening_um: float, blur_um: float
) -> Iterator[tuple[NDArray[np.int32], bool]]:
    """Yield the outer contour of each component, which closes its holes, and whether it is dark."""
    # The sample makes quantiles cheap; at this size their error is far below the spacing.
    sample = tissue[::2, ::2]
    if not sample.any():
        sample = np.ones_like(sample)
    for channel in _channels(image, blur_um):
        for threshold in np.quantile(channel[::2, ::2][sample], np.linspace(0.12, 0.88, thresholds)):
            for dark in (True, False):
                # Glass all around, which is pale, would enclose every pale shape.
                claimed = (channel > threshold if dark else channel < threshold) & tissue
                mask = opening(claimed, opening_um, mpp=image.mpp)
                contours, _ = cv2.findContours(mask.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
                for contour in contours:
                    yield np.asarray(contour, dtype=np.int32), dark


def _channels(image: RgbImage, blur_um: float) -> Iterator[NDArray[np.float32]]:
    """Yield the smoothed channels: density at two scales, density of red, and green minus red density.

    Haematoxylin absorbs red most, eosin hardly; green minus red tells eosin from haematoxylin.
    """
    density = optical_density(image.rgb)
    total = mean_of_channels(density)
    yield blur(total, blur_um, mpp=image.mpp)
    yield blur(total, 2.0 * blur_um, mpp=image.mpp)
    yield blur(density[..., 0], 1.25 * blur_um, mpp=image.mpp)
    yield blur(density[..., 1] - density[..., 0], 1.5 * blur_um, mpp=image.mpp)
