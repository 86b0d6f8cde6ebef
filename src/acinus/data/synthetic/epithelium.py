"""The inside of a gland: a palisade of nuclei, cytoplasm, goblet cells, brush border, lumen and what lies in it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from acinus.core.image import BoolMask
from acinus.data.synthetic.fields import Plane, SineField, grain, lay_texture
from acinus.data.synthetic.glands import Gland, gap_um
from acinus.data.synthetic.nuclei import Bodies, join, make_bodies, stamp

__all__ = ["GlandPicture", "GlandStyle", "draw_gland"]

PAD_UM = 34.0
COARSE_PX = 4


@dataclass(frozen=True)
class GlandStyle:
    """What the glands of one image have in common.

    Attributes
    ----------
    cytoplasm : (haematoxylin, eosin) amounts
    nucleus : haematoxylin amount of epithelial nuclei
    mucin : haematoxylin amount of goblet cells
    goblets : share of the places for a goblet cell that hold one
    retraction_um : mean width of the white cleft that shrinkage leaves around glands
    debris : 0..1, how full of debris malignant lumina are
    """

    cytoplasm: tuple[float, float]
    nucleus: float
    mucin: float
    goblets: float
    retraction_um: float
    debris: float


@dataclass(frozen=True)
class GlandPicture:
    """One gland drawn on its own piece of the world.

    Attributes
    ----------
    x_px, y_px : first pixel in the world
    haematoxylin, eosin : ndarray of shape (H, W), float32
        Amounts of dye, meaningful where `cover` is above 0.
    cover : ndarray of shape (H, W), float32
        0 where the stroma shows, 1 on the gland and in the cleft around it.
    inside : ndarray of shape (H, W), bool
        The gland as a pathologist outlines it, lumen included.
    outside_um : ndarray of shape (H, W), float32
        Distance to the gland, 0 inside.
    """

    x_px: int
    y_px: int
    haematoxylin: Plane
    eosin: Plane
    cover: Plane
    inside: BoolMask
    outside_um: Plane

    @property
    def nbytes(self) -> int:
        """Memory held."""
        planes = (self.haematoxylin, self.eosin, self.cover, self.inside, self.outside_um)
        return sum(plane.nbytes for plane in planes)


@dataclass(frozen=True)
class _Sheet:
    """The piece of the world a gland is drawn on, and what is known at each of its pixels."""

    x_px: int
    y_px: int
    mpp: float
    inside: BoolMask
    depth_um: Plane  # distance to the outline, 0 outside
    lumen: BoolMask
    lumen_um: Plane  # distance to the lumen, 0 in it
    normal: Plane  # radians, direction from the outline to the lumen

    @property
    def shape(self) -> tuple[int, int]:
        return self.inside.shape[0], self.inside.shape[1]

    def texture(self, blur_um: float) -> Plane:
        height, width = self.shape
        return lay_texture(grain(blur_um, self.mpp), self.x_px, self.y_px, width, height)

    def pixels_of(
        self, x_um: NDArray[np.float64], y_um: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return (rows, columns) of points, clipped to the sheet."""
        rows = np.floor(y_um / self.mpp).astype(np.int64) - self.y_px
        columns = np.floor(x_um / self.mpp).astype(np.int64) - self.x_px
        return rows.clip(0, self.shape[0] - 1), columns.clip(0, self.shape[1] - 1)


def draw_gland(
    gland: Gland, neighbours: list[Gland], style: GlandStyle, *, seed: int, mpp: float
) -> GlandPicture | None:
    """Draw one gland whole.

    Parameters
    ----------
    gland : Gland
    neighbours : list of Gland
        Every other gland that may reach for the same place.
    style : GlandStyle
    seed : int
        The world's.
    mpp : float

    Returns
    -------
    GlandPicture or None
        None when its neighbours leave less of it than 900 µm².
    """
    placed = _outline(gland, neighbours, seed=seed, mpp=mpp)
    if placed is None:
        return None
    x_px, y_px, inside = placed
    rng = np.random.default_rng(gland.seed)
    sheet = _sheet(gland, x_px, y_px, inside, mpp, rng)
    haematoxylin, eosin = _cytoplasm(sheet, style, gland)
    if gland.grade == "benign":
        goblets = _goblets(sheet, style, rng)
        stamp(haematoxylin, eosin, goblets, x_px=x_px, y_px=y_px, mpp=mpp, softness_um=1.0)
        nuclei = _palisade(sheet, style, rng)
    else:
        nuclei = _crowd(sheet, style, rng)
    stamp(haematoxylin, eosin, nuclei, x_px=x_px, y_px=y_px, mpp=mpp)
    _open_lumen(haematoxylin, eosin, sheet, style, gland, rng)
    outside_um = _distance(~inside, mpp)
    cover = _cleft(haematoxylin, eosin, sheet, outside_um, style, rng)
    return GlandPicture(x_px, y_px, haematoxylin, eosin, cover, inside, outside_um)


def _distance(mask: BoolMask, mpp: float) -> Plane:
    """Distance in µm of every true pixel to the nearest false one."""
    distance: Plane = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5) * np.float32(mpp)
    return distance


def _outline(
    gland: Gland, neighbours: list[Gland], *, seed: int, mpp: float
) -> tuple[int, int, BoolMask] | None:
    """Return the first pixel of the sheet and the gland's own mask on it."""
    reach_px = (gland.reach_um + PAD_UM) / mpp
    step = COARSE_PX
    x0, y0 = (int(np.floor((c / mpp - reach_px) / step)) * step for c in (gland.x_um, gland.y_um))
    count = int(np.ceil(2 * reach_px / step)) + 2
    # Coarse points lie at the same places of the world for every gland, so that two neighbours see the same border.
    x_um = (x0 + np.arange(count) * step + step / 2) * mpp
    y_um = (y0 + np.arange(count) * step + step / 2) * mpp
    own = gland.inner_distance_um(x_um, y_um)
    free = own.copy()
    for other in neighbours:
        free = np.minimum(
            free, (own - other.inner_distance_um(x_um, y_um) - gap_um(gland, other, seed)) / 1.5
        )
    fine = cv2.resize(free.astype(np.float32), None, fx=step, fy=step, interpolation=cv2.INTER_LINEAR)
    mask = (fine > 0.0).astype(np.uint8)
    total, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    if total < 2:
        return None
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    if stats[largest, cv2.CC_STAT_AREA] * mpp**2 < 900.0:
        return None
    left, top, width, height = (int(stats[largest, k]) for k in range(4))
    pad = int(np.ceil(PAD_UM / mpp))
    l2, t2 = max(0, left - pad), max(0, top - pad)
    cut = labels[t2 : top + height + pad, l2 : left + width + pad] == largest
    return x0 + l2, y0 + t2, cut


def _sheet(
    gland: Gland, x_px: int, y_px: int, inside: BoolMask, mpp: float, rng: np.random.Generator
) -> _Sheet:
    depth = _distance(inside, mpp)
    height, width = inside.shape
    x_um, y_um = (x_px + np.arange(width) + 0.5) * mpp, (y_px + np.arange(height) + 0.5) * mpp
    deepest = float(depth.max())
    rough = 1.6 * lay_texture(grain(4.0, mpp), x_px, y_px, width, height)
    if gland.grade == "benign":
        opening = rng.uniform(0.05, 0.3) * deepest
        lumen = depth + rough > deepest - opening
    else:
        thick = min(rng.uniform(20, 42), 0.72 * deepest)
        folds = SineField.draw(rng, wavelength_um=55.0).on_grid(x_um, y_um) * rng.uniform(3, 9)
        lumen = depth + rough + folds > thick
        if rng.random() < 0.35 and deepest > 40:
            lumen = _cribriform(depth, x_um, y_um, rng) + 0.6 * rough > 0
    lumen &= depth > 9.0
    lumen_um = _distance(~lumen, mpp)
    slope = cv2.GaussianBlur(np.minimum(depth, 60) - 0.5 * np.minimum(lumen_um, 60), (0, 0), 4.0 / mpp)
    normal = np.arctan2(cv2.Sobel(slope, cv2.CV_32F, 0, 1), cv2.Sobel(slope, cv2.CV_32F, 1, 0))
    return _Sheet(x_px, y_px, mpp, inside, depth, lumen, lumen_um, normal)


def _cribriform(
    depth: Plane, x_um: NDArray[np.float64], y_um: NDArray[np.float64], rng: np.random.Generator
) -> Plane:
    """Several round lumina in a solid mass: positive inside any of them."""
    rows, columns = np.nonzero(depth > 22)
    best = np.full(depth.shape, -100, dtype=np.float32)
    for pick in rng.integers(0, max(len(rows), 1), int(rng.integers(4, 11))):
        radius = rng.uniform(6, 20)
        stretch, angle = rng.uniform(0.6, 1.0), rng.uniform(0, np.pi)
        dx, dy = x_um[None, :] - x_um[columns[pick]], y_um[:, None] - y_um[rows[pick]]
        u, v = dx * np.cos(angle) + dy * np.sin(angle), dy * np.cos(angle) - dx * np.sin(angle)
        best = np.maximum(best, (radius - np.hypot(u * stretch, v / stretch)).astype(np.float32))
    return best


def _cytoplasm(sheet: _Sheet, style: GlandStyle, gland: Gland) -> tuple[Plane, Plane]:
    """Granular, darker at the base; a thin basement membrane around it."""
    fine, coarse = sheet.texture(0.7), sheet.texture(3.0)
    basal = np.exp(-sheet.depth_um / 12.0)
    level = 1 + 0.10 * fine + 0.13 * coarse
    haematoxylin = style.cytoplasm[0] * level * (0.75 + 0.7 * basal)
    eosin = style.cytoplasm[1] * level * (0.9 + 0.2 * basal)
    membrane = np.exp(-(((sheet.depth_um - 0.8) / 0.8) ** 2))
    return (haematoxylin + 0.05 * membrane).astype(np.float32), (eosin + 0.2 * membrane).astype(np.float32)


def _along_contour(
    sheet: _Sheet, depth_um: float, spacing_um: float, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return points (x, y in µm) about every `spacing_um` along the line at one depth."""
    found, _ = cv2.findContours(
        (sheet.depth_um > depth_um).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    xs: list[NDArray[np.float64]] = []
    ys: list[NDArray[np.float64]] = []
    for contour in found:
        line = contour[:, 0, :].astype(np.float64)  # (n, 2) x, y
        closed = np.vstack([line, line[:1]])
        arc = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))]) * sheet.mpp
        if arc[-1] < 3 * spacing_um:
            continue
        count = int(arc[-1] / spacing_um)
        stops = (np.arange(count) + rng.uniform(-0.25, 0.25, count)) * (arc[-1] / count)
        xs.append(np.interp(stops, arc, closed[:, 0], period=arc[-1]))
        ys.append(np.interp(stops, arc, closed[:, 1], period=arc[-1]))
    if not xs:
        return np.empty(0), np.empty(0)
    return (
        (np.concatenate(xs) + sheet.x_px + 0.5) * sheet.mpp,
        (np.concatenate(ys) + sheet.y_px + 0.5) * sheet.mpp,
    )


def _nudge(
    sheet: _Sheet, x_um: NDArray[np.float64], y_um: NDArray[np.float64], along_um: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Move points along the normal; return them with the normal's direction."""
    angle = sheet.normal[sheet.pixels_of(x_um, y_um)].astype(np.float64)
    return x_um + along_um * np.cos(angle), y_um + along_um * np.sin(angle), angle


def _goblets(sheet: _Sheet, style: GlandStyle, rng: np.random.Generator) -> Bodies:
    """Rows of pale flasks of mucin, long axis towards the lumen, the outermost row just above the nuclei."""
    rows = []
    for row, depth in enumerate(np.arange(19.0, float(sheet.depth_um.max()), 15.0)):
        x, y = _along_contour(sheet, depth, 9.5, rng)
        keep = rng.random(len(x)) < style.goblets
        x, y, angle = _nudge(sheet, x[keep], y[keep], rng.normal(0, 2.0, int(keep.sum())))
        rows.append(
            make_bodies(
                rng,
                x,
                y,
                angle + rng.normal(0, 0.12, len(x)),
                length_um=17.0 if row else 15.0,
                width_um=9.0,
                haematoxylin=style.mucin,
                eosin=0.03,
                spread=0.16,
                chromatin=0.35,
                membrane=0.5,
            )
        )
    return (
        join(rows) if rows else make_bodies(rng, *(np.empty(0),) * 3, length_um=1, width_um=1, haematoxylin=0)
    )


def _palisade(sheet: _Sheet, style: GlandStyle, rng: np.random.Generator) -> Bodies:
    """One row of upright nuclei at the base, a second one here and there."""
    rows = []
    for depth, spacing, share in ((10.5, 5.0, 0.25), (5.8, 4.3, 0.97)):
        x, y = _along_contour(sheet, depth, spacing, rng)
        keep = rng.random(len(x)) < share
        x, y, angle = _nudge(sheet, x[keep], y[keep], rng.normal(0, 1.1, int(keep.sum())))
        rows.append(
            make_bodies(
                rng,
                x,
                y,
                angle + rng.normal(0, 0.22, len(x)),
                length_um=8.2,
                width_um=5.0,
                haematoxylin=style.nucleus,
                eosin=0.18,
                chromatin=0.22,
                membrane=0.15,
                nucleolus=0.1,
            )
        )
    return join(rows)


def _crowd(sheet: _Sheet, style: GlandStyle, rng: np.random.Generator) -> Bodies:
    """Large crowded nuclei in several storeys, pale inside with a nucleolus, kept off the lumen by cytoplasm."""
    height, width = sheet.shape
    pitch = 6.4
    across = np.arange(0, width * sheet.mpp, pitch)
    down = np.arange(0, height * sheet.mpp, pitch * 0.87)
    grid_y, grid_x = np.meshgrid(down, across, indexing="ij")
    grid_x = grid_x + 0.5 * pitch * (np.arange(len(down)) % 2)[:, None]
    x = sheet.x_px * sheet.mpp + grid_x.ravel() + rng.normal(0, 1.3, grid_x.size)
    y = sheet.y_px * sheet.mpp + grid_y.ravel() + rng.normal(0, 1.3, grid_x.size)
    at = sheet.pixels_of(x, y)
    apical = rng.uniform(5, 11)
    room = (sheet.depth_um[at] > 4.0) & (sheet.lumen_um[at] > apical + rng.normal(0, 1.5, len(x)))
    room &= rng.random(len(x)) < 0.93
    x, y = x[room], y[room]
    angle = sheet.normal[at][room].astype(np.float64) + rng.normal(0, 0.3, len(x))
    return make_bodies(
        rng,
        x,
        y,
        angle,
        length_um=float(rng.uniform(9.0, 11.5)),
        width_um=float(rng.uniform(5.2, 6.6)),
        haematoxylin=style.nucleus * 0.85,
        eosin=0.2,
        spread=0.17,
        chromatin=0.3,
        membrane=0.4,
        nucleolus=0.35,
    )


def _open_lumen(
    haematoxylin: Plane,
    eosin: Plane,
    sheet: _Sheet,
    style: GlandStyle,
    gland: Gland,
    rng: np.random.Generator,
) -> None:
    """Empty the lumen, draw the brush border and fill in mucin (benign) or debris (malignant)."""
    border = np.exp(-(((np.minimum(sheet.lumen_um, 50) - 0.9) / 0.9) ** 2)) * (sheet.inside & ~sheet.lumen)
    eosin += (0.14 * border).astype(np.float32)
    if not sheet.lumen.any():
        return
    soft = cv2.GaussianBlur(sheet.lumen.astype(np.float32), (0, 0), 0.5 / sheet.mpp)
    flocks, fine = sheet.texture(5.0), sheet.texture(0.8)
    if gland.grade == "benign":
        content = np.clip(0.4 * flocks + 0.3 * fine, 0, 1.5)
        fill_h, fill_e = 0.05 * content + 0.01, 0.04 * content
    else:
        amount = style.debris * rng.uniform(0.3, 1.2)
        content = np.clip(flocks + 0.45 * fine + 1.4 * amount - 0.9, 0, 1.6)
        fill_h, fill_e = 0.05 * content, 0.24 * content
    haematoxylin *= 1 - soft
    eosin *= 1 - soft
    haematoxylin += (soft * fill_h).astype(np.float32)
    eosin += (soft * fill_e).astype(np.float32)
    if gland.grade == "malignant":
        _debris(haematoxylin, eosin, sheet, style.debris, rng)


def _debris(
    haematoxylin: Plane, eosin: Plane, sheet: _Sheet, amount: float, rng: np.random.Generator
) -> None:
    """Dark fragments of dead nuclei strewn over the lumen."""
    rows, columns = np.nonzero(sheet.lumen & (sheet.lumen_um == 0))
    expected = amount * len(rows) * sheet.mpp**2 / 160.0
    pick = rng.integers(0, len(rows), rng.poisson(expected))
    x, y = (columns[pick] + sheet.x_px + 0.5) * sheet.mpp, (rows[pick] + sheet.y_px + 0.5) * sheet.mpp
    dots = make_bodies(
        rng,
        x,
        y,
        rng.uniform(0, np.pi, len(x)),
        length_um=4.2,
        width_um=3.4,
        haematoxylin=0.8,
        eosin=0.3,
        spread=0.4,
    )
    stamp(haematoxylin, eosin, dots, x_px=sheet.x_px, y_px=sheet.y_px, mpp=sheet.mpp)


def _cleft(
    haematoxylin: Plane,
    eosin: Plane,
    sheet: _Sheet,
    outside_um: Plane,
    style: GlandStyle,
    rng: np.random.Generator,
) -> Plane:
    """Let the stroma shrink away from parts of the outline, and return how far the picture covers it."""
    height, width = sheet.shape
    x_um = (sheet.x_px + np.arange(width) + 0.5) * sheet.mpp
    y_um = (sheet.y_px + np.arange(height) + 0.5) * sheet.mpp
    place = SineField.draw(rng, wavelength_um=110.0).on_grid(x_um, y_um)
    wide = style.retraction_um * rng.uniform(0.2, 1.5) * np.clip(0.7 + 0.9 * place, 0, 2.2)
    wide = np.minimum(wide + 0.8 * sheet.texture(2.0) - 1.0, PAD_UM - 8)
    cleft = np.clip((wide - outside_um) / 1.2 + 0.5, 0, 1) * (~sheet.inside)
    wisps = np.clip(sheet.texture(1.2) - 1.1, 0, 1) * 0.12
    outer = ~sheet.inside
    haematoxylin[outer], eosin[outer] = 0.02, (0.02 + wisps)[outer]
    solid = cv2.GaussianBlur(sheet.inside.astype(np.float32), (0, 0), 0.4 / sheet.mpp)
    cover: Plane = np.maximum(np.where(sheet.inside, 1.0, np.minimum(solid, 0.6)), cleft).astype(np.float32)
    return cover
