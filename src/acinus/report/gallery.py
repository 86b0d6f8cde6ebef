"""Which glands are shown one by one: the most and the least regular of the batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from acinus.core.geometry import Box
from acinus.results.folder import ImageResult

__all__ = ["Chosen", "choose_glands", "surroundings"]

_LEAST_SHARE_OF_MEDIAN = 0.25  # ours: smaller pieces are mostly a gland's tip, round and without meaning


@dataclass(frozen=True)
class Chosen:
    """A gland of the gallery."""

    image: ImageResult
    row: int

    @property
    def label(self) -> int:
        """Value in the label map."""
        return int(self.image.glands["label"][self.row])

    def value(self, column: str) -> float:
        """Return one of its statistics."""
        return float(self.image.glands[column][self.row])


def choose_glands(images: Sequence[ImageResult], *, count: int) -> tuple[list[Chosen], list[Chosen]]:
    """Return the most regular glands, best first, and the least regular, worst first.

    Regularity is the mean of two ranks over the batch: of solidity, and of the departure from the best
    aligned ellipse. Cut glands and those under a quarter of the median area are left out; no gland is
    in both lists.
    """
    found = [Chosen(image, row) for image in images for row in np.flatnonzero(_eligible(image)).tolist()]
    if not found:
        return [], []
    areas = np.array([gland.value("area_um2") for gland in found])
    found = [
        gland
        for gland, large in zip(found, areas >= _LEAST_SHARE_OF_MEDIAN * np.median(areas), strict=True)
        if large
    ]
    solidity = np.array([gland.value("solidity") for gland in found])
    departure = np.array([gland.value("best_alignment") for gland in found])
    score = rankdata(-solidity) + rankdata(departure)
    order = np.argsort(score, kind="stable").tolist()
    each = min(count, len(order) // 2)
    return [found[i] for i in order[:each]], [found[i] for i in order[::-1][:each]]


def _eligible(image: ImageResult) -> NDArray[np.bool_]:
    glands = image.glands
    known = np.isfinite(glands["solidity"]) & np.isfinite(glands["best_alignment"])
    return np.asarray(known & ~glands["touches_side"], np.bool_)


def surroundings(box: Box, image: ImageResult) -> Box:
    """Return a square around a gland's box with an eighth of margin, moved or cut to lie in the image.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> image = SimpleNamespace(record=SimpleNamespace(width_px=100, height_px=50))
    >>> surroundings(Box(80, 10, 16, 8), image)
    Box(x=78, y=4, width=20, height=20)
    """
    side = round(1.25 * max(box.width, box.height))
    width, height = min(side, image.record.width_px), min(side, image.record.height_px)
    x = min(max(0, round(box.x + box.width / 2 - width / 2)), image.record.width_px - width)
    y = min(max(0, round(box.y + box.height / 2 - height / 2)), image.record.height_px - height)
    return Box(x, y, width, height)
