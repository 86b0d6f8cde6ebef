"""Where a slide has tissue: only there it is computed, and only there glands are believed."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from acinus.core.errors import InputError
from acinus.core.files import atomic_path, make_folder
from acinus.core.geometry import Box, Size
from acinus.core.image import BoolMask
from acinus.core.morphology import disc
from acinus.core.units import um_to_px
from acinus.data.stain_kind import stain_kind
from acinus.glands.roi import RegionOfInterest
from acinus.inference.slide.grid import WorkingGrid
from acinus.inference.slide.packing import pack, unpack
from acinus.slides.artefacts import Artefacts, find_artefacts
from acinus.slides.blur import find_blur
from acinus.slides.coarse import CoarseView
from acinus.slides.reader import SlideReader
from acinus.slides.tissue import find_tissue

__all__ = ["SlideTissue", "overview_of"]

T = TypeVar("T", bound=np.generic)

_LARGEST_OVERVIEW_PX = 10_000_000  # 32 × 20 mm at 8 µm/px; what is larger is looked at more coarsely
_MOST_PX_FOR_ARTEFACTS = 4_000_000  # more of them would take half a GB
_RIM_UM = 24.0  # a gland at the tissue's border is seen whole, though the mask cuts it (ours)
_TISSUE, _WIDE_GAP = 1, 2  # in the file
_NOT_LOOKED_FOR = 255  # in the file, everywhere, in place of artefacts


def overview_of(reader: SlideReader) -> CoarseView:
    """Return a whole slide at 8 µm per pixel, more coarsely if it is larger than 32 × 20 mm.

    Raises
    ------
    InputError
        When the slide cannot be read.
    """
    try:
        return CoarseView.of(reader, most_px=_LARGEST_OVERVIEW_PX)
    except OSError as error:
        raise InputError(f"{reader.path.name} cannot be read ({error}); copy it again") from error


@dataclass(frozen=True)
class SlideTissue:
    """The tissue of a slide.

    Attributes
    ----------
    mask : (H, W) bool
        Where tissue of interest lies, seen on an overview whose pixel (0, 0) starts at the slide's origin.
    mpp : float
        µm per pixel of `mask`.
    grid : WorkingGrid
        On which boxes are asked about.
    bounds : Box
        The scanned part in working pixels; what lies outside is no tissue.
    roi : RegionOfInterest
        What lies outside counts as no tissue.
    wide_gaps : (H, W) bool, optional
        What the tissue encloses and `mask` leaves out, of interest or not: see `acinus.slides.tissue.Tissue`.
    artefacts : Artefacts or None
        On the pixels of `mask`, which are no tissue; None where they were not looked for.
    """

    mask: BoolMask
    mpp: float
    grid: WorkingGrid
    bounds: Box
    roi: RegionOfInterest = field(default_factory=RegionOfInterest)
    wide_gaps: BoolMask | None = None
    artefacts: Artefacts | None = None

    @classmethod
    def of(
        cls,
        reader: SlideReader,
        grid: WorkingGrid,
        roi: RegionOfInterest | None = None,
        *,
        artefacts: bool = True,
        view: CoarseView | None = None,
    ) -> SlideTissue:
        """Find the tissue of a slide, in memory that does not grow with it.

        Parameters
        ----------
        artefacts : bool
            Whether artefacts are looked for, and are no tissue.
        view : CoarseView, optional
            Of `overview_of`, where it has been read already.

        Raises
        ------
        InputError
            When the slide cannot be read.
        """
        view = overview_of(reader) if view is None else view
        mask, gaps = find_tissue(view.rgb, mpp=view.mpp)
        found = cls(mask, view.mpp, grid, _scanned(reader, grid), roi or RegionOfInterest(), wide_gaps=gaps)
        found = replace(found, mask=mask & found.of_interest)
        return found._without_artefacts(reader, view) if artefacts else found

    def _without_artefacts(self, reader: SlideReader, view: CoarseView) -> SlideTissue:
        small = view.reduced(most_px=_MOST_PX_FOR_ARTEFACTS)
        brown = stain_kind(small.rgb, mpp=small.mpp) == "brown"
        found = find_artefacts(small.rgb, mpp=small.mpp, brown_is_foreign=not brown)
        found = found.resized(view.size, mpp=view.mpp).within(self.of_interest)
        blur = find_blur(reader, self.mask & ~found.mask, mpp=view.mpp)
        found = found.with_blur(blur)
        gaps = None if self.wide_gaps is None else self.wide_gaps & ~found.mask
        return replace(self, mask=self.mask & ~found.mask, wide_gaps=gaps, artefacts=found)

    @classmethod
    def kept(
        cls,
        path: Path,
        reader: SlideReader,
        grid: WorkingGrid,
        roi: RegionOfInterest | None = None,
        *,
        artefacts: bool = True,
        view: CoarseView | None = None,
    ) -> SlideTissue:
        """Return the tissue kept in a file; where there is none, or a damaged one, find it and keep it there.

        Raises
        ------
        InputError
            When it is to be found and the slide cannot be read.
        OutputError
            When the file cannot be written.
        """
        scanned = _scanned(reader, grid)
        kept = unpack(path.read_bytes(), scanned, count=2) if path.is_file() else None
        if kept is not None:
            mpp = CoarseView.mpp_of(reader, most_px=_LARGEST_OVERVIEW_PX)
            mask, gaps = (kept[0] == kind for kind in (_TISSUE, _WIDE_GAP))
            looked_for = not (kept[1] == _NOT_LOOKED_FOR).any()
            known = Artefacts(kept[1].copy(), mpp) if looked_for else None  # lets go of what was read
            return cls(mask, mpp, grid, scanned, roi or RegionOfInterest(), wide_gaps=gaps, artefacts=known)
        return cls.of(reader, grid, roi, artefacts=artefacts, view=view)._keep(path)

    @classmethod
    def left_out(cls, path: Path, reader: SlideReader, grid: WorkingGrid, view: CoarseView) -> SlideTissue:
        """Keep in a file that nothing of a slide is to be segmented, as if it had no tissue.

        Raises
        ------
        OutputError
            When the file cannot be written.
        """
        nothing = np.zeros((view.size.height, view.size.width), dtype=bool)
        return cls(nothing, view.mpp, grid, _scanned(reader, grid))._keep(path)

    def _keep(self, path: Path) -> SlideTissue:
        kinds = np.where(self.mask, np.uint8(_TISSUE), np.uint8(0))
        if self.wide_gaps is not None:
            kinds[self.wide_gaps] = _WIDE_GAP
        found = self.artefacts
        left_out = np.full_like(kinds, _NOT_LOOKED_FOR) if found is None else found.kinds
        make_folder(path.parent)
        with atomic_path(path) as temporary:
            temporary.write_bytes(pack(np.stack([kinds, left_out]), self.bounds))
        return self

    @cached_property
    def near(self) -> BoolMask:
        """The tissue and what lies within 24 µm of it, of interest and no artefact, (H, W) bool as `mask`."""
        grown = cv2.dilate(self.mask.astype(np.uint8), disc(um_to_px(_RIM_UM, mpp=self.mpp)))
        near = np.asarray(grown, dtype=bool) & self.of_interest
        return near if self.artefacts is None else near & ~self.artefacts.mask

    @cached_property
    def of_interest(self) -> BoolMask:
        """What somebody wants to be looked at, (H, W) bool as `mask`."""
        height, width = self.mask.shape
        return self.roi.mask(Size(width, height), scale=self.mpp / self.grid.native_mpp)

    @property
    def area_um2(self) -> float:
        """Area of the tissue itself, without the rim."""
        return float(self.mask.sum()) * self.mpp**2

    def share_of(self, box: Box) -> float:
        """Return which share of a box of the working grid is tissue, counted in pixels of the overview."""
        part = self.mask[self.part_under(box)]
        return float(part.mean()) if part.size else 0.0

    def covers(self, box: Box) -> bool:
        """Say whether any pixel of a box of the working grid is tissue or within 24 µm of it."""
        return bool(self.near[self.part_under(box)].any())

    def mask_of(self, box: Box, *, rim: bool = True) -> BoolMask:
        """Return which pixels of a box of the working grid are tissue or within 24 µm of it, (H, W) bool.

        What is said of a pixel does not depend on the box in which it is asked about. Without the rim, only
        the tissue itself counts.
        """
        return self.seen_in(box, self.near if rim else self.mask)

    def seen_in(self, box: Box, overview: NDArray[T]) -> NDArray[T]:
        """Return the values of a map of the overview in a box of the working grid, 0 outside of the bounds.

        Parameters
        ----------
        box : Box
        overview : (H, W)
            As `mask`.

        Returns
        -------
        (box.height, box.width)
        """
        result = np.zeros((box.height, box.width), dtype=overview.dtype)
        inside = box.intersection(self.bounds)
        if inside.width <= 0 or inside.height <= 0:
            return result
        rows = self._under(np.arange(inside.y, inside.bottom), self.mask.shape[0])
        columns = self._under(np.arange(inside.x, inside.right), self.mask.shape[1])
        # Columns first, while there are few rows: then whole rows are copied.
        wide = overview[rows[0] : rows[-1] + 1][:, columns]
        result[inside.slices_in(box)] = wide[rows - rows[0]]
        return result

    def part_under(self, box: Box) -> tuple[slice, slice]:
        """Return the rows and columns of the overview that lie under a box of the working grid."""
        inside = box.intersection(self.bounds)
        if inside.width <= 0 or inside.height <= 0:
            return slice(0, 0), slice(0, 0)
        top, bottom = self._under(np.array([inside.y, inside.bottom - 1]), self.mask.shape[0])
        left, right = self._under(np.array([inside.x, inside.right - 1]), self.mask.shape[1])
        return slice(top, bottom + 1), slice(left, right + 1)

    def _under(self, working: NDArray[np.int64], count: int) -> NDArray[np.int64]:
        """Return the overview's pixels under the centres of working pixels, along one axis."""
        below = np.floor((working + 0.5) * (self.grid.mpp / self.mpp))
        return np.asarray(np.minimum(below, count - 1), dtype=np.int64)


def _scanned(reader: SlideReader, grid: WorkingGrid) -> Box:
    """Return the reader's bounds in working pixels, those cut by their border included."""
    bounds = reader.bounds
    left, top = math.floor(bounds.x / grid.scale), math.floor(bounds.y / grid.scale)
    right = math.ceil(bounds.right / grid.scale - 1e-6)
    bottom = math.ceil(bounds.bottom / grid.scale - 1e-6)
    return Box(left, top, right - left, bottom - top).intersection(grid.box)
