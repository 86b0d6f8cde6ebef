"""Which wide gaps in a slide's tissue are lumina: those that epithelium lines, however large and white.

As `acinus.inference.lumina` does for images, but the gaps are those of the overview, and the network is asked
window by window. Sums over the windows' cores do not depend on their order, nor on where windows end. Ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy import ndimage

from acinus.core.geometry import Box
from acinus.core.image import BoolMask
from acinus.core.morphology import disc
from acinus.core.progress import Progress, SilentProgress
from acinus.core.segmenter import from_bytes
from acinus.core.units import um_to_px
from acinus.inference.refinement import RefinementSettings
from acinus.inference.slide.store import WindowStore
from acinus.inference.slide.tissue import SlideTissue

__all__ = ["SlideLumina", "find_lumina"]


@dataclass(frozen=True)
class SlideLumina:
    """The wide lumina of a slide.

    Attributes
    ----------
    tissue : SlideTissue
    inside : (H, W) bool
        Of the lumina, seen on the overview, as ``tissue.mask``.
    near : (H, W) bool
        Likewise, with the rim in which the network was asked: the overview is too coarse to tell to the pixel
        where a lumen ends.
    """

    tissue: SlideTissue
    inside: BoolMask
    near: BoolMask

    def inside_of(self, box: Box) -> BoolMask:
        """Return which pixels of a box of the working grid lie in a lumen, (H, W) bool."""
        return self.tissue.seen_in(box, self.inside)

    def near_of(self, box: Box) -> BoolMask:
        """Return which pixels of a box of the working grid lie in a lumen or in its rim, (H, W) bool."""
        return self.tissue.seen_in(box, self.near)


def find_lumina(
    tissue: SlideTissue,
    store: WindowStore,
    settings: RefinementSettings,
    *,
    progress: Progress | None = None,
) -> SlideLumina | None:
    """Return those of the wide gaps in a slide's tissue that are lumina; None where there is none.

    Parameters
    ----------
    store : WindowStore
        Complete.
    settings : RefinementSettings
        ``rim_um`` is rounded to pixels of the overview, at least one.

    Raises
    ------
    OutputError
        When a window is missing or damaged.
    """
    if tissue.wide_gaps is None or not tissue.wide_gaps.any():
        return None
    gaps, count = ndimage.label(tissue.wide_gaps, structure=np.ones((3, 3)))
    kernel = disc(um_to_px(settings.rim_um, mpp=tissue.mpp))
    # Where two rims overlap the later number wins: both see the same tissue there.
    near = cv2.dilate(gaps.astype(np.float32), kernel).astype(np.int32)
    rims = np.where((gaps == 0) & tissue.of_interest, near, 0)
    windows = [window for window in store.plan.windows() if rims[tissue.part_under(window.core)].any()]
    asked, gland = np.zeros((2, count + 1), dtype=np.int64)
    with (progress or SilentProgress()).task("Looking around gaps", total=len(windows)) as advance:
        for window in windows:
            rim = tissue.seen_in(window.core, rims)
            is_gland = from_bytes(store.read(window.core)) >= 0.5
            asked += np.bincount(rim.ravel(), minlength=count + 1)
            gland += np.bincount(rim[is_gland], minlength=count + 1)
            advance()
    lined = gland >= settings.least_lined * np.maximum(asked, 1)
    lined[0] = False
    if not lined.any():
        return None
    return SlideLumina(tissue, lined[gaps] & tissue.of_interest, lined[near] & tissue.of_interest)
