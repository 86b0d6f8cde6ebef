"""Glands of a slide are measured one by one, each from its own box of the label map and of the slide.

The label map is complete by then, so a gland sees which of the pixels it encloses belong to another. What is
measured is finer than the label map: see `acinus.inference.slide.fine`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from acinus.core.geometry import Box
from acinus.core.image import LabelMap
from acinus.glands import Outline
from acinus.glands.crops import Sliceable
from acinus.glands.measure import columns_of, measure_gland
from acinus.inference.slide.fine import MARGIN_PX, fine_crop
from acinus.inference.slide.labelling import LabelledCrop
from acinus.inference.slide.source import ProbabilitySource

__all__ = ["FineGrid", "LabelSource", "MeasuredBatch", "boxes_of", "measure_batch"]


class LabelSource(Protocol):
    """A label map from which boxes are read."""

    def read(self, box: Box) -> LabelMap:
        """Return the labels of a box of the working grid, int32 of shape (box.height, box.width)."""
        ...


@dataclass(frozen=True)
class FineGrid:
    """On what glands are drawn and measured.

    Attributes
    ----------
    mpp : float
        µm per pixel of the working grid.
    factor : int
        Pixels for each of its pixels, across.
    threshold : float
        Probability from which a pixel is gland.
    scanned : Box
        The part of the working grid where there is something; a gland at its side is cut.
    """

    mpp: float
    factor: int
    threshold: float
    scanned: Box


@dataclass(frozen=True)
class MeasuredBatch:
    """Some glands in the order of their labels.

    Attributes
    ----------
    columns : dict of str to ndarray of shape (N,)
        All but those of the neighbours.
    outlines : list of Polygon or MultiPolygon
        In µm from the slide's origin.
    """

    columns: dict[str, NDArray[Any]]
    outlines: list[Outline]


def boxes_of(crop: LabelledCrop) -> NDArray[np.int32]:
    """Return x, y, width and height of each gland of a crop on the working grid, shape (N, 4).

    Parameters
    ----------
    crop : LabelledCrop
        Its labels have no gaps between the smallest and the largest.
    """
    inside = crop.labels > 0
    first = int(crop.labels[inside].min())
    local = np.where(inside, crop.labels - (first - 1), 0)
    windows = [window for window in ndimage.find_objects(local) if window is not None]
    return np.array(
        [
            (
                crop.box.x + columns.start,
                crop.box.y + rows.start,
                columns.stop - columns.start,
                rows.stop - rows.start,
            )
            for rows, columns in windows
        ],
        dtype=np.int32,
    )


def measure_batch(
    boxes: Sequence[Box],
    grid: FineGrid,
    *,
    first_label: int,
    labels: LabelSource,
    probability: ProbabilitySource,
    image: Sliceable,
) -> MeasuredBatch:
    """Measure the glands `first_label`, `first_label` + 1, ...

    Parameters
    ----------
    boxes : sequence of Box
        Of each of them, on the working grid.
    labels, probability
        On the working grid.
    image : Sliceable
        With ``grid.factor`` pixels for each of its pixels.
    """
    measured = []
    for label, box in enumerate(boxes, start=first_label):
        around = box.grown(MARGIN_PX).intersection(grid.scanned)
        crop = fine_crop(
            label,
            labels.read(around),
            probability.read(around),
            box=around,
            touches_side=box.grown(1).intersection(grid.scanned) != box.grown(1),
            threshold=grid.threshold,
            factor=grid.factor,
        )
        measured.append(measure_gland(crop, image, mpp=grid.mpp / grid.factor))
    return MeasuredBatch(columns_of(gland.row for gland in measured), [gland.outline for gland in measured])
