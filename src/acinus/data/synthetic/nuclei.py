"""Nuclei, goblet cells and red cells: uneven ellipses with chromatin and a membrane, painted in turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from acinus.data.synthetic.fields import TEXTURE_PX, Floats, Plane, grain

__all__ = ["Bodies", "join", "make_bodies", "stamp"]


@dataclass(frozen=True)
class Bodies:
    """N bodies as columns, each an array of shape (N,).

    Attributes
    ----------
    x_um, y_um : centre
    length_um, width_um : full axes of the ellipse
    angle_rad : direction of the long axis, from x towards y
    haematoxylin, eosin : amount of dye at the centre
    chromatin : relative contrast of the grains inside
    membrane : relative extra dye at the rim (negative: paler rim)
    nucleolus : relative extra dye in one dot inside
    texture : seed (0..2^20) of the grains, the outline and the place of the nucleolus
    """

    x_um: Floats
    y_um: Floats
    length_um: Floats
    width_um: Floats
    angle_rad: Floats
    haematoxylin: Floats
    eosin: Floats
    chromatin: Floats
    membrane: Floats
    nucleolus: Floats
    texture: NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of bodies."""
        return len(self.x_um)

    def take(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> Bodies:
        """Return the chosen bodies (mask or indices)."""
        return Bodies(**{column.name: getattr(self, column.name)[chosen] for column in fields(self)})


def make_bodies(
    rng: np.random.Generator,
    x_um: Floats,
    y_um: Floats,
    angle_rad: Floats,
    *,
    length_um: float,
    width_um: float,
    haematoxylin: float,
    eosin: float = 0.1,
    spread: float = 0.12,
    chromatin: float = 0.25,
    membrane: float = 0.2,
    nucleolus: float = 0.0,
) -> Bodies:
    """Put a body of one kind at every point, its size and dye varying by `spread` (relative).

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the variation.
    x_um, y_um, angle_rad : ndarray of shape (N,)
        Centres and directions.
    length_um, width_um : float
        Mean axes in µm.
    haematoxylin, eosin : float
        Mean amounts of dye.
    spread : float
        Standard deviation of the logarithm of every size and amount.
    chromatin, membrane, nucleolus : float
        As in `Bodies`.
    """
    count = len(x_um)

    def vary(mean: float, share: float = 1.0) -> Floats:
        return mean * np.exp(rng.normal(0, spread * share, count))

    return Bodies(
        x_um=np.asarray(x_um, dtype=np.float64),
        y_um=np.asarray(y_um, dtype=np.float64),
        length_um=vary(length_um),
        width_um=vary(width_um),
        angle_rad=np.asarray(angle_rad, dtype=np.float64),
        haematoxylin=vary(haematoxylin),
        eosin=vary(eosin),
        chromatin=vary(chromatin),
        membrane=np.full(count, membrane),
        nucleolus=vary(nucleolus, 3.0),
        texture=rng.integers(0, TEXTURE_PX * TEXTURE_PX, count),
    )


def join(groups: Sequence[Bodies]) -> Bodies:
    """Return all bodies of all groups, in order."""
    return Bodies(
        **{
            column.name: np.concatenate([getattr(g, column.name) for g in groups])
            for column in fields(Bodies)
        }
    )


def stamp(
    haematoxylin: Plane,
    eosin: Plane,
    bodies: Bodies,
    *,
    x_px: int,
    y_px: int,
    mpp: float,
    softness_um: float = 0.45,
) -> None:
    """Paint the bodies in order over the two planes of dye, in place.

    Parameters
    ----------
    haematoxylin, eosin : ndarray of shape (H, W), float32
        Amounts of dye.
    bodies : Bodies
        What to paint.
    x_px, y_px : int
        The world's pixel that is the first of the planes.
    mpp : float
        µm per pixel.
    softness_um : float
        Width of the blurred outline in µm.
    """
    half_px = np.ceil((0.62 * bodies.length_um + 1.0) / mpp).astype(np.int64)
    for half in np.unique(half_px):
        # Bodies of one patch size at once, small ones first: large pale nuclei lie over small dark ones.
        _stamp_one_size(
            haematoxylin, eosin, bodies.take(half_px == half), int(half), x_px, y_px, mpp, softness_um
        )


def _stamp_one_size(
    haematoxylin: Plane,
    eosin: Plane,
    b: Bodies,
    half: int,
    x_px: int,
    y_px: int,
    mpp: float,
    softness_um: float,
) -> None:
    column, row = np.floor(b.x_um / mpp).astype(np.int64), np.floor(b.y_um / mpp).astype(np.int64)
    cover, h, e = _patches(b, half, column, row, mpp, softness_um)
    height, width = haematoxylin.shape
    left, top = column - half - x_px, row - half - y_px
    side = 2 * half + 1
    inside = (left > -side) & (top > -side) & (left < width) & (top < height)
    for i in np.flatnonzero(inside):
        x0, y0 = int(left[i]), int(top[i])
        ys, xs = slice(max(y0, 0), min(y0 + side, height)), slice(max(x0, 0), min(x0 + side, width))
        part = (i, slice(ys.start - y0, ys.stop - y0), slice(xs.start - x0, xs.stop - x0))
        rest = 1 - cover[part]
        haematoxylin[ys, xs] = haematoxylin[ys, xs] * rest + h[part]
        eosin[ys, xs] = eosin[ys, xs] * rest + e[part]


def _patches(
    b: Bodies, half: int, column: NDArray[np.int64], row: NDArray[np.int64], mpp: float, softness_um: float
) -> tuple[Plane, Plane, Plane]:
    """Return cover (0..1) and the covered amounts of both dyes, each float32 of shape (N, side, side)."""

    def wide(values: Floats) -> Plane:
        column: Plane = values.astype(np.float32)[:, None, None]
        return column

    offset = (np.arange(-half, half + 1) + 0.5) * mpp
    dx = wide(column * mpp - b.x_um) + offset[None, None, :].astype(np.float32)
    dy = wide(row * mpp - b.y_um) + offset[None, :, None].astype(np.float32)
    cos, sin = wide(np.cos(b.angle_rad)), wide(np.sin(b.angle_rad))
    u = (dx * cos + dy * sin) / wide(b.length_um / 2)
    v = (dy * cos - dx * sin) / wide(b.width_um / 2)

    texture_x, texture_y = b.texture % TEXTURE_PX, b.texture // TEXTURE_PX
    rows = (texture_y[:, None] + np.arange(2 * half + 1)) % TEXTURE_PX
    columns = (texture_x[:, None] + np.arange(2 * half + 1)) % TEXTURE_PX
    index = (rows[:, :, None], columns[:, None, :])
    lump, fine = grain(1.8, mpp)[index], grain(0.55, mpp)[index]

    bend = wide((texture_x / TEXTURE_PX - 0.5) * 0.5)
    egg = wide(1 + 0 * b.x_um) + wide((texture_y / TEXTURE_PX - 0.5) * 0.5) * u
    radius = np.sqrt(u**2 + ((v + bend * (u**2 - 0.5)) / np.maximum(egg, 0.5)) ** 2) + 0.07 * lump
    slope = wide(b.width_um / 2) / np.float32(softness_um)
    cover = np.clip((1 - radius) * slope + 0.5, 0, 1)
    rim = np.exp(-(((radius - 0.86) / 0.16) ** 2))
    dot = np.exp(-((u - bend) ** 2 + (v + bend) ** 2) * wide((b.width_um / 1.5) ** 2 / 2.0))
    level = (
        1 + wide(b.chromatin) * (0.65 * fine + 0.5 * lump) + wide(b.membrane) * rim + wide(b.nucleolus) * dot
    )
    amount = cover * np.maximum(level, 0.15)
    return cover, amount * wide(b.haematoxylin), cover * wide(b.eosin)
