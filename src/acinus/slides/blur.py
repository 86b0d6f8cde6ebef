"""Where tissue is out of focus while the rest of its slide is sharp.

Blur takes away what is finer than a nucleus and leaves what is larger, so the share of fine structure falls,
however strong the stain. Pech-Pacheco et al. 2000 judge focus by the variance of the Laplacian; what it is
divided by, and all thresholds, are ours. A slide's own sharp tissue is the measure for the rest of it, since
scanners differ more than tissues do.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from acinus.core.colour import mean_of_channels, optical_density
from acinus.core.errors import InputError
from acinus.core.geometry import Box
from acinus.core.image import BoolMask
from acinus.core.units import um_to_px
from acinus.slides.reader import SlideReader, resolved_mpp

__all__ = ["BLUR_MPP", "find_blur", "fine_share"]

BLUR_MPP: Final = 2.0
"""µm per pixel at which focus is looked at: a nucleus is three pixels."""

_CELL_PX, _PART_PX = 64, 16  # 128 µm, of parts of 32 µm
_BLOCK_CELLS = 8  # cells each way that are read at once: 1 mm
_FINER_THAN_UM = 10.0
_LEAST_STRUCTURE = 0.01  # standard deviation of optical density: what is smooth has no focus
_LEAST_TISSUE = 0.5  # of a part that counts, and of a cell that is judged
_LEAST_CELLS = 16  # judged, for anything to be said: 0.26 mm²
_SHARP_QUANTILE = 0.75  # of the cells: as much of a slide may be blurred
_BLURRED = 0.35  # of the share that sharp cells have
_LEAST_BLURRED = 3  # cells side by side: a single one is mucus or a smooth muscle


def find_blur(reader: SlideReader, tissue: BoolMask, *, mpp: float) -> BoolMask:
    """Return where tissue is out of focus, (H, W) bool as `tissue`.

    Of a slide with less than 0.3 mm² of tissue, or coarser than `BLUR_MPP`, nothing is said.

    Parameters
    ----------
    tissue : (H, W) bool
        On an overview of the whole slide, whose pixel (0, 0) starts at the slide's corner.
    mpp : float
        µm per pixel of `tissue`.

    Raises
    ------
    InputError
        When the slide cannot be read.
    """
    if resolved_mpp(reader) > BLUR_MPP:
        return np.zeros_like(tissue)
    rows, columns = (math.ceil(length * mpp / (BLUR_MPP * _CELL_PX)) for length in tissue.shape)
    fine = np.full((rows, columns), np.nan)
    for cells, box in _blocks(rows, columns):
        under_rows, under_columns = _under(box, tissue.shape, mpp=mpp)
        if tissue[_span(under_rows), _span(under_columns)].any():
            fine[cells] = fine_share(_density(reader, box), tissue[np.ix_(under_rows, under_columns)])
    return tissue & _on_overview(_blurred(fine), tissue.shape, mpp=mpp)


def fine_share(density: NDArray[np.float32], tissue: BoolMask) -> NDArray[np.float64]:
    """Return how much of the structure of each cell of 128 µm is fine, NaN where there is too little of it.

    Parameters
    ----------
    density : (H, W) float32
        Mean optical density at `BLUR_MPP`; H and W are multiples of 64.
    tissue : (H, W) bool

    Returns
    -------
    (H / 64, W / 64) float64
        The mean square of the Laplacian over that of all that is finer than 10 µm: the median of the parts of
        the cell, since a single dark edge has more of both than all the rest.
    """
    laplacian = cv2.Laplacian(density, cv2.CV_32F, ksize=1)
    coarse = cv2.GaussianBlur(density, (0, 0), um_to_px(_FINER_THAN_UM, mpp=BLUR_MPP))
    measured = np.stack([laplacian**2, (density - coarse) ** 2, np.ones_like(density)]) * tissue
    rows, columns = density.shape[0] // _CELL_PX, density.shape[1] // _CELL_PX
    each = _CELL_PX // _PART_PX
    parts = measured.reshape(3, rows * each, _PART_PX, columns * each, _PART_PX)
    finest, fine, covered = parts.sum(axis=(2, 4), dtype=np.float64)
    judged = (covered >= _LEAST_TISSUE * _PART_PX**2) & (fine >= _LEAST_STRUCTURE**2 * covered)
    share = np.where(judged, finest / np.where(judged, fine, 1.0), np.nan)
    cells = share.reshape(rows, each, columns, each).transpose(0, 2, 1, 3).reshape(rows, columns, each**2)
    enough = np.isfinite(cells).sum(axis=2) >= _LEAST_TISSUE * each**2
    median = np.full((rows, columns), np.nan)
    median[enough] = np.nanmedian(cells[enough], axis=1)
    return median


def _blocks(rows: int, columns: int) -> Iterator[tuple[tuple[slice, slice], Box]]:
    """Yield blocks of cells, and where they lie in pixels of `BLUR_MPP`."""
    for row in range(0, rows, _BLOCK_CELLS):
        for column in range(0, columns, _BLOCK_CELLS):
            last_row, last_column = min(rows, row + _BLOCK_CELLS), min(columns, column + _BLOCK_CELLS)
            height, width = (last_row - row) * _CELL_PX, (last_column - column) * _CELL_PX
            cells = slice(row, last_row), slice(column, last_column)
            yield cells, Box(column * _CELL_PX, row * _CELL_PX, width, height)


def _density(reader: SlideReader, box: Box) -> NDArray[np.float32]:
    try:
        rgb = reader.read_working(box, mpp=BLUR_MPP)
    except OSError as error:
        raise InputError(f"{reader.path.name} cannot be read ({error}); copy it again") from error
    return mean_of_channels(optical_density(rgb))


def _under(box: Box, shape: tuple[int, ...], *, mpp: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the overview's rows and columns under the centres of pixels of `BLUR_MPP`."""
    rows, columns = np.arange(box.y, box.bottom), np.arange(box.x, box.right)
    below = (((places + 0.5) * (BLUR_MPP / mpp)).astype(np.intp) for places in (rows, columns))
    under_rows, under_columns = (
        np.minimum(places, length - 1) for places, length in zip(below, shape, strict=True)
    )
    return under_rows, under_columns


def _span(places: NDArray[np.intp]) -> slice:
    """Return the slice from the first to the last of ascending places."""
    return slice(int(places[0]), int(places[-1]) + 1)


def _blurred(fine: NDArray[np.float64]) -> BoolMask:
    """Return the cells with much less fine structure than the slide's sharp ones, where some lie together."""
    judged = np.isfinite(fine)
    if judged.sum() < _LEAST_CELLS:
        return np.zeros_like(judged)
    low = judged & (np.nan_to_num(fine) < _BLURRED * np.quantile(fine[judged], _SHARP_QUANTILE))
    _, labels = cv2.connectedComponents(low.astype(np.uint8), connectivity=8)
    large = np.bincount(labels.ravel()) >= _LEAST_BLURRED
    return np.asarray(low & large[labels], dtype=bool)


def _on_overview(cells: BoolMask, shape: tuple[int, ...], *, mpp: float) -> BoolMask:
    side_um = _CELL_PX * BLUR_MPP
    rows, columns = (((np.arange(length) + 0.5) * (mpp / side_um)).astype(np.intp) for length in shape)
    return cells[np.ix_(np.minimum(rows, cells.shape[0] - 1), np.minimum(columns, cells.shape[1] - 1))]
