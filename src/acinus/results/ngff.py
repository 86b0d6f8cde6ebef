"""``labels.zarr``: the label map of a slide as OME-NGFF 0.5, written crop by crop.

The file is a labels group that lists one image, ``glands``: a pyramid of integer arrays of which each level
holds every second pixel of the one before, so that labels stay labels. OME-NGFF places a pixel by its centre;
the transforms say where it lies when the slide is shown with its own µm per pixel and no translation.

References
----------
Moore et al., OME-Zarr: a cloud-optimized bioimaging file format with international community support,
Histochem. Cell Biol. 160, 2023; the specification, version 0.5: https://ngff.openmicroscopy.org/0.5/.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.codecs import ZstdCodec

from acinus.core.cache import LruCache
from acinus.core.errors import InputError
from acinus.core.geometry import Box, Size
from acinus.core.image import LabelMap
from acinus.core.scratch import scratch_array

__all__ = ["CHUNK_PX", "LABELS_NAME", "LabelChunks", "LabelPyramid", "open_labels"]

CHUNK_PX = 1024
"""Side of a chunk; one holds 4 MiB before compression."""

LABELS_NAME = "glands"
"""The label image inside the labels group."""

_COARSEST_PX = 512  # the last level's longer side is at most this
_CACHE_CHUNKS = 16  # 64 MiB
_ZSTD_LEVEL = 3
_DTYPE = np.uint32


@dataclass(eq=False)
class _Chunk:
    """A chunk in memory, which may differ from that on disk."""

    key: tuple[int, int]
    labels: NDArray[np.uint32]


class LabelChunks:
    """A label array on disk of which a few chunks are held in memory, changed ones until they make room.

    Parameters
    ----------
    array : zarr.Array
        uint32 of shape (H, W), in chunks of `CHUNK_PX`.
    """

    def __init__(self, array: Any) -> None:
        self._array = array
        self._chunks = LruCache[tuple[int, int], _Chunk](limit=_CACHE_CHUNKS, discard=self._store)
        self._changed: dict[tuple[int, int], _Chunk] = {}

    @property
    def size(self) -> Size:
        """The array's size in pixels."""
        height, width = self._array.shape
        return Size(width, height)

    def add(self, box: Box, labels: LabelMap) -> None:
        """Lay a crop's labels over what is there; its zeros change nothing.

        Parameters
        ----------
        box : Box
            On the working grid.
        labels : ndarray of shape (box.height, box.width), int32
        """
        for key, inside, part in _parts(box):
            crop = labels[part]
            painted = crop > 0
            if painted.any():
                chunk = self._chunk(key)
                chunk.labels[inside][painted] = crop[painted].astype(_DTYPE)
                self._changed[key] = chunk

    def read(self, box: Box) -> LabelMap:
        """Return the labels of a box of the working grid, int32 of shape (box.height, box.width).

        In a temporary file, where there are more than 100 Mpx.
        """
        labels: LabelMap = scratch_array((box.height, box.width), np.int32)
        for key, inside, part in _parts(box):
            labels[part] = self._chunk(key).labels[inside]
        return labels

    def boxes(self) -> Iterator[Box]:
        """Yield the box of each chunk, row by row; those at the sides are cut."""
        frame = Box(0, 0, self.size.width, self.size.height)
        for row, column in _keys(self.size):
            yield Box(column * CHUNK_PX, row * CHUNK_PX, CHUNK_PX, CHUNK_PX).intersection(frame)

    def flush(self) -> None:
        """Write every chunk that changed, so that others can read them."""
        for key in sorted(self._changed):
            self._store(self._changed[key])

    def let_go(self) -> None:
        """Hold no chunk in memory; changed ones are written."""
        self._chunks.clear()

    def _chunk(self, key: tuple[int, int]) -> _Chunk:
        """Return a chunk; the one used least lately makes room for it."""
        return self._chunks.get_or_make(
            key, lambda: _Chunk(key, np.array(self._array[_window(key)], dtype=_DTYPE))
        )

    def _store(self, chunk: _Chunk) -> None:
        """Write a chunk if it changed."""
        if self._changed.pop(chunk.key, None) is not None:
            self._array[_window(chunk.key)] = chunk.labels


class LabelPyramid:
    """A new ``labels.zarr``: lay crops into `base`, then `finish`.

    Parameters
    ----------
    folder : Path
        Must not exist.
    size : Size
        Of the working grid, in pixels.
    mpp : float
        µm per pixel of the working grid.
    native_mpp : float
        µm per pixel of the slide, whose first pixel has its centre at 0.
    origin_um : (float, float)
        x, y in µm of the point of the slide from which coordinates count.

    Attributes
    ----------
    folder : Path
    base : LabelChunks
        The finest level.
    """

    def __init__(
        self,
        folder: Path,
        *,
        size: Size,
        mpp: float,
        native_mpp: float,
        origin_um: tuple[float, float] = (0.0, 0.0),
    ) -> None:
        self.folder = folder
        self._levels = _level_sizes(size)
        root = zarr.open_group(folder, mode="w-", zarr_format=3)
        root.attrs["ome"] = {"version": "0.5", "labels": [LABELS_NAME]}
        self._group = root.create_group(LABELS_NAME)
        first_um = ((mpp - native_mpp) / 2.0 - origin_um[1], (mpp - native_mpp) / 2.0 - origin_um[0])
        self._group.attrs["ome"] = _metadata(len(self._levels), mpp=mpp, first_um=first_um)
        self._finest = self._create(0)
        self.base = LabelChunks(self._finest)

    def finish(self) -> None:
        """Write what is left of the base, of which nothing is then held, and the coarser levels."""
        self.base.let_go()
        finer = self._finest
        for level in range(1, len(self._levels)):
            coarser = self._create(level)
            for key in _keys(self._levels[level]):
                values = np.asarray(finer[_window(key, side_px=2 * CHUNK_PX)])[::2, ::2]
                if values.any():
                    coarser[_window(key)] = values
            finer = coarser

    def _create(self, level: int) -> Any:
        size = self._levels[level]
        return self._group.create_array(
            str(level),
            shape=(size.height, size.width),
            chunks=(CHUNK_PX, CHUNK_PX),
            dtype=_DTYPE,
            compressors=ZstdCodec(level=_ZSTD_LEVEL),
            fill_value=0,
            dimension_names=("y", "x"),
        )


def open_labels(folder: Path) -> LabelChunks:
    """Return the finest level of a ``labels.zarr``, for reading.

    Raises
    ------
    InputError
        When it is damaged, or not one that `LabelPyramid` wrote.
    """
    try:
        return LabelChunks(zarr.open_array(folder, path=f"{LABELS_NAME}/0", mode="r"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder} is damaged or no label map of a slide; segment it again") from error


def _metadata(levels: int, *, mpp: float, first_um: tuple[float, float]) -> dict[str, Any]:
    """Return the ``ome`` attributes of the label image; `first_um` is y, x of the first pixel's centre."""
    datasets = [
        {
            "path": str(level),
            "coordinateTransformations": [
                {"type": "scale", "scale": [mpp * 2**level] * 2},
                {"type": "translation", "translation": list(first_um)},  # all levels have the first pixel
            ],
        }
        for level in range(levels)
    ]
    axes = [{"name": name, "type": "space", "unit": "micrometer"} for name in ("y", "x")]
    multiscale = {"name": LABELS_NAME, "axes": axes, "datasets": datasets, "type": "nearest"}
    background = {"label-value": 0, "rgba": [0, 0, 0, 0]}
    return {"version": "0.5", "multiscales": [multiscale], "image-label": {"colors": [background]}}


def _level_sizes(size: Size) -> list[Size]:
    sizes = [size]
    while max(sizes[-1].width, sizes[-1].height) > _COARSEST_PX:
        sizes.append(Size(-(-sizes[-1].width // 2), -(-sizes[-1].height // 2)))
    return sizes


def _keys(size: Size) -> Iterator[tuple[int, int]]:
    for row in range(-(-size.height // CHUNK_PX)):
        for column in range(-(-size.width // CHUNK_PX)):
            yield row, column


def _window(key: tuple[int, int], side_px: int = CHUNK_PX) -> tuple[slice, slice]:
    """Return the rows and columns of a chunk, which an array cuts at its own sides."""
    rows, columns = (slice(place * side_px, (place + 1) * side_px) for place in key)
    return rows, columns


def _parts(box: Box) -> Iterator[tuple[tuple[int, int], tuple[slice, slice], tuple[slice, slice]]]:
    """Yield each chunk that a box meets: its key, the common part in the chunk, and in the box."""
    for row in range(box.y // CHUNK_PX, -(-box.bottom // CHUNK_PX)):
        for column in range(box.x // CHUNK_PX, -(-box.right // CHUNK_PX)):
            chunk = Box(column * CHUNK_PX, row * CHUNK_PX, CHUNK_PX, CHUNK_PX)
            common = box.intersection(chunk)
            yield (row, column), common.slices_in(chunk), common.slices_in(box)
