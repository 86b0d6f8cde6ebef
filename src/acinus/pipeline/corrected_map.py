"""A label map with a person's outlines in place of the glands that were found, read box by box."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import shapely

from acinus.core.geometry import Box
from acinus.core.image import LabelMap
from acinus.glands.crops import GlandCrop
from acinus.glands.paint import paint_outlines, pixels_around
from acinus.glands.polygons import Outline
from acinus.results.labels import LabelFile

__all__ = ["CorrectedMap"]


class CorrectedMap:
    """The automatic map without some glands, and with others painted over what is left.

    Parameters
    ----------
    automatic : LabelFile
    gone : collection of int
        Labels whose pixels become background.
    drawn : mapping of int to Polygon or MultiPolygon
        By their labels, in pixels of the map. Where two overlap, the smaller one is on top.
    """

    def __init__(self, automatic: LabelFile, *, gone: Collection[int], drawn: Mapping[int, Outline]) -> None:
        self._automatic = automatic
        self._gone = np.array(sorted(gone), dtype=np.int32)
        self._names = np.array([0, *drawn], dtype=np.int32)
        self._drawn = list(drawn.values())
        self._tree = shapely.STRtree(self._drawn)

    def read(self, box: Box) -> LabelMap:
        """Return the labels of a box, int32 of shape (box.height, box.width)."""
        labels = np.array(self._automatic.read(box), dtype=np.int32)
        if len(self._gone) and labels.any():
            labels[np.isin(labels, self._gone)] = 0
        near = np.sort(self._tree.query(shapely.box(box.x, box.y, box.right, box.bottom)))
        if len(near):
            painted = paint_outlines([self._drawn[number] for number in near], box)
            names = np.concatenate([[0], self._names[1:][near]])
            labels = np.where(painted > 0, names[painted], labels).astype(np.int32)
        return labels

    def crop(self, label: int, outline: Outline) -> GlandCrop | None:
        """Return a gland with its surroundings; None where no pixel of the map is its own.

        Parameters
        ----------
        label : int
        outline : Polygon or MultiPolygon
            Around all of its pixels, give or take one; in pixels of the map.
        """
        around = pixels_around(outline).grown(3).intersection(self._automatic.frame)
        if not around.width or not around.height:
            return None
        labels = self.read(around)
        rows, columns = np.nonzero(labels == label)
        if not len(rows):
            return None
        top, left = int(rows.min()), int(columns.min())
        height, width = int(rows.max()) + 1 - top, int(columns.max()) + 1 - left
        tight = Box(around.x + left, around.y + top, width, height)
        box = tight.grown(1).intersection(around)
        sides = tight.grown(1).intersection(self._automatic.frame) != tight.grown(1)
        return GlandCrop(label=label, labels=labels[box.slices_in(around)], box=box, touches_side=sides)
