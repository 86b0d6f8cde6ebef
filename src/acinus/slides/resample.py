"""Resampling by area (towards coarser) and bilinear (towards finer), never nearest neighbour.

Both are written as one sparse matrix per axis, because the usual image libraries resample a crop as if its
sides lay on the pixel grid: two overlapping tiles then disagree on their common pixels, and a seam shows.
Here the position of every output pixel is a real number on the source's own axis.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from acinus.core.image import RgbArray

__all__ = ["Axis", "resample", "sampling_axis"]


@dataclass(frozen=True)
class Axis:
    """How one axis of the output is made of the source's pixels.

    Attributes
    ----------
    first, count : int
        The run of source pixels that is needed, all of which exist.
    weights : sparse array of shape (n_out, count), float32
        Each row sums to 1.
    cover : ndarray of shape (n_out,), float32
        Part of each output pixel that lies on the slide; the rest is white.
    """

    first: int
    count: int
    weights: sparse.csr_array
    cover: NDArray[np.float32]


def sampling_axis(*, start: float, step: float, n_out: int, n_source: int, extent: float) -> Axis:
    """Return the weights that make `n_out` pixels, `step` source pixels wide each, from `start` on.

    Parameters
    ----------
    start, step : float
        In source pixels; output pixel k covers [start + k·step, start + (k + 1)·step).
    n_out, n_source : int
        Number of output pixels, and of source pixels that exist.
    extent : float
        Where the slide ends on this axis, in source pixels; up to a rounding it is `n_source`.

    Returns
    -------
    Axis
        Averages over the covered pixels for ``step >= 1``, else linear interpolation between pixel centres.

    Examples
    --------
    >>> axis = sampling_axis(start=1.0, step=1.5, n_out=2, n_source=9, extent=9.0)
    >>> axis.first, axis.count, (axis.weights.toarray() * 6).round().tolist()
    (1, 3, [[4.0, 2.0, 0.0], [0.0, 2.0, 4.0]])
    """
    left = start + step * np.arange(n_out, dtype=np.float64)
    if step >= 1:
        taps = np.floor(left + 1e-9)[:, None] + np.arange(int(np.ceil(step)) + 1)  # (n_out, n_taps)
        right_edge = np.minimum(left[:, None] + step, taps + 1)
        values = np.clip(right_edge - np.maximum(left[:, None], taps), 0, None)
        values[(taps < 0) | (taps >= n_source)] = 0
        cover = (np.clip(left + step, 0, extent) - np.clip(left, 0, extent)) / step
    else:
        centre = left + step / 2
        below = np.floor(centre - 0.5)
        fraction = centre - 0.5 - below
        taps = below[:, None] + np.arange(2)
        values = np.stack([1 - fraction, fraction], axis=1)
        cover = ((centre >= 0) & (centre < extent)).astype(np.float64)
    indices = np.clip(taps, 0, n_source - 1).astype(np.int64)
    values[values.sum(axis=1) == 0, 0] = (
        1  # lies beyond the last pixel: white by `cover`, or a rounding of it
    )
    values /= values.sum(axis=1, keepdims=True)
    used = indices[values > 0]
    first, last = int(used.min()), int(used.max())
    rows = np.repeat(np.arange(n_out), taps.shape[1])
    columns = np.clip(indices - first, 0, last - first).ravel()
    weights = sparse.csr_array(
        (values.ravel().astype(np.float32), (rows, columns)), shape=(n_out, last - first + 1)
    )
    weights.eliminate_zeros()
    return Axis(first, last - first + 1, weights, cover.astype(np.float32))


def resample(source: RgbArray, *, x: Axis, y: Axis) -> RgbArray:
    """Return the output made of `source`, the pixels that `x` and `y` ask for.

    Parameters
    ----------
    source : ndarray of shape (y.count, x.count, 3), uint8
        The box of the source that starts at (x.first, y.first).
    x, y : Axis
        As `sampling_axis` gives them.

    Returns
    -------
    ndarray of shape (n_out_y, n_out_x, 3), uint8
    """
    height, width = source.shape[:2]
    n_y, n_x = y.weights.shape[0], x.weights.shape[0]
    if _is_copy(x) and _is_copy(y):
        values = source.astype(np.float32) if not (x.cover.all() and y.cover.all()) else None
        if values is None:
            return np.ascontiguousarray(source)
    else:
        rows = y.weights @ source.reshape(height, width * 3).astype(np.float32)  # (n_y, width·3)
        columns = rows.reshape(n_y, width, 3).transpose(1, 0, 2).reshape(width, n_y * 3)
        values = (x.weights @ columns).reshape(n_x, n_y, 3).transpose(1, 0, 2)  # (n_y, n_x, 3)
    cover = y.cover[:, None] * x.cover[None, :]
    if not (cover == 1).all():
        values = 255 - cover[:, :, None] * (255 - values)
    return np.ascontiguousarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))


def _is_copy(axis: Axis) -> bool:
    n_out = axis.weights.shape[0]
    return bool(n_out == axis.count and axis.weights.nnz == n_out and (axis.weights.diagonal() == 1).all())
