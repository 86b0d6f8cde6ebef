"""Outlines of a slide's glands on disk: memory holds where each lies, in the file and on the slide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import shapely
from numpy.typing import NDArray

from acinus.glands.polygons import Outline

__all__ = ["OutlineSpool"]

_READ = 1000  # outlines in memory while all are gone through


class OutlineSpool:
    """A scratch file of outlines (WKB, one after the other) that is an `OutlineSource`; use it in ``with``.

    Parameters
    ----------
    path : Path
        Written anew; it is not removed.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("w+b")
        self._ends: list[NDArray[np.int64]] = [np.zeros(1, dtype=np.int64)]
        self._bounds: list[NDArray[np.float64]] = [np.empty((0, 4))]

    def extend(self, outlines: Sequence[Outline]) -> None:
        """Add outlines behind those that are there."""
        if not outlines:
            return
        packed = [shapely.to_wkb(outline) for outline in outlines]
        self._file.seek(0, 2)
        self._file.write(b"".join(packed))
        lengths = np.array([len(outline) for outline in packed], dtype=np.int64)
        self._ends.append(self._ends[-1][-1] + np.cumsum(lengths))
        self._bounds.append(np.array([outline.bounds for outline in outlines], dtype=np.float64))

    @property
    def bounds(self) -> NDArray[np.float64]:
        """Left, top, right and bottom of each outline, shape (N, 4)."""
        self._bounds = [np.concatenate(self._bounds)]
        return self._bounds[0]

    def read(self, numbers: NDArray[np.int64]) -> NDArray[Any]:
        """Return the outlines of these numbers, counted from 0, as an object array."""
        self._ends = [np.concatenate(self._ends)]
        ends = self._ends[0]
        packed = np.empty(len(numbers), dtype=object)
        for place, number in enumerate(numbers.tolist()):
            self._file.seek(ends[number])
            packed[place] = self._file.read(ends[number + 1] - ends[number])
        outlines: NDArray[Any] = np.asarray(shapely.from_wkb(packed), dtype=object)
        return outlines

    def __len__(self) -> int:
        """Return the number of outlines."""
        return sum(len(bounds) for bounds in self._bounds)

    def __iter__(self) -> Iterator[Outline]:
        """Yield all outlines in order, some of them in memory at a time."""
        for start in range(0, len(self), _READ):
            yield from self.read(np.arange(start, min(start + _READ, len(self))))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        """Return the spool itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self.close()
