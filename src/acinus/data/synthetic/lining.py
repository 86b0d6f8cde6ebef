"""What lines a gland: goblet cells over one row of nuclei (benign), or many storeys of nuclei (malignant)."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from acinus.data.synthetic.fields import Floats
from acinus.data.synthetic.nuclei import Bodies, join, make_bodies
from acinus.data.synthetic.sheet import Sheet

__all__ = ["GlandStyle", "crowd", "goblets", "palisade"]


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


def goblets(sheet: Sheet, style: GlandStyle, rng: np.random.Generator) -> Bodies:
    """Rows of pale flasks of mucin pointing to the lumen, the first row just above the nuclei."""
    rows = []
    for row, depth in enumerate(np.arange(18.5, float(sheet.depth_um.max()) + 4, 13.0)):
        x, y = _along_contour(sheet, float(depth), 8.6, rng)
        keep = rng.random(len(x)) < style.goblets
        x, y, angle = _nudge(sheet, x[keep], y[keep], rng.normal(0, 1.6, int(keep.sum())))
        rows.append(
            make_bodies(
                rng,
                x,
                y,
                angle + rng.normal(0, 0.12, len(x)),
                length_um=15.5 if row else 13.5,
                width_um=8.2,
                haematoxylin=style.mucin,
                eosin=0.035,
                spread=0.14,
                chromatin=0.3,
                membrane=1.4,
            )
        )
    return join(rows) if rows else _nobody(rng)


def _nobody(rng: np.random.Generator) -> Bodies:
    nowhere = np.empty(0)
    return make_bodies(rng, nowhere, nowhere, nowhere, length_um=1.0, width_um=1.0, haematoxylin=0.0)


def palisade(sheet: Sheet, style: GlandStyle, rng: np.random.Generator) -> Bodies:
    """One crowded row of upright nuclei at the base, a second one here and there."""
    rows = []
    for depth, spacing, share in ((10.0, 4.6, 0.45), (6.0, 4.1, 0.98)):
        x, y = _along_contour(sheet, depth, spacing, rng)
        keep = rng.random(len(x)) < share
        x, y, angle = _nudge(sheet, x[keep], y[keep], rng.normal(0, 1.3, int(keep.sum())))
        rows.append(
            make_bodies(
                rng,
                x,
                y,
                angle + rng.normal(0, 0.25, len(x)),
                length_um=8.4,
                width_um=5.0,
                haematoxylin=style.nucleus,
                eosin=0.3,
                spread=0.13,
                chromatin=0.3,
                membrane=0.3,
                nucleolus=0.1,
            )
        )
    return join(rows)


def crowd(sheet: Sheet, style: GlandStyle, rng: np.random.Generator) -> Bodies:
    """Large crowded nuclei, pale with a dark membrane and a nucleolus, kept off the lumen by cytoplasm."""
    height, width = sheet.shape
    pitch = rng.uniform(6.2, 7.6)
    across = np.arange(0, width * sheet.mpp, pitch)
    down = np.arange(0, height * sheet.mpp, pitch * 0.87)
    grid_y, grid_x = np.meshgrid(down, across, indexing="ij")
    grid_x = grid_x + 0.5 * pitch * (np.arange(len(down)) % 2)[:, None]
    x = sheet.x_px * sheet.mpp + grid_x.ravel() + rng.normal(0, 1.2, grid_x.size)
    y = sheet.y_px * sheet.mpp + grid_y.ravel() + rng.normal(0, 1.2, grid_x.size)
    at = sheet.pixels_of(x, y)
    # Between lumina that lie deep inside there is less free cytoplasm than towards the outline.
    apical = rng.uniform(5, 13) * np.clip(1.4 - sheet.depth_um[at] / 40.0, 0.35, 1.0)
    room = (sheet.depth_um[at] > 3.5) & (sheet.lumen_um[at] > apical + rng.normal(0, 1.5, len(x)))
    room &= rng.random(len(x)) < 0.93
    x, y = x[room], y[room]
    angle = sheet.normal[at][room].astype(np.float64) + rng.normal(0, 0.3, len(x))
    nuclei = make_bodies(
        rng,
        x,
        y,
        angle,
        length_um=float(rng.uniform(1.4, 1.6)) * pitch,
        width_um=0.86 * pitch,
        haematoxylin=style.nucleus * 0.78,
        eosin=0.3,
        spread=0.16,
        chromatin=0.42,
        membrane=0.75,
        nucleolus=0.5,
    )
    dark = rng.random(len(x)) < 0.06  # dying or dividing
    nuclei.haematoxylin[dark] *= 1.5
    return nuclei


def _along_contour(
    sheet: Sheet, depth_um: float, spacing_um: float, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Return points (x, y in µm) about every `spacing_um` along the line at one depth."""
    found, _ = cv2.findContours(
        (sheet.depth_um > depth_um).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    xs: list[Floats] = [np.empty(0)]
    ys: list[Floats] = [np.empty(0)]
    for contour in found:
        line = contour[:, 0, :].astype(np.float64)  # (n, 2) x, y
        closed = np.vstack([line, line[:1]])
        arc = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))]) * sheet.mpp
        # A pixel contour is longer than the curve it follows.
        count = int(0.94 * arc[-1] / spacing_um)
        if count < 3:
            continue
        stops = (np.arange(count) + rng.uniform(-0.25, 0.25, count)) * (arc[-1] / count)
        xs.append(np.interp(stops, arc, closed[:, 0], period=arc[-1]))
        ys.append(np.interp(stops, arc, closed[:, 1], period=arc[-1]))
    x, y = np.concatenate(xs), np.concatenate(ys)
    return (x + sheet.x_px + 0.5) * sheet.mpp, (y + sheet.y_px + 0.5) * sheet.mpp


def _nudge(sheet: Sheet, x_um: Floats, y_um: Floats, along_um: Floats) -> tuple[Floats, Floats, Floats]:
    """Move points along the normal; return them with the normal's direction."""
    angle = sheet.normal[sheet.pixels_of(x_um, y_um)].astype(np.float64)
    return x_um + along_um * np.cos(angle), y_um + along_um * np.sin(angle), angle
