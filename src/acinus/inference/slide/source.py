"""Where labelling reads the probability of a slide from."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from acinus.core.geometry import Box, Size

__all__ = ["ProbabilitySource"]


class ProbabilitySource(Protocol):
    """What the network says of a slide, on its working grid."""

    @property
    def size(self) -> Size:
        """The working grid's size in pixels."""
        ...

    def read(self, box: Box) -> NDArray[np.uint8]:
        """Return probability × 255, rounded, of a box inside the grid: uint8 of (box.height, box.width)."""
        ...

    def read_depth(self, box: Box) -> NDArray[np.uint8] | None:
        """Return depth × 255, rounded, of a box, as `read`; None where the network tells none."""
        ...
