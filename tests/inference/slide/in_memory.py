"""What several tests of slides share: slides and maps in memory, a network that looks a little around."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from acinus.core.geometry import Box, Size
from acinus.core.image import RgbArray, RgbImage
from acinus.core.segmenter import GlandMaps, ProbabilityMap
from acinus.inference.refinement import RefinementSettings
from acinus.inference.slide.compute import left_to_do
from acinus.inference.slide.grid import WorkingGrid
from acinus.inference.slide.job import WindowJob
from acinus.inference.slide.one_process import OpenJob, compute_in_turn
from acinus.inference.slide.plan import WindowPlan
from acinus.inference.slide.store import WindowStore
from acinus.inference.slide.tissue import SlideTissue

MPP = 2.5
_NETWORK_ALONE = RefinementSettings(colour_weight=0.0, continued_um=0.0)


@dataclass
class ArraySlide:
    """As much of a `SlideReader` as is used: level 0 is an array at `mpp`, read at that resolution."""

    rgb: RgbArray
    mpp: float = MPP
    bounds: Any = None
    path: Path = Path("drawn.tif")
    mpp_doubt: str | None = None
    reads: list[tuple[Box, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.size = Size(self.rgb.shape[1], self.rgb.shape[0])
        self.bounds = self.bounds or Box(0, 0, self.size.width, self.size.height)

    def read_working(self, tile: Box, *, mpp: float) -> RgbArray:
        """Return every k-th pixel of the array."""
        self.reads.append((tile, mpp))
        step = mpp / self.mpp
        rows, columns = (
            np.minimum((np.arange(start, end) + 0.5) * step, length - 1).astype(int)
            for start, end, length in (
                (tile.y, tile.bottom, self.size.height),
                (tile.x, tile.right, self.size.width),
            )
        )
        return self.rgb[np.ix_(rows, columns)]


@dataclass
class Brightest:
    """Says the largest red value within `reach_px` of a pixel, and remembers the sizes it was asked about."""

    reach_px: int
    mpp: float = MPP
    asked: list[tuple[int, int]] = field(default_factory=list)

    def probability(self, image: RgbImage) -> ProbabilityMap:
        """Return the largest red value around each pixel, exactly a multiple of 1/255."""
        self.asked.append(image.shape)
        side = 2 * self.reach_px + 1
        return ndimage.maximum_filter(image.rgb[..., 0], side, mode="constant").astype(np.float32) / 255


@dataclass
class BrightestWithDepth(Brightest):
    """Says as well, as a depth, the largest green value within `reach_px`."""

    def gland_maps(self, image: RgbImage) -> GlandMaps:
        """Return both."""
        green = RgbImage(np.ascontiguousarray(image.rgb[..., 1:2].repeat(3, axis=2)), mpp=image.mpp)
        return GlandMaps(self.probability(image), super().probability(green))


def noise(height: int, width: int, *, seed: int = 0) -> RgbArray:
    """Return an image of which a hundredth is bright: what is brightest around differs by place."""
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 256, (height, width, 3)) * (rng.random((height, width, 1)) < 0.01)
    return values.astype(np.uint8)


def grid_of(height: int, width: int) -> WorkingGrid:
    """Return a grid of so many pixels whose level 0 has the working resolution."""
    return WorkingGrid(MPP, MPP, Size(width, height))


def all_tissue(grid: WorkingGrid) -> SlideTissue:
    """Return tissue everywhere."""
    return SlideTissue(np.ones((1, 1), bool), 1e9, grid, grid.box)


def tissue_in(box: Box, grid: WorkingGrid) -> SlideTissue:
    """Return tissue in a box of working pixels, and 24 µm around it."""
    mask = np.zeros((grid.size.height, grid.size.width), bool)
    mask[box.y : box.bottom, box.x : box.right] = True
    return SlideTissue(mask, grid.mpp, grid, grid.box)


def computed(
    folder: Path,
    slide: ArraySlide,
    segmenter: Any,
    plan: WindowPlan,
    tissue: SlideTissue,
    *,
    tells_depth: bool = False,
    refinement: RefinementSettings = _NETWORK_ALONE,
) -> WindowStore:
    """Return the store of all windows of a slide in memory, computed as those of a file are; no colours."""
    job = WindowJob(
        slide=slide.path,
        mpp=None,
        load=lambda: segmenter,
        plan=plan,
        refinement=refinement,
        folder=folder,
        scratch=folder,
        state="",
        tells_depth=tells_depth,
    )
    store = job.store()
    windows, _ = left_to_do(plan, tissue, store)
    compute_in_turn(OpenJob(job, slide, segmenter, tissue, store), windows, lambda: None)
    return store


@dataclass(frozen=True)
class ArraySource:
    """A probability map in memory, uint8 of (H, W), and perhaps a depth."""

    probability: NDArray[np.uint8]
    depth: NDArray[np.uint8] | None = None

    @property
    def size(self) -> Size:
        """The array's size in pixels."""
        height, width = self.probability.shape
        return Size(width, height)

    def read(self, box: Box) -> NDArray[np.uint8]:
        """Return a view of the box."""
        return self.probability[box.y : box.bottom, box.x : box.right]

    def read_depth(self, box: Box) -> NDArray[np.uint8] | None:
        """Return a view of the box, None without a depth."""
        return None if self.depth is None else self.depth[box.y : box.bottom, box.x : box.right]
