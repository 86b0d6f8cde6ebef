"""A world of tissue without end: any box that is asked for follows from the seed and the place alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from acinus.core.cache import LruCache
from acinus.core.geometry import Box
from acinus.core.image import BoolMask, LabelMap
from acinus.data.synthetic.epithelium import GlandPicture, draw_gland
from acinus.data.synthetic.fields import Plane, SineField, cell_rng
from acinus.data.synthetic.glands import Gland, GlandGrid
from acinus.data.synthetic.lining import GlandStyle
from acinus.data.synthetic.nuclei import stamp
from acinus.data.synthetic.settings import SyntheticSettings
from acinus.data.synthetic.sheet import PAD_UM
from acinus.data.synthetic.stains import Stains, absorb, draw_stains
from acinus.data.synthetic.stroma import Stroma
from acinus.data.synthetic.tissue import Tissue

__all__ = ["Scene", "World"]

MARGIN_UM = 40.0
GLAND_MEMORY_BYTES = 96_000_000
_STYLE, _MALIGNANCY, _PRESENCE = 1, 2, 3

GlandKey = tuple[int, int, int]


@dataclass(frozen=True)
class Scene:
    """One box of the world before the scanner.

    Attributes
    ----------
    light : ndarray of shape (H, W, 3), float32
        Light that passes, 0..255, margin included.
    labels : ndarray of shape (H, W), int32
        0, or a number per gland, margin included.
    margin_px : int
        Width of the margin on each side.
    """

    light: Plane
    labels: LabelMap
    margin_px: int


class World:
    """Tissue of one patient on one scanner.

    Parameters
    ----------
    seed : int
    settings : SyntheticSettings
    tissue : Tissue
    malignancy : float or None
        1 makes every gland malignant, 0 none; None lets it change from place to place so that
        `settings.malignant_fraction` of the area is malignant.
    """

    def __init__(
        self, *, seed: int, settings: SyntheticSettings, tissue: Tissue, malignancy: float | None = None
    ) -> None:
        self.seed, self.settings, self.tissue = seed, settings, tissue
        rng = cell_rng(seed, _STYLE)
        self.stains: Stains = draw_stains(rng, spread=settings.stain_spread)
        self.style = GlandStyle(
            cytoplasm=(float(rng.uniform(0.06, 0.16)), float(rng.uniform(0.2, 0.38))),
            nucleus=float(rng.uniform(0.36, 0.54)),
            mucin=float(rng.uniform(0.02, 0.08)),
            goblets=float(rng.uniform(0.65, 1.0)),
            retraction_um=float(
                rng.choice([0.0, rng.uniform(1, 4), rng.uniform(4, 12)], p=(0.4, 0.35, 0.25))
            ),
            debris=float(rng.uniform(0, 1)),
        )
        self._malignancy = malignancy
        self._malignant = SineField.draw(cell_rng(seed, _MALIGNANCY), wavelength_um=2500.0)
        self._malignant_below = _normal_quantile(settings.malignant_fraction)
        self._stroma = Stroma(seed=seed, mpp=settings.mpp, inflammation=settings.inflammation)
        self._there = lru_cache(maxsize=1 << 16)(self._is_there)
        self._grids = (
            GlandGrid(seed=seed, grade="benign", pitch_um=float(rng.uniform(112, 140))),
            GlandGrid(seed=seed, grade="malignant", pitch_um=float(rng.uniform(150, 210))),
        )
        self._pictures = LruCache[GlandKey, GlandPicture | None](
            limit=GLAND_MEMORY_BYTES, weigh=lambda picture: 0 if picture is None else picture.nbytes
        )

    def draw(self, box: Box) -> Scene:
        """Draw a box of the world's pixels with a margin around it."""
        mpp = self.settings.mpp
        margin = int(np.ceil(MARGIN_UM / mpp))
        x, y = box.x - margin, box.y - margin
        width, height = box.width + 2 * margin, box.height + 2 * margin
        x_um, y_um = (x + np.arange(width) + 0.5) * mpp, (y + np.arange(height) + 0.5) * mpp
        glands = self._glands_in(Box(x, y, width, height))
        labels, outside_um, cover = _layout(glands, x, y, (height, width))

        stroma = self._stroma.draw(x, y, outside_um)
        haematoxylin, eosin = stroma.haematoxylin.copy(), stroma.eosin.copy()
        depth = self.tissue.depth_um(x_um, y_um)
        free = (cover < 0.3) & (outside_um > 2.5) & (depth > 3)
        for cells in self._stroma.cells(stroma, free, x, y):
            stamp(haematoxylin, eosin, cells, x_px=x, y_px=y, mpp=mpp)
        _lay_glands(haematoxylin, eosin, glands, labels, x, y)
        present = np.clip(depth / 1.5 + 0.5, 0, 1)
        light = absorb(haematoxylin * present, eosin * present, self.stains)
        return Scene(light, labels, margin)

    def truth(self, box: Box) -> tuple[LabelMap, BoolMask]:
        """Return the labels of a box (0, or a number per gland in the order of cells) and malignancy."""
        glands = self._glands_in(box)
        labels, _, _ = _layout(glands, box.x, box.y, (box.height, box.width))
        is_malignant = np.array([False, *(key[0] == 1 for key, _ in glands)])
        return labels, is_malignant[labels]

    def _is_there(self, gland: Gland) -> bool:
        """Whether the candidate is of the grade of its place, in tissue, out of muscle, and not left out."""
        x, y = np.array([gland.x_um]), np.array([gland.y_um])
        if self._malignancy is None:
            malignant = bool(self._malignant.at(x, y)[0] < self._malignant_below)
        else:
            malignant = self._malignancy >= 0.5
        if malignant != (gland.grade == "malignant"):
            return False
        if (
            self.tissue.depth_um(x, y)[0, 0] < gland.reach_um + 4
            or self._stroma.muscle_at(gland.x_um, gland.y_um) > 0.2
        ):
            return False
        rng = cell_rng(self.seed, _PRESENCE + gland.key[0], gland.key[2], gland.key[1])
        return bool(rng.random() < self.settings.gland_density)

    def _candidates(self, x_um: float, y_um: float, width_um: float, height_um: float) -> list[Gland]:
        found = [g for grid in self._grids for g in grid.near(x_um, y_um, width_um, height_um)]
        return [gland for gland in found if self._there(gland)]

    def _glands_in(self, box: Box) -> list[tuple[GlandKey, GlandPicture]]:
        mpp = self.settings.mpp
        pictures = []
        x_um, y_um, pad = box.x * mpp - PAD_UM, box.y * mpp - PAD_UM, 2 * PAD_UM
        for gland in self._candidates(x_um, y_um, box.width * mpp + pad, box.height * mpp + pad):
            picture = self._pictures.get_or_make(gland.key, partial(self._picture, gland))
            if picture is not None:
                pictures.append((gland.key, picture))
        return pictures

    def _picture(self, gland: Gland) -> GlandPicture | None:
        """Draw a gland."""
        reach = gland.reach_um
        around = self._candidates(gland.x_um - reach, gland.y_um - reach, 2 * reach, 2 * reach)
        neighbours = [other for other in around if other.key != gland.key and _may_meet(gland, other)]
        return draw_gland(gland, neighbours, self.style, seed=self.seed, mpp=self.settings.mpp)


def _normal_quantile(share: float) -> float:
    """The value that a standard normal field stays below on `share` of the area."""
    if share in (0.0, 1.0):
        return -np.inf if share == 0.0 else np.inf
    return NormalDist().inv_cdf(share)


def _may_meet(one: Gland, other: Gland) -> bool:
    """Whether two glands are near enough for their gap to matter."""
    apart = np.hypot(one.x_um - other.x_um, one.y_um - other.y_um)
    return bool(apart < one.reach_um + other.reach_um + 30)


def _overlap(
    picture: GlandPicture, x: int, y: int, shape: tuple[int, int]
) -> tuple[tuple[slice, slice], tuple[slice, slice]] | None:
    """Return where a gland's picture lies in a box, in the box's and in its own pixels."""
    height, width = picture.inside.shape
    left, top = max(picture.x_px, x), max(picture.y_px, y)
    right, bottom = min(picture.x_px + width, x + shape[1]), min(picture.y_px + height, y + shape[0])
    if left >= right or top >= bottom:
        return None
    there = slice(top - y, bottom - y), slice(left - x, right - x)
    here = (
        slice(top - picture.y_px, bottom - picture.y_px),
        slice(left - picture.x_px, right - picture.x_px),
    )
    return there, here


def _layout(
    glands: list[tuple[GlandKey, GlandPicture]], x: int, y: int, shape: tuple[int, int]
) -> tuple[LabelMap, Plane, Plane]:
    """Return labels, distance to the nearest gland in µm, and the cover of glands and clefts, of one box."""
    labels = np.zeros(shape, dtype=np.int32)
    outside_um = np.full(shape, 60.0, dtype=np.float32)
    cover = np.zeros(shape, dtype=np.float32)
    for index, (_, picture) in enumerate(glands, start=1):
        place = _overlap(picture, x, y, shape)
        if place is None:
            continue
        there, here = place
        labels[there][picture.inside[here] & (labels[there] == 0)] = index
        np.minimum(outside_um[there], picture.outside_um[here], out=outside_um[there])
        np.maximum(cover[there], picture.cover[here], out=cover[there])
    return labels, outside_um, cover


def _lay_glands(
    haematoxylin: Plane,
    eosin: Plane,
    glands: list[tuple[GlandKey, GlandPicture]],
    labels: LabelMap,
    x: int,
    y: int,
) -> None:
    """Lay the glands over the stroma, clefts first so that none hides another gland."""
    for clefts in (True, False):
        for index, (_, picture) in enumerate(glands, start=1):
            place = _overlap(picture, x, y, labels.shape)
            if place is None:
                continue
            there, here = place
            own: NDArray[np.bool_] = labels[there] == index
            weight = picture.cover[here] * (labels[there] == 0 if clefts else own)
            haematoxylin[there] += weight * (picture.haematoxylin[here] - haematoxylin[there])
            eosin[there] += weight * (picture.eosin[here] - eosin[there])
