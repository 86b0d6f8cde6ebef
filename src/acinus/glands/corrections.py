"""What a person drew against what was found: which glands stay, which go, and which are new.

Outlines come back from another program without the names of the glands they were, so they are told by where
they lie: a drawn outline *covers* a gland if they share more than half of the smaller of the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import shapely
from numpy.typing import NDArray

from acinus.glands.features import Annotations
from acinus.glands.polygons import Outline

__all__ = ["Change", "Corrected", "correct_outlines"]

Change = Literal["removed", "replaced", "added", "confirmed"]

_SAME = 0.99  # shared area over the area of either: what a round trip through QuPath leaves


@dataclass(frozen=True)
class Corrected:
    """The glands of an image after somebody corrected them.

    Attributes
    ----------
    kept : ndarray of shape (N,), bool
        Which of the found glands are as they were.
    drawn : dict of int to Polygon or MultiPolygon
        Other outlines by label: that of the gland which each replaces, or a new one.
    changes : list of (int, str)
        Label and what became of it, see `Change`.
    """

    kept: NDArray[np.bool_]
    drawn: dict[int, Outline]
    changes: list[tuple[int, Change]]


def correct_outlines(labels: Sequence[int], outlines: Sequence[Outline], drawn: Annotations) -> Corrected:
    """Return the glands that stay and those that were drawn.

    A drawn outline that equals a gland (IoU 0.99) leaves it as it is. Any other takes the place of the glands
    that it covers, and the label of the one it shares most with; the next one that covers the same gland gets
    a new label. Glands that an outline of class ``Wrong`` covers are removed, and so is what was not drawn
    where the drawing is complete: in its regions, or everywhere without regions.

    Parameters
    ----------
    labels : sequence of int
        Of the found glands.
    outlines : sequence of Polygon or MultiPolygon
        Theirs, in the coordinates of `drawn`.
    drawn : Annotations

    Examples
    --------
    >>> found = [shapely.box(0, 0, 10, 10), shapely.box(20, 0, 30, 10)]
    >>> wider = Annotations([shapely.box(0, 0, 13, 10)], [], [], 0)
    >>> corrected = correct_outlines([1, 2], found, wider)
    >>> corrected.kept.tolist(), list(corrected.drawn), corrected.changes
    ([False, False], [1], [(1, 'replaced'), (2, 'removed')])
    """
    tree = shapely.STRtree(list(outlines))
    shares = [_shares(tree, outline) for outline in drawn.glands]
    same = {number for found in shares for number, _, iou in found if iou >= _SAME}
    kept = np.ones(len(labels), dtype=bool)
    new: dict[int, Outline] = {}
    changes: list[tuple[int, Change]] = []
    following = max(labels, default=0) + 1
    for outline, found in zip(drawn.glands, shares, strict=True):
        if any(iou >= _SAME for _, _, iou in found):
            continue
        covered = [number for number, share, _ in found if share > 0.5 and number not in same]
        kept[covered] = False
        label = labels[covered[0]] if covered else following
        if label in new:
            label = following
        following = max(following, label + 1)
        new[label] = outline
        changes.append((label, "replaced" if covered else "added"))
    for outline in drawn.wrong:
        kept[[number for number, share, _ in _shares(tree, outline) if share > 0.5]] = False
    if drawn.complete:
        asked = _inside(outlines, drawn.regions)
        asked[list(same)] = False
        kept &= ~asked
    gone = [labels[number] for number in np.flatnonzero(~kept).tolist()]
    changes += [(label, "removed") for label in gone if label not in new]
    return Corrected(kept, new, changes)


def _shares(tree: shapely.STRtree, outline: Outline) -> list[tuple[int, float, float]]:
    """Return number, share of the smaller one and IoU of each gland that an outline meets.

    The one that shares most with it comes first.
    """
    numbers = np.sort(tree.query(outline, predicate="intersects"))
    others: NDArray[Any] = tree.geometries[numbers]
    common = np.asarray(shapely.area(shapely.intersection(others, outline)))
    areas = np.asarray(shapely.area(others))
    of_smaller = common / np.minimum(areas, outline.area)
    iou = common / (areas + outline.area - common)
    order = np.argsort(-common, kind="stable")
    return list(zip(numbers[order].tolist(), of_smaller[order].tolist(), iou[order].tolist(), strict=True))


def _inside(outlines: Sequence[Outline], regions: Sequence[Outline]) -> NDArray[np.bool_]:
    """Say which outlines have more than half of their area in the regions; all where there are none."""
    if not regions:
        return np.ones(len(outlines), dtype=bool)
    found = np.array(list(outlines), dtype=object)
    common = shapely.area(shapely.intersection(found, shapely.union_all(list(regions))))
    return np.asarray(common > 0.5 * shapely.area(found))
