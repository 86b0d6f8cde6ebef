"""Which bare background is a lumen: what epithelium encloses, however large and white it is.

Glass beside the tissue, tears, vessels and fat are as white. Glass is not enclosed; around a tear, a vessel
or fat lies stroma, which the network does not call gland. Ours.
"""

from __future__ import annotations

import cv2
import numpy as np

from acinus.core.image import BoolMask
from acinus.core.morphology import disc
from acinus.core.segmenter import ProbabilityMap
from acinus.inference.instances import components_of
from acinus.slides.tissue import enclosed_by_tissue

__all__ = ["lined_lumina"]


def lined_lumina(
    bare: BoolMask, probability: ProbabilityMap, *, rim_px: float, least_lined: float
) -> BoolMask:
    """Say which bare background is a lumen, (H, W) bool.

    Parameters
    ----------
    bare : (H, W) bool
        Unstained; each connected component is judged as a whole.
    probability : (H, W) float32
        Of gland, as the network says.
    rim_px : float
        Width of the rim around a component in which the network is asked.
    least_lined : float
        Share of the rim that must be gland, 0 to 1.

    Examples
    --------
    >>> gland = np.zeros((30, 40), np.float32)
    >>> gland[5:25, 5:25] = 1.0
    >>> bare = np.zeros((30, 40), bool)
    >>> bare[10:20, 10:20] = bare[10:20, 30:36] = True  # inside the gland, and in the stroma beside it
    >>> found = lined_lumina(bare, gland, rim_px=3, least_lined=0.5)
    >>> bool(found[15, 15]), bool(found[15, 32])
    (True, False)
    """
    gaps = components_of(bare)
    count = len(gaps.areas)
    if count == 0:
        return np.zeros(bare.shape, bool)
    # Where two rims overlap the later number wins: both see the same tissue there.
    near = np.where(bare, 0, cv2.dilate(gaps.numbers.astype(np.float32), disc(rim_px))).astype(np.int32)
    rim = np.bincount(near.ravel(), minlength=count + 1)[1:]
    gland = np.bincount(near[probability >= 0.5], minlength=count + 1)[1:]
    lined = gland >= least_lined * np.maximum(rim, 1)
    enclosed = enclosed_by_tissue(gaps.numbers, ~bare, count=count)
    return gaps.mask_of(lined & enclosed)
