"""Where regions may lie on a slide, and in which order they are looked at."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from acinus.core.colour import optical_density
from acinus.core.geometry import Box
from acinus.core.image import BoolMask, RgbArray
from acinus.core.units import um_to_px

__all__ = ["candidate_boxes", "varied_order"]

_LEAST_SIDE = 0.25  # of a region's side: a drawn region of interest may be smaller than a region
_LEAST_PERMITTED = 0.85  # of what is left of a box: outlines drawn by hand are no rectangles


def candidate_boxes(
    tissue: BoolMask, permitted: BoolMask, *, mpp: float, side_um: float, least_tissue: float
) -> list[Box]:
    """Return squares that lie side by side on each piece of tissue, cut to the inside of the tissue.

    Glass teaches nothing, and where much of it is in view, tissue against glass is all that is learnt.

    Parameters
    ----------
    tissue, permitted : (H, W) bool
        Seen on an overview; what is not permitted lies outside the region of interest, or is an artefact.
    mpp : float
        µm per pixel of the overview.
    side_um : float
        Side of a square. Where the tissue is smaller than one, or ends in it, the square is cut.
    least_tissue : float
        Share of a square after it was cut, which tissue of one piece has to cover.

    Returns
    -------
    list of Box
        In pixels of the overview, piece by piece; those of one piece do not overlap.

    Examples
    --------
    >>> tissue = np.zeros((20, 30), bool)
    >>> tissue[:, 12:] = True
    >>> boxes = candidate_boxes(tissue, np.ones_like(tissue), mpp=8.0, side_um=80.0, least_tissue=0.5)
    >>> [(box.x, box.y, box.width) for box in boxes]
    [(13, 0, 8), (21, 0, 9), (13, 10, 8), (21, 10, 9)]
    """
    side = max(1, round(um_to_px(side_um, mpp=mpp)))
    least_side = _LEAST_SIDE * side
    boxes = []
    # Where tissue ends, the overview's last pixel is partly glass. Even so narrow a rim around a region ends
    # all glands in it, which are then no closed shapes that its side cuts.
    inner = cv2.erode(tissue.astype(np.uint8), np.ones((3, 3), np.uint8))
    usable = inner * permitted.astype(np.uint8)
    count, numbers, facts, _ = cv2.connectedComponentsWithStats(usable, connectivity=8)
    for number in range(1, count):
        left, top, width, height, _ = facts[number].tolist()
        if min(width, height) < least_side:
            continue
        piece = numbers[top : top + height, left : left + width] == number
        frame = Box(0, 0, width, height)
        rows, columns = (_starts(length, side) for length in (height, width))
        for row, column in np.argwhere(_hold_any(piece, rows, columns, side=side)).tolist():
            box = _cut(piece, Box(columns[column], rows[row], side, side).intersection(frame))
            if min(box.width, box.height) < least_side or piece[box.slices_in(frame)].mean() < least_tissue:
                continue
            there = Box(left + box.x, top + box.y, box.width, box.height)
            if permitted[there.y : there.bottom, there.x : there.right].mean() >= _LEAST_PERMITTED:
                boxes.append(there)
    return boxes


def _starts(length: int, side: int) -> list[int]:
    """Return where squares start along an axis, the lattice in the middle.

    The first and the last reach beyond the piece by up to a quarter where that leaves less of it out.
    """
    count = max(1, (2 * length + side) // (2 * side))
    first = (length - count * side) // 2
    return [first + number * side for number in range(count)]


def _hold_any(piece: BoolMask, rows: list[int], columns: list[int], *, side: int) -> BoolMask:
    """Say of each square of the lattice whether it holds any of the piece."""
    piece = piece[: rows[-1] + side, : columns[-1] + side]
    in_rows = np.logical_or.reduceat(piece, np.maximum(rows, 0), axis=0)
    return np.asarray(np.logical_or.reduceat(in_rows, np.maximum(columns, 0), axis=1), dtype=bool)


def _cut(piece: BoolMask, box: Box) -> Box:
    """Return the box cut to what there is of the piece in it, which is something."""
    inside = piece[box.y : box.bottom, box.x : box.right]
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    left, top = int(columns[0]), int(rows[0])
    return Box(box.x + left, box.y + top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top)


def varied_order(overview: RgbArray, boxes: list[Box], *, seed: int) -> list[Box]:
    """Return boxes so that the first few show all kinds of tissue: by turns at random, and unlike all before.

    Taken alone, the most unlike are mostly odd; taken alone, the random ones miss what is rare.

    Parameters
    ----------
    overview : (H, W, 3) uint8
    boxes : list of Box
        In its pixels.
    seed : int
        Of the random half.
    """
    if not boxes:
        return []
    looks = np.stack([_look(overview, box) for box in boxes])
    looks = (looks - looks.mean(axis=0)) / np.maximum(looks.std(axis=0), 1e-6)
    at_random = iter(np.random.default_rng(seed).permutation(len(boxes)).tolist())
    distance = np.full(len(boxes), np.inf)
    order: list[int] = []
    taken = np.zeros(len(boxes), dtype=bool)
    while len(order) < len(boxes):
        if len(order) % 2:
            number = int(np.argmax(np.where(taken, -1.0, distance)))
        else:
            number = next(each for each in at_random if not taken[each])
        order.append(number)
        taken[number] = True
        distance = np.minimum(distance, np.linalg.norm(looks - looks[number], axis=1))
    return [boxes[number] for number in order]


def _look(overview: RgbArray, box: Box) -> NDArray[np.float64]:
    """Return mean and spread of the optical density in a box, 6 numbers."""
    inside = box.slices_in(Box(0, 0, overview.shape[1], overview.shape[0]))
    density = optical_density(overview[inside]).reshape(-1, 3)
    return np.concatenate([density.mean(axis=0), density.std(axis=0)]).astype(np.float64)
