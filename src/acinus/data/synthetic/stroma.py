"""What lies between glands: wavy fibres, muscle, loose and torn places, spindle cells, lymphocytes, blood."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from acinus.data.synthetic.fields import (
    TEXTURE_PX,
    Floats,
    Plane,
    SineField,
    cell_rng,
    grain,
    lay_texture,
    strands,
)
from acinus.data.synthetic.nuclei import Bodies, join, make_bodies
from acinus.data.synthetic.sheet import PAD_UM

__all__ = ["Stroma", "StromaPicture"]

CELL_UM = 60.0
_PURPOSE = 31


@dataclass(frozen=True)
class StromaPicture:
    """The fibres of one box, each plane float32 of shape (H, W).

    Attributes
    ----------
    haematoxylin, eosin : amounts of dye
    direction : radians along the fibres
    inflamed : 0..1
    muscle : 0..1
    """

    haematoxylin: Plane
    eosin: Plane
    direction: Plane
    inflamed: Plane
    muscle: Plane


class Stroma:
    """The stroma of one world, in any box.

    Parameters
    ----------
    seed : int
    mpp : float
    inflammation : float
        Share of the area crowded with lymphocytes, 0..1.
    """

    def __init__(self, *, seed: int, mpp: float, inflammation: float) -> None:
        self.seed, self.mpp = seed, mpp
        rng = cell_rng(seed, _PURPOSE, 0, -1)
        self._angle = rng.uniform(0, np.pi)
        self._eosin = rng.uniform(0.18, 0.4)
        self._bluish = rng.uniform(0.02, 0.06)
        self._loose = rng.uniform(-0.6, 0.7)
        # A standard normal field exceeds this on about the wanted share of the area.
        self._quiet = 1.6 * (0.5 - inflammation) + rng.normal(0, 0.5)
        self._cells = rng.uniform(0.55, 0.95)
        self._nucleus = rng.uniform(0.42, 0.6)
        self._muscle_from = rng.uniform(1.0, 2.4)
        self._waves = [
            (SineField.draw(rng, wavelength_um=w), a) for w, a in ((260, 14), (95, 4.5), (38, 1.5))
        ]
        self._inflamed = SineField.draw(rng, wavelength_um=240.0)
        self._muscle = SineField.draw(rng, wavelength_um=420.0)
        self._density = SineField.draw(rng, wavelength_um=130.0)
        self._blood = SineField.draw(rng, wavelength_um=70.0)
        self._crowding = SineField.draw(rng, wavelength_um=42.0)
        self._tears = SineField.draw(rng, wavelength_um=170.0)

    def muscle_at(self, x_um: float, y_um: float) -> float:
        """Return how much muscle there is at one place, 0..1; glands keep out of it."""
        value = float(self._muscle.at(np.array([x_um]), np.array([y_um]))[0])
        return float(np.clip((value - self._muscle_from) * 4 + 0.5, 0, 1))

    def draw(self, x_px: int, y_px: int, outside_um: Plane) -> StromaPicture:
        """Draw the fibres of the box that begins at (x, y) and has the shape of `outside_um`.

        Parameters
        ----------
        x_px, y_px : int
            First pixel of the box in the world.
        outside_um : ndarray of shape (H, W), float32
            Distance to the nearest gland; fibres bend around it.
        """
        height, width = outside_um.shape
        x_um, y_um = (x_px + np.arange(width) + 0.5) * self.mpp, (y_px + np.arange(height) + 0.5) * self.mpp
        along, across = self._fibre_coordinates(x_um, y_um, outside_um)
        fibres = cv2.remap(
            strands(self.mpp),
            np.mod(along / self.mpp, TEXTURE_PX).astype(np.float32),
            np.mod(across / self.mpp, TEXTURE_PX).astype(np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_WRAP,
        )
        smooth = cv2.GaussianBlur(across, (0, 0), 3.0 / self.mpp)
        direction = np.arctan2(-cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1))
        inflamed = np.clip((self._inflamed.on_grid(x_um, y_um) - self._quiet) * 1.6 + 0.5, 0, 1)
        muscle = np.clip((self._muscle.on_grid(x_um, y_um) - self._muscle_from) * 4 + 0.5, 0, 1)
        fine = lay_texture(grain(0.8, self.mpp), x_px, y_px, width, height)
        mesh = lay_texture(grain(2.2, self.mpp), x_px, y_px, width, height)
        coarse = lay_texture(grain(4.0, self.mpp), x_px + 300, y_px, width, height)
        body = np.clip(0.85 + 0.27 * fibres + 0.08 * coarse + 0.10 * fine + 0.06 * mesh, 0.04, 2.0)
        loose = np.clip(self._loose + 0.6 * self._density.on_grid(x_um, y_um) + 0.25 * coarse, 0, 1)
        loose = loose * (1 - muscle)
        open_places = np.maximum(0.5 * mesh, -0.3 * fibres) + 0.3 * mesh + 0.25 * fine
        holes = np.clip((loose - 0.55 + 0.6 * open_places) * 1.6, 0, 1) * (0.3 + 0.7 * loose)
        eosin = self._eosin * body * (1 - 0.25 * loose) * (1 - 0.3 * inflamed) * (1 + 0.35 * muscle)
        bluish = (self._bluish + 0.03 * inflamed) * (0.8 + 0.25 * coarse + 0.2 * fine)
        tear = np.clip(1.3 - np.abs(self._tears.on_grid(x_um, y_um) * 14 + 2.0 * coarse), 0, 1)
        rest = (1 - 0.95 * holes) * (1 - 0.95 * tear * (loose > 0.1))
        return StromaPicture(
            haematoxylin=np.maximum(bluish, 0.01) * rest,
            eosin=eosin * rest,
            direction=direction.astype(np.float32),
            inflamed=inflamed.astype(np.float32),
            muscle=muscle.astype(np.float32),
        )

    def _fibre_coordinates(self, x_um: Floats, y_um: Floats, outside_um: Plane) -> tuple[Plane, Plane]:
        """Return the coordinates along and across the fibres in µm, each of shape (H, W)."""
        cos, sin = np.cos(self._angle), np.sin(self._angle)
        along = x_um[None, :] * cos + y_um[:, None] * sin
        across = y_um[:, None] * cos - x_um[None, :] * sin
        for field, amount_um in self._waves:
            across = across + amount_um * field.on_grid(x_um, y_um)
        near = cv2.GaussianBlur(outside_um, (0, 0), 4.0 / self.mpp)
        around = 26.0 * np.maximum(np.exp(-near / 14.0) - np.exp(-PAD_UM / 14.0), 0)
        return along.astype(np.float32), (across + around).astype(np.float32)

    def cells(
        self, picture: StromaPicture, free: NDArray[np.bool_], x_px: int, y_px: int
    ) -> tuple[Bodies, Bodies]:
        """Return cell bodies and nuclei of the box that `picture` shows, where `free` is true (H, W)."""
        height, width = free.shape
        low_x, low_y = x_px * self.mpp, y_px * self.mpp
        columns = range(int(low_x // CELL_UM), int((low_x + width * self.mpp) // CELL_UM) + 1)
        rows = range(int(low_y // CELL_UM), int((low_y + height * self.mpp) // CELL_UM) + 1)
        bodies, nuclei = [], []
        for row in rows:
            for column in columns:
                rng = cell_rng(self.seed, _PURPOSE, column, row)
                x, y = _scatter(rng, column * CELL_UM, row * CELL_UM)
                at_x = np.floor(x / self.mpp).astype(np.int64) - x_px
                at_y = np.floor(y / self.mpp).astype(np.int64) - y_px
                inside = (at_x >= 0) & (at_y >= 0) & (at_x < width) & (at_y < height)
                at = at_y.clip(0, height - 1), at_x.clip(0, width - 1)
                body, nucleus = self._kinds(rng, x, y, picture, at, inside & free[at])
                bodies.append(body)
                nuclei.append(nucleus)
        return join(bodies), join(nuclei)

    def _kinds(
        self,
        rng: np.random.Generator,
        x: Floats,
        y: Floats,
        picture: StromaPicture,
        at: tuple[NDArray[np.int64], NDArray[np.int64]],
        free: NDArray[np.bool_],
    ) -> tuple[Bodies, Bodies]:
        """Put a lymphocyte, plasma cell, spindle cell, red cell or nothing at every place, as it wants.

        All are made before any is left out: what a box does not see must not change what it does see.
        """
        inflamed, muscle = picture.inflamed[at], picture.muscle[at]
        draw, kind = rng.random(len(x)), rng.random(len(x))
        blood = (self._blood.at(x, y) > 2.1) & (muscle < 0.5)
        crowding = np.clip(0.72 + 0.4 * self._crowding.at(x, y), 0.1, 1.15)
        round_cell = ~blood & (draw < crowding * self._cells * (0.05 + 0.85 * inflamed) * (1 - 0.95 * muscle))
        spindle = ~blood & ~round_cell & (draw > 1 - (0.17 + 0.1 * muscle))
        along = picture.direction[at] + rng.normal(0, 0.25, len(x))
        turn = rng.uniform(0, np.pi, len(x))
        plasma = make_bodies(
            rng,
            x + 1.5 * np.cos(turn),
            y + 1.5 * np.sin(turn),
            turn,
            length_um=9.0,
            width_um=7.0,
            haematoxylin=0.12,
            eosin=0.24,
            chromatin=0.2,
            membrane=0.1,
        )
        red = make_bodies(
            rng, x, y, turn, length_um=6.6, width_um=5.6, haematoxylin=0.02, eosin=0.62, chromatin=0.1
        )
        dark = make_bodies(
            rng,
            x,
            y,
            turn,
            length_um=6.6,
            width_um=5.5,
            haematoxylin=1.05 * self._nucleus,
            eosin=0.26,
            spread=0.16,
            chromatin=0.35,
            membrane=0.25,
        )
        thin = make_bodies(
            rng,
            x,
            y,
            along,
            length_um=12.0,
            width_um=3.2,
            haematoxylin=0.8 * self._nucleus,
            eosin=0.32,
            spread=0.28,
            chromatin=0.3,
        )
        bodies = join([plasma.take(round_cell & (kind < 0.4) & free), red.take(blood & (draw < 0.9) & free)])
        return bodies, join([dark.take(round_cell & free), thin.take(spindle & free)])


def _scatter(rng: np.random.Generator, x_um: float, y_um: float) -> tuple[Floats, Floats]:
    """Places for cells in one cell of the world: a jittered grid 7.5 µm apart."""
    count = int(CELL_UM / 7.5)
    grid = (np.arange(count) + 0.5) * 7.5
    grid_x, grid_y = np.meshgrid(grid, grid)
    jitter = rng.uniform(-2.9, 2.9, (2, count * count))
    return x_um + grid_x.ravel() + jitter[0], y_um + grid_y.ravel() + jitter[1]
