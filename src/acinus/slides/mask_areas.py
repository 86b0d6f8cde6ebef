"""The separate areas of a mask, numbered; band by band, so that memory does not grow with the mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from acinus.core.image import LabelMap
from acinus.core.scratch import bands

__all__ = ["label_areas"]

_TOUCHING = np.ones((3, 3))


def label_areas(mask: LabelMap) -> LabelMap:
    """Number the 8-connected areas of a mask, in place.

    Parameters
    ----------
    mask : ndarray of shape (H, W), int32
        Changed: what is not 0 gets the number of its area, from 1 on without gaps, by their first pixels.

    Examples
    --------
    >>> label_areas(np.array([[7, 0, 7], [0, 0, 7], [7, 0, 0]], np.int32)).tolist()
    [[1, 0, 2], [0, 0, 2], [3, 0, 0]]
    """
    count = 0
    seams: list[NDArray[np.int64]] = []
    for rows in bands(mask.shape):
        labelled, found = ndimage.label(mask[rows], structure=_TOUCHING)
        labelled[labelled > 0] += count
        count += int(found)
        if rows.start:
            seams.append(_touching(mask[rows.start - 1], labelled[0]))
        mask[rows] = labelled
    if seams:
        number = _joined(np.concatenate(seams, axis=1), count)
        for rows in bands(mask.shape):
            mask[rows] = number[mask[rows]]
    return mask


def _touching(above: NDArray[np.int32], below: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return the pairs of areas that touch between two rows, shape (2, N)."""
    padded = np.pad(above, 1)
    pairs = [np.stack([padded[shift : shift + len(below)], below]) for shift in range(3)]
    touching = np.concatenate(pairs, axis=1).astype(np.int64)
    return np.unique(touching[:, (touching > 0).all(axis=0)], axis=1)


def _joined(pairs: NDArray[np.int64], count: int) -> NDArray[np.int32]:
    """Return the new number of each area, shape (count + 1,), 0 for 0."""
    graph = coo_array((np.ones(pairs.shape[1]), (pairs[0], pairs[1])), shape=(count + 1, count + 1))
    _, component = connected_components(graph, directed=False)
    _, first, inverse = np.unique(component, return_index=True, return_inverse=True)
    order = np.empty(len(first), np.int32)
    order[np.argsort(first)] = np.arange(len(first))
    renumbered: NDArray[np.int32] = order[inverse].astype(np.int32)
    return renumbered
