"""Whole slides of any size, and the truth of any part; neither depends on how the slide is cut into tiles."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from acinus.core.cache import LruCache
from acinus.core.errors import UsageError
from acinus.core.geometry import Box, Size
from acinus.core.image import RgbArray, RgbImage
from acinus.data.synthetic.fields import cell_rng
from acinus.data.synthetic.pyramid import write_pyramid
from acinus.data.synthetic.scanner import digitise, optics
from acinus.data.synthetic.settings import SyntheticSettings
from acinus.data.synthetic.tile import SyntheticTile, separate
from acinus.data.synthetic.tissue import PiecesOfTissue
from acinus.data.synthetic.world import World

__all__ = ["synthetic_region", "write_synthetic_slide"]

BLOCK_PX = 1024
BLOCKS_KEPT = 32
_EMPTY_KEPT = 4096  # blocks without tissue, which take no memory
_TISSUE = 51


@dataclass(frozen=True)
class _Plan:
    """All that a slide follows from."""

    seed: int
    width_px: int
    height_px: int
    settings: SyntheticSettings
    tissue_fraction: float
    pieces: int

    def __post_init__(self) -> None:
        """Refuse what no slide can be."""
        if self.width_px < 1 or self.height_px < 1:
            raise UsageError(f"a slide of {self.width_px}×{self.height_px} px; choose at least 1×1")
        if not 0.0 < self.tissue_fraction <= 0.7:
            raise UsageError(f"tissue_fraction is {self.tissue_fraction:g}; choose above 0 and up to 0.7")
        if self.pieces < 1:
            raise UsageError(f"{self.pieces} pieces of tissue; choose 1 or more")


class _Slide:
    """Draws any box of a slide out of blocks that always lie at the same places."""

    def __init__(self, plan: _Plan) -> None:
        self.plan, self.mpp = plan, plan.settings.mpp
        self.tissue = PiecesOfTissue.draw(
            cell_rng(plan.seed, _TISSUE),
            width_um=plan.width_px * self.mpp,
            height_um=plan.height_px * self.mpp,
            fraction=plan.tissue_fraction,
            pieces=plan.pieces,
        )
        self.world = World(seed=plan.seed, settings=plan.settings, tissue=self.tissue)
        white = np.rint(self.world.stains.white)
        self.blank = int(white[0]), int(white[1]), int(white[2])
        self._blocks = LruCache[tuple[int, int], RgbArray | None](
            limit=BLOCKS_KEPT, weigh=lambda block: BLOCKS_KEPT / _EMPTY_KEPT if block is None else 1.0
        )

    def rgb(self, box: Box) -> RgbArray | None:
        """Return the pixels of a box, None where there is only background."""
        picture: RgbArray | None = None
        for row in range(box.y // BLOCK_PX, (box.bottom - 1) // BLOCK_PX + 1):
            for column in range(box.x // BLOCK_PX, (box.right - 1) // BLOCK_PX + 1):
                block = self._blocks.get_or_make((row, column), partial(self._block, row, column))
                if block is None:
                    continue
                if picture is None:
                    picture = np.full((box.height, box.width, 3), self.blank, dtype=np.uint8)
                here = Box(column * BLOCK_PX, row * BLOCK_PX, BLOCK_PX, BLOCK_PX)
                part = box.intersection(here)
                picture[part.slices_in(box)] = block[part.slices_in(here)]
        return picture

    def _block(self, row: int, column: int) -> RgbArray | None:
        """Draw one block."""
        box = Box(column * BLOCK_PX, row * BLOCK_PX, BLOCK_PX, BLOCK_PX)
        return None if self._is_glass(box) else self._drawn(box)

    def _is_glass(self, box: Box) -> bool:
        mpp = self.mpp
        if not self.tissue.touches(box.x * mpp, box.y * mpp, box.width * mpp, box.height * mpp):
            return True
        margin = 8  # px, further than the optics blur
        x_um = (np.arange(box.x - margin, box.right + margin) + 0.5) * mpp
        y_um = (np.arange(box.y - margin, box.bottom + margin) + 0.5) * mpp
        return bool(self.tissue.depth_um(x_um, y_um).max() < -1.0)

    def _drawn(self, box: Box) -> RgbArray:
        settings = self.plan.settings
        scene = self.world.draw(box)
        inner = slice(scene.margin_px, -scene.margin_px)
        light = optics(scene.light, blur_um=settings.blur_um, mpp=self.mpp)[inner, inner]
        return digitise(
            light, white=self.world.stains.white, noise=settings.noise, x_px=box.x, y_px=box.y, mpp=self.mpp
        )


@lru_cache(maxsize=2)
def _slide(plan: _Plan) -> _Slide:
    return _Slide(plan)


def synthetic_region(
    seed: int,
    box: Box,
    *,
    width_px: int,
    height_px: int,
    settings: SyntheticSettings | None = None,
    tissue_fraction: float = 0.3,
    pieces: int = 1,
) -> SyntheticTile:
    """Return a part of a synthetic slide with its truth, before any JPEG.

    Parameters
    ----------
    seed : int
        Of the slide.
    box : Box
        Level-0 pixels of the slide.
    width_px, height_px, settings, tissue_fraction, pieces
        As given to `write_synthetic_slide`; the same values mean the same slide.

    Returns
    -------
    SyntheticTile
        Labels are 1..N within the box, in the order of the glands' places; the grade is that of most of
        their area.

    Examples
    --------
    >>> region = synthetic_region(3, Box(400, 400, 64, 48), width_px=900, height_px=900)
    >>> region.image.rgb.shape, region.labels.shape
    ((48, 64, 3), (48, 64))
    """
    slide = _slide(_Plan(seed, width_px, height_px, settings or SyntheticSettings(), tissue_fraction, pieces))
    rgb = slide.rgb(box)
    if rgb is None:
        rgb = np.full((box.height, box.width, 3), slide.blank, dtype=np.uint8)
    labels, malignant = slide.world.truth(box)
    return SyntheticTile(
        image=RgbImage(rgb, slide.mpp, f"synthetic_{seed}_{box.x}_{box.y}"),
        labels=separate(labels, mpp=slide.mpp),
        grade="malignant" if 2 * malignant.sum() > (labels > 0).sum() else "benign",
    )


def write_synthetic_slide(
    path: Path,
    *,
    seed: int,
    width_px: int,
    height_px: int,
    settings: SyntheticSettings | None = None,
    tissue_fraction: float = 0.3,
    pieces: int = 1,
    tile_px: int = 512,
    lossless: bool = False,
) -> Path:
    """Write a slide as a pyramidal tiled TIFF, never holding more than some blocks of it in memory.

    Time goes into the tissue alone, about two seconds per square of 1024 px; background is nearly free.

    Parameters
    ----------
    path : Path
        Ends in ``.tif`` or ``.tiff``.
    seed : int
        Of everything on the slide.
    width_px, height_px : int
        Size of level 0.
    settings : SyntheticSettings, optional
        Resolution, stains and what is varied; `edge_fraction` has no meaning here.
    tissue_fraction : float
        Share of the slide that tissue covers, above 0 and up to 0.7.
    pieces : int
        Number of pieces of tissue.
    tile_px : int
        Side of the file's tiles, a multiple of 32; the picture does not depend on it.
    lossless : bool
        Deflate instead of JPEG.

    Returns
    -------
    Path
        `path`.
    """
    if tile_px < 32 or tile_px % 32:
        raise UsageError(f"tile_px is {tile_px}; choose a multiple of 32")
    settings = settings or SyntheticSettings()
    slide = _Slide(_Plan(seed, width_px, height_px, settings, tissue_fraction, pieces))
    write_pyramid(
        path,
        slide.rgb,
        size=Size(width_px, height_px),
        tile_px=tile_px,
        mpp=settings.mpp,
        blank=slide.blank,
        jpeg_quality=None if lossless else settings.jpeg_quality,
        description=f"acinus synthetic H&E; seed = {seed}; mpp = {settings.mpp:g}",
    )
    return path
