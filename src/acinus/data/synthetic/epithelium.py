"""One gland drawn whole: cytoplasm, basement membrane, cells, brush border, lumen and the cleft around it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from acinus.core.image import BoolMask
from acinus.data.synthetic.fields import Plane, SineField
from acinus.data.synthetic.glands import Gland
from acinus.data.synthetic.lining import GlandStyle, crowd, goblets, palisade
from acinus.data.synthetic.nuclei import make_bodies, stamp
from acinus.data.synthetic.sheet import PAD_UM, Sheet, distance_um, lay_out

__all__ = ["GlandPicture", "draw_gland"]


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


def draw_gland(
    gland: Gland, neighbours: list[Gland], style: GlandStyle, *, seed: int, mpp: float
) -> GlandPicture | None:
    """Draw one gland whole.

    Parameters
    ----------
    gland : Gland
        Its outline and its own seed.
    neighbours : list of Gland
        Every other gland that may reach for the same place.
    style : GlandStyle
        What it shares with all glands of the image.
    seed : int
        The world's.
    mpp : float
        µm per pixel.

    Returns
    -------
    GlandPicture or None
        None when its neighbours leave less of it than 900 µm².
    """
    rng = np.random.default_rng(gland.seed)
    sheet = lay_out(gland, neighbours, seed=seed, mpp=mpp, rng=rng)
    if sheet is None:
        return None
    x_px, y_px = sheet.x_px, sheet.y_px
    haematoxylin, eosin = _cytoplasm(sheet, style)
    if gland.grade == "benign":
        mucin = goblets(sheet, style, rng)
        stamp(haematoxylin, eosin, mucin, x_px=x_px, y_px=y_px, mpp=mpp, softness_um=0.9)
        nuclei = palisade(sheet, style, rng)
    else:
        nuclei = crowd(sheet, style, rng)
    stamp(haematoxylin, eosin, nuclei, x_px=x_px, y_px=y_px, mpp=mpp, softness_um=0.6)
    _open_lumen(haematoxylin, eosin, sheet, style, gland, rng)
    outside_um = distance_um(~sheet.inside, mpp)
    cover = _cleft(haematoxylin, eosin, sheet, outside_um, style, rng)
    return GlandPicture(x_px, y_px, haematoxylin, eosin, cover, sheet.inside, outside_um)


def _cytoplasm(sheet: Sheet, style: GlandStyle) -> tuple[Plane, Plane]:
    """Granular, bluer at the base, with a thin basement membrane around it."""
    fine, coarse = sheet.texture(0.7), sheet.texture(3.0)
    basal = np.exp(-sheet.depth_um / 9.0)
    level = 1 + 0.10 * fine + 0.16 * coarse
    haematoxylin = style.cytoplasm[0] * level * (0.7 + 1.1 * basal)
    eosin = style.cytoplasm[1] * level * (0.95 + 0.1 * basal)
    membrane = np.exp(-(((sheet.depth_um - 0.8) / 0.9) ** 2)) * np.clip(0.6 + 0.4 * coarse, 0, 1)
    eosin += 0.1 * membrane
    return haematoxylin, eosin


def _open_lumen(
    haematoxylin: Plane,
    eosin: Plane,
    sheet: Sheet,
    style: GlandStyle,
    gland: Gland,
    rng: np.random.Generator,
) -> None:
    """Empty the lumen, draw the brush border and fill in mucin (benign) or debris (malignant)."""
    if not sheet.lumen.any():
        return
    border = np.exp(-(((sheet.lumen_um - 0.9) / 0.9) ** 2)) * (sheet.inside & ~sheet.lumen)
    eosin += 0.10 * border
    soft = cv2.GaussianBlur(sheet.lumen.astype(np.float32), (0, 0), 0.5 / sheet.mpp)
    flocks, fine = sheet.texture(5.0), sheet.texture(0.8)
    if gland.grade == "benign":
        content = np.clip(0.4 * flocks + 0.3 * fine, 0, 1.5)
        fill_h, fill_e = 0.04 * content + 0.01, 0.06 * content
    else:
        amount = style.debris * rng.uniform(0.3, 1.2)
        content = np.clip(flocks + 0.5 * fine + 1.6 * amount - 0.9, 0, 1.6)
        # Debris lies off the wall.
        content *= np.clip((distance_um(sheet.lumen, sheet.mpp) - 3) / 5 + 0.25 * flocks, 0, 1)
        fill_h, fill_e = 0.05 * content, 0.24 * content
    haematoxylin += soft * (fill_h - haematoxylin)
    eosin += soft * (fill_e - eosin)
    if gland.grade == "malignant":
        _fragments(haematoxylin, eosin, sheet, style.debris, rng)


def _fragments(
    haematoxylin: Plane, eosin: Plane, sheet: Sheet, amount: float, rng: np.random.Generator
) -> None:
    """Strew dark fragments of dead nuclei over the lumen."""
    rows, columns = np.nonzero(sheet.lumen)
    expected = amount * len(rows) * sheet.mpp**2 / 130.0
    pick = rng.integers(0, len(rows), rng.poisson(expected))
    x, y = (columns[pick] + sheet.x_px + 0.5) * sheet.mpp, (rows[pick] + sheet.y_px + 0.5) * sheet.mpp
    dots = make_bodies(
        rng,
        x,
        y,
        rng.uniform(0, np.pi, len(x)),
        length_um=4.0,
        width_um=3.3,
        haematoxylin=0.5,
        eosin=0.35,
        spread=0.4,
    )
    stamp(haematoxylin, eosin, dots, x_px=sheet.x_px, y_px=sheet.y_px, mpp=sheet.mpp)


def _cleft(
    haematoxylin: Plane,
    eosin: Plane,
    sheet: Sheet,
    outside_um: Plane,
    style: GlandStyle,
    rng: np.random.Generator,
) -> Plane:
    """Let the stroma shrink away from parts of the outline, and return how far the picture covers it."""
    place = SineField.draw(rng, wavelength_um=110.0).on_grid(*sheet.axes_um())
    ragged = sheet.texture(2.0)
    wide = style.retraction_um * rng.uniform(0.2, 1.5) * np.clip(0.7 + 0.9 * place, 0, 2.2)
    wide = np.minimum(wide * (1 + 0.25 * ragged) + 0.7 * ragged - 1.5, PAD_UM - 8)
    outer = ~sheet.inside
    cleft = np.clip((wide - outside_um) / 1.2 + 0.5, 0, 1) * outer
    # Feet of torn cells reach from the gland into the cleft, thin threads cross it.
    feet = np.clip(0.5 * sheet.texture(1.2) + 0.9 - outside_um / 2.2, 0, 1)
    threads = np.clip(1 - 4 * np.abs(sheet.texture(3.0)), 0, 1) * 0.1
    haematoxylin[outer] = (0.01 + 0.12 * feet)[outer]
    eosin[outer] = (0.01 + 0.16 * feet + threads)[outer]
    cover: Plane = np.maximum(sheet.inside.astype(np.float32), cleft)
    return cover
