"""Where there is tissue at all: everywhere, up to a torn edge, or in a few pieces on a slide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from acinus.data.synthetic.fields import Floats, Plane, SineField

__all__ = ["EdgeTissue", "Everywhere", "PiecesOfTissue", "Tissue"]

DEEP_UM = 1e4


class Tissue(Protocol):
    """The outline of the tissue in the world."""

    def depth_um(self, x_um: Floats, y_um: Floats) -> Plane:
        """Return about the distance to the edge on a grid, positive in tissue, float32 of shape (H, W)."""
        ...

    def touches(self, x_um: float, y_um: float, width_um: float, height_um: float) -> bool:
        """Return False only if the box surely holds no tissue."""
        ...


class Everywhere:
    """Tissue without end."""

    def depth_um(self, x_um: Floats, y_um: Floats) -> Plane:
        """Return a large depth at every place."""
        return np.full((len(y_um), len(x_um)), DEEP_UM, dtype=np.float32)

    def touches(self, x_um: float, y_um: float, width_um: float, height_um: float) -> bool:
        """Return True."""
        return True


@dataclass(frozen=True)
class EdgeTissue:
    """Tissue on one side of a wavy line.

    Attributes
    ----------
    x_um, y_um : a point of the line
    angle_rad : direction into the tissue
    waves : large and small waves of the edge
    """

    x_um: float
    y_um: float
    angle_rad: float
    waves: tuple[SineField, SineField]

    @classmethod
    def draw(cls, rng: np.random.Generator, width_um: float, height_um: float) -> EdgeTissue:
        """Draw an edge that leaves most of the box (from 0, 0) in tissue."""
        angle = rng.uniform(0, 2 * np.pi)
        aside = rng.uniform(0.15, 0.38)
        return cls(
            x_um=width_um * 0.5 - np.cos(angle) * aside * width_um,
            y_um=height_um * 0.5 - np.sin(angle) * aside * height_um,
            angle_rad=angle,
            waves=(SineField.draw(rng, wavelength_um=220.0), SineField.draw(rng, wavelength_um=25.0)),
        )

    def depth_um(self, x_um: Floats, y_um: Floats) -> Plane:
        """Return the distance to the wavy line, positive in tissue."""
        dx, dy = x_um[None, :] - self.x_um, y_um[:, None] - self.y_um
        depth = dx * np.cos(self.angle_rad) + dy * np.sin(self.angle_rad)
        depth = depth + 16 * self.waves[0].on_grid(x_um, y_um) + 1.5 * self.waves[1].on_grid(x_um, y_um)
        distance: Plane = depth.astype(np.float32)
        return distance

    def touches(self, x_um: float, y_um: float, width_um: float, height_um: float) -> bool:
        """Return True: the picture of one edge is never large."""
        return True


@dataclass(frozen=True)
class PiecesOfTissue:
    """Some oval pieces with a wavy edge.

    Attributes
    ----------
    x_um, y_um, radius_x_um, radius_y_um : ndarray of shape (N,)
    waves : large and small waves of the edge
    """

    x_um: Floats
    y_um: Floats
    radius_x_um: Floats
    radius_y_um: Floats
    waves: tuple[SineField, SineField]

    @classmethod
    def draw(
        cls, rng: np.random.Generator, *, width_um: float, height_um: float, fraction: float, pieces: int
    ) -> PiecesOfTissue:
        """Draw `pieces` ovals side by side that together cover about `fraction` of the slide."""
        area = fraction * width_um * height_um / pieces
        columns = int(np.ceil(np.sqrt(pieces * width_um / height_um)))
        rows = int(np.ceil(pieces / columns))
        place = np.arange(pieces)
        cell_w, cell_h = width_um / columns, height_um / rows
        stretch = np.exp(rng.normal(0, 0.15, pieces)) * np.sqrt(cell_w / cell_h)
        radius = np.sqrt(area / np.pi)
        jitter = rng.uniform(-0.06, 0.06, (2, pieces))
        return cls(
            x_um=(place % columns + 0.5 + jitter[0]) * cell_w,
            y_um=(place // columns + 0.5 + jitter[1]) * cell_h,
            radius_x_um=radius * stretch,
            radius_y_um=radius / stretch,
            waves=(SineField.draw(rng, wavelength_um=400.0), SineField.draw(rng, wavelength_um=30.0)),
        )

    def depth_um(self, x_um: Floats, y_um: Floats) -> Plane:
        """Return about the distance to the nearest edge, positive in tissue."""
        best = np.full((len(y_um), len(x_um)), -DEEP_UM)
        for cx, cy, rx, ry in zip(self.x_um, self.y_um, self.radius_x_um, self.radius_y_um, strict=True):
            radius = np.hypot((x_um[None, :] - cx) / rx, (y_um[:, None] - cy) / ry)
            best = np.maximum(best, (1 - radius) * min(rx, ry))
        size = min(30.0, 0.1 * float(self.radius_x_um.min()))
        best = best + size * self.waves[0].on_grid(x_um, y_um) + 1.5 * self.waves[1].on_grid(x_um, y_um)
        distance: Plane = best.astype(np.float32)
        return distance

    def touches(self, x_um: float, y_um: float, width_um: float, height_um: float) -> bool:
        """Compare the box with the rectangle around each piece."""
        margin = 150.0
        left = np.maximum(self.x_um - self.radius_x_um * 1.2 - margin, x_um)
        right = np.minimum(self.x_um + self.radius_x_um * 1.2 + margin, x_um + width_um)
        top = np.maximum(self.y_um - self.radius_y_um * 1.2 - margin, y_um)
        bottom = np.minimum(self.y_um + self.radius_y_um * 1.2 + margin, y_um + height_um)
        return bool(np.any((left < right) & (top < bottom)))
