"""The windows of one slide on disk, and the blended probability of any box of it.

Each window is a file that appears whole or not at all. Whoever computes one writes it, be it this process or
one on another machine that sees the same folder; who reads finds what is there. No index has to be kept.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from acinus.core.errors import OutputError
from acinus.core.files import atomic_path, make_folder
from acinus.core.geometry import Box, Size
from acinus.inference.slide.grid import Window, WindowPlan
from acinus.inference.slide.packing import is_whole, pack, unpack

__all__ = ["WindowStore"]

_CACHE_BYTES = 256_000_000
_NOTHING = np.zeros((0, 0), np.uint8)  # stands for a window that is 0 everywhere


class WindowStore:
    """A `ProbabilitySource` over a folder of windows.

    Parameters
    ----------
    folder : Path
        Made when it does not exist.
    plan : WindowPlan
        Windows of another plan in the folder count as absent.
    cache_bytes : int
        Most memory that decoded windows take.
    """

    def __init__(self, folder: Path, plan: WindowPlan, *, cache_bytes: int = _CACHE_BYTES) -> None:
        self.folder = make_folder(folder)
        self.plan = plan
        self._cache_bytes = cache_bytes
        self._cache: OrderedDict[Path, NDArray[np.uint8]] = OrderedDict()
        self._held_bytes = 0
        self._lock = threading.Lock()

    @property
    def size(self) -> Size:
        """The working grid's size in pixels."""
        return self.plan.grid.size

    def has(self, window: Window) -> bool:
        """Say whether a window was written whole."""
        packed = self._bytes_of(window)
        return packed is not None and is_whole(packed, window.kept)

    def write(self, window: Window, probability: NDArray[np.uint8]) -> None:
        """Store the kept part of a window, probability × 255; one that is 0 everywhere takes next to nothing.

        Raises
        ------
        OutputError
            When the disk is full or the folder cannot be written to.
        """
        if probability.shape != (window.kept.height, window.kept.width):
            raise ValueError(f"a window keeps {window.kept}, got an array of {probability.shape}")
        self._write(window, probability if probability.any() else _NOTHING)

    def write_empty(self, window: Window) -> None:
        """Store that a window is 0 everywhere, as those without tissue are.

        Raises
        ------
        OutputError
            When the disk is full or the folder cannot be written to.
        """
        self._write(window, _NOTHING)

    def _write(self, window: Window, values: NDArray[np.uint8]) -> None:
        path = self._path(window)
        with atomic_path(path) as temporary:
            temporary.write_bytes(pack(values, window.kept))
        with self._lock:
            self._forget(path)

    def read(self, box: Box) -> NDArray[np.uint8]:
        """Return probability × 255, rounded, of a box inside the grid: uint8 of (box.height, box.width).

        Raises
        ------
        OutputError
            When a window that is needed is missing or damaged.
        """
        total = np.zeros((box.height, box.width), np.float32)
        for window in self.plan.windows_keeping(box):
            values = self._values(window)
            if not values.size:
                continue
            part, kept = box.intersection(window.kept), window.kept
            x, y = part.x - kept.x, part.y - kept.y
            weight_x, weight_y = self.plan.weights(window)
            weighted = values[y : y + part.height, x : x + part.width] * weight_x[x : x + part.width]
            weighted *= weight_y[y : y + part.height, None]
            y, x = part.y - box.y, part.x - box.x
            total[y : y + part.height, x : x + part.width] += weighted
        result: NDArray[np.uint8] = np.rint(total, out=total).astype(np.uint8)
        return result

    def _values(self, window: Window) -> NDArray[np.uint8]:
        """Return a window's kept part, or an empty array when it is 0 everywhere."""
        path = self._path(window)
        with self._lock:
            if path in self._cache:
                self._cache.move_to_end(path)
                return self._cache[path]
        packed = self._bytes_of(window)
        values = None if packed is None else unpack(packed, window.kept)
        if values is None:
            raise OutputError(f"{path} is missing or damaged; run the same command again")
        with self._lock:
            self._forget(path)
            self._cache[path] = values
            self._held_bytes += values.nbytes
            while self._held_bytes > self._cache_bytes:
                self._forget(next(iter(self._cache)))
        return values

    def _forget(self, path: Path) -> None:
        values = self._cache.pop(path, None)
        self._held_bytes -= 0 if values is None else values.nbytes

    def _bytes_of(self, window: Window) -> bytes | None:
        try:
            return self._path(window).read_bytes()
        except FileNotFoundError:
            return None

    def _path(self, window: Window) -> Path:
        return self.folder / f"y{window.index_y:05d}_x{window.index_x:05d}.window"
