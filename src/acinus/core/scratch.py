"""Arrays that may be larger than memory: they lie in a temporary file that goes away with them."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from acinus.core.errors import OutputError

__all__ = ["LARGEST_IN_MEMORY_PX", "bands", "is_large", "scratch_array"]

LARGEST_IN_MEMORY_PX = 100_000_000
"""Pixels up to which a map is simply held in memory: 400 MB of int32."""

_BAND_PX = 16_000_000


def is_large(shape: tuple[int, ...]) -> bool:
    """Say whether a map of this shape is kept in a temporary file.

    Examples
    --------
    >>> is_large((10_000, 10_000)), is_large((40_000, 40_000))
    (False, True)
    """
    return math.prod(shape) > LARGEST_IN_MEMORY_PX


def scratch_array(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Return zeros: in memory, or in a temporary file where there are more than `LARGEST_IN_MEMORY_PX`.

    The file has no name (on Windows: is deleted when the array is let go), so nothing is left behind by a
    process that is killed. The operating system holds as much of it in memory as there is room for.

    Raises
    ------
    OutputError
        When the folder for temporary files has too little space.

    Examples
    --------
    >>> scratch_array((2, 3), np.int32).tolist()
    [[0, 0, 0], [0, 0, 0]]
    """
    if not is_large(shape):
        return np.zeros(shape, dtype)
    size = math.prod(shape) * np.dtype(dtype).itemsize
    try:
        with tempfile.TemporaryFile() as file:  # what is mapped stays when the file is closed
            if hasattr(os, "posix_fallocate"):  # writing to a mapped file without space would end the process
                os.posix_fallocate(file.fileno(), 0, size)
            array: NDArray[Any] = np.memmap(file, dtype=dtype, mode="w+", shape=shape)
    except (OSError, OverflowError) as error:
        raise OutputError(
            f"{math.prod(shape) / 1e6:.0f} Mpx take {size / 1e9:.1f} GB in {tempfile.gettempdir()}; "
            "free some disk space, or set TMPDIR to a folder that has it"
        ) from error
    return array


def bands(shape: tuple[int, ...]) -> Iterator[slice]:
    """Yield the rows of a map, 16 Mpx at a time; all at once where there are no more.

    Examples
    --------
    >>> list(bands((5000, 8000)))
    [slice(0, 2000, None), slice(2000, 4000, None), slice(4000, 5000, None)]
    >>> list(bands((0, 8)))
    []
    """
    rows = max(1, _BAND_PX // max(1, math.prod(shape[1:])))
    for top in range(0, shape[0], rows):
        yield slice(top, min(top + rows, shape[0]))
