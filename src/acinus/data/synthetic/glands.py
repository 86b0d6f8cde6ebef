"""Where glands lie and how far they reach: bent tubes in section, one candidate per cell of a jittered grid.

Every gland is known from the seed and its cell alone, and where two reach for the same place the one that
reaches further has it: the outline of a gland needs its neighbours' formulas but never their pictures.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from acinus.data.synthetic.fields import Floats, Plane, SineField, cell_rng

__all__ = ["Gland", "GlandGrid", "Grade", "gap_um"]

Grade = Literal["benign", "malignant"]
MAX_REACH_UM: dict[Grade, float] = {"benign": 125.0, "malignant": 230.0}
_PURPOSE: dict[Grade, int] = {"benign": 21, "malignant": 22}


@dataclass(frozen=True, eq=False)
class Gland:
    """The outline of one gland before its neighbours take their share.

    Attributes
    ----------
    key : tuple (0 benign or 1 malignant, row, column)
        The cell it comes from; its order is the order of labels.
    x_um, y_um : centre
    half_length_um : half of the straight part of the tube
    radius_um : half of the tube's width
    angle_rad, bend, taper : direction, curvature (across per along) and unequal ends of the tube
    wobble_um : how far the outline strays from the tube
    seed : of everything inside
    """

    key: tuple[int, int, int]
    grade: Grade
    x_um: float
    y_um: float
    half_length_um: float
    radius_um: float
    angle_rad: float
    bend: float
    taper: float
    wobble_um: tuple[float, float]
    wobble: tuple[SineField, SineField]
    seed: int

    @property
    def reach_um(self) -> float:
        """No point of the gland is further from its centre."""
        own = self.half_length_um + self.radius_um * (1 + abs(self.taper)) + 2 * sum(self.wobble_um)
        return min(own, MAX_REACH_UM[self.grade])

    def inner_distance_um(self, x_um: Floats, y_um: Floats) -> Plane:
        """Return the distance to the outline on a grid, positive inside, about right nearby; shape (H, W)."""
        dx = (x_um - self.x_um).astype(np.float32)[None, :]
        dy = (y_um - self.y_um).astype(np.float32)[:, None]
        cos, sin = float(np.cos(self.angle_rad)), float(np.sin(self.angle_rad))
        along, across = dx * cos + dy * sin, dy * cos - dx * sin
        scale = self.half_length_um + self.radius_um
        across = across - self.bend * (along**2 / scale - scale / 4)
        beyond = np.maximum(np.abs(along) - self.half_length_um, 0)
        radius = self.radius_um * (1 + self.taper * np.clip(along / scale, -1, 1))
        distance = radius - np.sqrt(beyond**2 + across**2)
        for amount, field in zip(self.wobble_um, self.wobble, strict=True):
            distance = distance + amount * field.on_grid(x_um, y_um)
        limited: Plane = np.minimum(distance, self.reach_um - np.sqrt(dx**2 + dy**2))
        return limited


def gap_um(one: Gland, other: Gland, seed: int) -> float:
    """Return the width of stroma kept between two glands; one pair in eight touches."""
    first, second = sorted((one.key, other.key))
    rng = np.random.default_rng([seed, 23, *(value + (1 << 30) for value in (*first, *second))])
    if rng.random() < 0.12:
        return 0.0
    return float(rng.uniform(6, 24) if one.grade == "benign" else rng.uniform(5, 30))


class GlandGrid:
    """The candidates of one grade: a hexagonal grid of cells, one gland somewhere in each.

    Parameters
    ----------
    seed : int
    grade : "benign" or "malignant"
    pitch_um : float
        Distance between the centres of cells.
    """

    def __init__(self, *, seed: int, grade: Grade, pitch_um: float) -> None:
        self.seed, self.grade, self.pitch_um = seed, grade, pitch_um
        rng = cell_rng(seed, _PURPOSE[grade], 0, -1)
        self._direction = rng.uniform(0, np.pi)
        self._obliqueness = rng.beta(0.9, 1.3)  # how much along their axis the crypts of this image are cut
        self._size = rng.uniform(0.85, 1.15)
        self._in_cell = lru_cache(maxsize=8192)(self._draw)

    def near(self, x_um: float, y_um: float, width_um: float, height_um: float) -> list[Gland]:
        """Return every candidate that can reach into the box, in the order of their keys."""
        reach = MAX_REACH_UM[self.grade] + self.pitch_um
        rows = self._cells(y_um - reach, y_um + height_um + reach, self.pitch_um * 0.87)
        columns = self._cells(x_um - reach, x_um + width_um + reach, self.pitch_um)
        found = []
        for row in rows:
            for column in columns:
                gland = self._in_cell(column, row)
                reach = gland.reach_um
                inside_x = x_um - reach < gland.x_um < x_um + width_um + reach
                if inside_x and y_um - reach < gland.y_um < y_um + height_um + reach:
                    found.append(gland)
        return found

    @staticmethod
    def _cells(low: float, high: float, pitch: float) -> range:
        return range(int(np.floor(low / pitch)), int(np.floor(high / pitch)) + 1)

    def _draw(self, column: int, row: int) -> Gland:
        rng = cell_rng(self.seed, _PURPOSE[self.grade], column, row)
        jitter = rng.normal(0, 0.13 * self.pitch_um, 2).clip(-0.3 * self.pitch_um, 0.3 * self.pitch_um)
        x_um = (column + 0.5 * (row % 2)) * self.pitch_um + jitter[0]
        y_um = row * self.pitch_um * 0.87 + jitter[1]
        benign = self.grade == "benign"
        if benign:
            radius = self._size * rng.uniform(36, 54)
            half_length = self._obliqueness * rng.uniform(0, 55)
            angle = self._direction + rng.normal(0, 0.3)
            wobble_um = (rng.uniform(1, 4), 0.8)
        else:
            radius = self._size * rng.choice([rng.uniform(25, 45), rng.uniform(45, 95)])
            half_length = rng.gamma(2.0, 28) if radius < 60 else rng.uniform(0, 60)
            angle = self._direction + rng.normal(0, 0.7)
            wobble_um = (rng.uniform(6, 15), rng.uniform(2, 5))
        waves = (90.0, 40.0) if benign else (110.0, 45.0)
        return Gland(
            key=(0 if benign else 1, row, column),
            grade=self.grade,
            x_um=float(x_um),
            y_um=float(y_um),
            half_length_um=float(min(half_length, 110.0)),
            radius_um=float(radius),
            angle_rad=float(angle),
            bend=float(rng.normal(0, 0.12 if benign else 0.3)),
            taper=float(rng.uniform(-0.2, 0.2)),
            wobble_um=(float(wobble_um[0]), float(wobble_um[1])),
            wobble=(
                SineField.draw(rng, wavelength_um=waves[0]),
                SineField.draw(rng, wavelength_um=waves[1]),
            ),
            seed=int(rng.integers(0, 2**31)),
        )
