"""The windows of one slide on disk: blended probability and depth of any box of it, and its colours.

Each window is a file, its colours another one; each appears whole or not at all. Whoever computes one writes
it, be it this process or one on another machine that sees the same folder; who reads finds what is there. No
index has to be kept.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from acinus.core.cache import LruCache
from acinus.core.errors import OutputError
from acinus.core.files import atomic_path, make_folder
from acinus.core.geometry import Box, Size
from acinus.inference.slide.packing import is_whole, pack, unpack
from acinus.inference.slide.plan import Window, WindowPlan

__all__ = ["WindowStore"]

_CACHE_BYTES = 64_000_000  # 11 windows of 1024 px with their colours: what meets a block of that side


class WindowStore:
    """A `ProbabilitySource` over a folder of windows.

    Parameters
    ----------
    folder : Path
        Takes probability and depth; made when it does not exist.
    plan : WindowPlan
        Windows of another plan in the folder count as absent.
    depth : bool
        Whether windows have a depth beside the probability; those of the other kind count as absent.
    colours : Path, optional
        A folder for the colours beside the probability; by default there are none. They take many times as
        much of the disk and are soon read again, so they need not be kept as long.
    cache_bytes : int
        Most memory that decoded windows take.
    """

    def __init__(
        self,
        folder: Path,
        plan: WindowPlan,
        *,
        depth: bool = False,
        colours: Path | None = None,
        cache_bytes: int = _CACHE_BYTES,
    ) -> None:
        self.folder = make_folder(folder)
        self.plan = plan
        self.depth = depth
        self._count = 2 if depth else 1  # maps of the network in a window
        self.colours = None if colours is None else make_folder(colours)
        self._cache = LruCache[Path, NDArray[np.uint8]](limit=cache_bytes, weigh=lambda planes: planes.nbytes)

    @property
    def size(self) -> Size:
        """The working grid's size in pixels."""
        return self.plan.grid.size

    def has(self, window: Window) -> bool:
        """Say whether all of a window was written whole: its colours, too, where the store holds them."""
        colours = self.colours is None or _is_whole(_file(self.colours, window), window, count=3)
        return colours and self.has_probability(window)

    def has_probability(self, window: Window) -> bool:
        """Say whether what the network says of a window was written whole."""
        return _is_whole(_file(self.folder, window), window, count=self._count)

    def write(
        self, window: Window, probability: NDArray[np.uint8], depth: NDArray[np.uint8] | None = None
    ) -> None:
        """Store what the network says of the kept part of a window; 0 everywhere takes next to nothing.

        Parameters
        ----------
        probability : (kept.height, kept.width) uint8
            × 255.
        depth : (kept.height, kept.width) uint8, optional
            × 255; needed where the store holds it, and only there.

        Raises
        ------
        OutputError
            When the disk is full or the folder cannot be written to.
        """
        if (depth is not None) != self.depth:
            raise ValueError("a depth belongs into a store that holds it, and only there")
        planes = probability[None] if depth is None else np.stack([probability, depth])
        self._write(_file(self.folder, window), planes, window, count=self._count)

    def write_colours(self, window: Window, colours: NDArray[np.uint8]) -> None:
        """Store the colours of the kept part of a window, (3, kept.height, kept.width) uint8.

        Raises
        ------
        OutputError
            When the disk is full or the folder cannot be written to.
        """
        assert self.colours is not None, "the store holds no colours"
        self._write(_file(self.colours, window), colours, window, count=3)

    def write_empty(self, window: Window) -> None:
        """Store that a window is 0 everywhere, as those without tissue are.

        Raises
        ------
        OutputError
            When the disk is full or the folder cannot be written to.
        """
        shape = (window.kept.height, window.kept.width)
        nothing = np.zeros((self._count, *shape), np.uint8)
        self._write(_file(self.folder, window), nothing, window, count=self._count)
        if self.colours is not None:
            self.write_colours(window, np.zeros((3, *shape), np.uint8))

    def _write(self, path: Path, planes: NDArray[np.uint8], window: Window, *, count: int) -> None:
        if planes.shape != (count, window.kept.height, window.kept.width):
            raise ValueError(f"a window keeps {window.kept}, got an array of {planes.shape}")
        if not planes.any():
            planes = np.zeros((count, 0, 0), np.uint8)
        with atomic_path(path) as temporary:
            temporary.write_bytes(pack(planes, window.kept))
        self._cache.forget(path)

    def read(self, box: Box) -> NDArray[np.uint8]:
        """Return probability × 255, rounded, of a box inside the grid: uint8 of (box.height, box.width).

        Raises
        ------
        OutputError
            When a window that is needed is missing or damaged.
        """
        return self._blended(box, plane=0)

    def let_go(self) -> None:
        """Give back the memory of decoded windows; a later read decodes them again."""
        self._cache.clear()

    def read_depth(self, box: Box) -> NDArray[np.uint8] | None:
        """Return depth × 255, rounded, of a box, as `read`; None where the store holds none."""
        return self._blended(box, plane=1) if self.depth else None

    def _blended(self, box: Box, *, plane: int) -> NDArray[np.uint8]:
        """Return one map of the network, where windows overlap each by its weight."""
        total = np.zeros((box.height, box.width), np.float32)
        for window in self.plan.windows_keeping(box):
            planes = self._planes(_file(self.folder, window), window, count=self._count)
            if not planes.size:
                continue
            part = box.intersection(window.kept)
            rows, columns = part.slices_in(window.kept)
            weight_x, weight_y = self.plan.weights(window)
            weighted = planes[plane, rows, columns] * weight_x[columns]
            weighted *= weight_y[rows, None]
            total[part.slices_in(box)] += weighted
        result: NDArray[np.uint8] = np.rint(total, out=total).astype(np.uint8)
        return result

    def read_colours(self, box: Box) -> NDArray[np.uint8]:
        """Return the colours of a box inside the grid, each from the window whose core it lies in.

        Returns
        -------
        (3, box.height, box.width) uint8
            As they were written: 0 away from tissue.

        Raises
        ------
        OutputError
            When a window that is needed is missing or damaged.
        """
        assert self.colours is not None, "the store holds no colours"
        result = np.zeros((3, box.height, box.width), np.uint8)
        for window in self.plan.windows_keeping(box):
            part = box.intersection(window.core)
            if part.width <= 0 or part.height <= 0:
                continue
            planes = self._planes(_file(self.colours, window), window, count=3)
            if planes.size:
                result[:, *part.slices_in(box)] = planes[:, *part.slices_in(window.kept)]
        return result

    def _planes(self, path: Path, window: Window, *, count: int) -> NDArray[np.uint8]:
        """Return a window's maps in a file, or an empty array when they are 0 everywhere."""
        return self._cache.get_or_make(path, lambda: _unpacked(path, window, count=count))


def _file(folder: Path, window: Window) -> Path:
    return folder / f"y{window.index_y:05d}_x{window.index_x:05d}.window"


def _bytes_of(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _is_whole(path: Path, window: Window, *, count: int) -> bool:
    packed = _bytes_of(path)
    return packed is not None and is_whole(packed, window.kept, count=count)


def _unpacked(path: Path, window: Window, *, count: int) -> NDArray[np.uint8]:
    packed = _bytes_of(path)
    planes = None if packed is None else unpack(packed, window.kept, count=count)
    if planes is None:
        raise OutputError(f"{path} is missing or damaged; run the same command again")
    return planes
