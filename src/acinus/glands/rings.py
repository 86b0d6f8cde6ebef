"""The boundaries of a mask as closed rings, through the middles of pixel edges between inside and outside.

ContourPy traces them: of scikit-image's ``find_contours`` they are the same rings in 0.4 times the time.
"""

from __future__ import annotations

from typing import cast

import contourpy
import numpy as np
from numpy.typing import NDArray

from acinus.core.image import BoolMask

__all__ = ["Ring", "mask_rings"]

Ring = NDArray[np.float64]  # (V, 2) x, y in pixels; pixel (row r, column c) covers [c, c + 1] × [r, r + 1]

# Just below one half, where the middle of four pixels lies of which two that touch diagonally are inside: so
# they are connected.
_LEVEL = 0.5 - 1e-6


def mask_rings(mask: BoolMask) -> list[Ring]:
    """Trace the boundaries of a mask.

    Returns
    -------
    list of ndarray of shape (V, 2)
        x, y in pixels, not closed. Outer rings have a positive `acinus.glands.polygons.shoelace_area`, holes
        a negative one.

    Examples
    --------
    >>> [ring] = mask_rings(np.ones((1, 1), bool))
    >>> sorted(ring.tolist())
    [[0.0, 0.5], [0.5, 0.0], [0.5, 1.0], [1.0, 0.5]]
    """
    framed = np.pad(mask, 1).astype(np.float64)
    tracer = contourpy.contour_generator(z=framed, name="serial", line_type="Separate")
    lines = cast("list[Ring]", tracer.lines(_LEVEL))
    # Rounded to the middle of an edge; −1 for the frame, +½ because pixel centres lie at +½.
    return [np.round(2.0 * line[:-1]) / 2.0 - 0.5 for line in lines]
