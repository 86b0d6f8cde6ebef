"""Random fields that are functions of a seed and a place, so that any part of the world can be drawn alone.

Slow variation (where the tissue is inflamed, how a fibre bends) is a sum of a dozen sine waves, known at
every point. Fine variation (chromatin, cytoplasm, fibres) is a periodic texture of filtered white noise, laid
over the world.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Floats", "Plane", "SineField", "cell_rng", "grain", "lay_texture", "strands"]

Plane = NDArray[np.float32]  # (H, W)
Floats = NDArray[np.floating[Any]]  # (N,), coordinates in µm or amounts
TEXTURE_PX = 1024
_CELL_OFFSET = 1 << 30  # seeds must not be negative, cells may be


def cell_rng(seed: int, purpose: int, column: int = 0, row: int = 0) -> np.random.Generator:
    """Return the generator that belongs to one cell of the world, for one purpose."""
    return np.random.default_rng([seed, purpose, column + _CELL_OFFSET, row + _CELL_OFFSET])


@dataclass(frozen=True)
class SineField:
    """A smooth random field of mean 0 and variance 1: a sum of plane waves.

    Attributes
    ----------
    waves : ndarray of shape (N, 2), float64
        Wave vectors (x, y) in radians per µm.
    phases : ndarray of shape (N,), float64
        Radians.
    """

    waves: NDArray[np.float64]
    phases: NDArray[np.float64]

    @classmethod
    def draw(cls, rng: np.random.Generator, *, wavelength_um: float, count: int = 12) -> SineField:
        """Draw a field whose bumps are about half of `wavelength_um` wide, without direction."""
        angle = rng.uniform(0, np.pi, count)
        length = 2 * np.pi / (wavelength_um * rng.uniform(0.65, 1.5, count))
        waves = np.stack([length * np.cos(angle), length * np.sin(angle)], axis=1)
        return cls(waves=waves, phases=rng.uniform(0, 2 * np.pi, count))

    def at(self, x_um: Floats, y_um: Floats) -> Floats:
        """Return the values at points, in the shape of `x_um`."""
        total = np.zeros(np.shape(x_um))
        for (wave_x, wave_y), phase in zip(self.waves, self.phases, strict=True):
            total += np.sin(wave_x * x_um + wave_y * y_um + phase)
        total *= np.sqrt(2 / len(self.phases))
        return total

    def on_grid(self, x_um: Floats, y_um: Floats) -> Plane:
        """Return the values on the grid of columns `x_um` and rows `y_um`, float32 of shape (H, W).

        sin(a + b) = sin a cos b + cos a sin b makes of it one matrix product.
        """
        along = np.outer(self.waves[:, 0], x_um) + self.phases[:, None]  # (N, W)
        down = np.outer(self.waves[:, 1], y_um)  # (N, H)
        columns = np.concatenate([np.sin(along), np.cos(along)]).astype(np.float32)  # (2N, W)
        rows = np.concatenate([np.cos(down), np.sin(down)]).astype(np.float32)  # (2N, H)
        rows *= np.float32(np.sqrt(2 / len(self.phases)))
        total = np.empty((len(y_um), len(x_um)), dtype=np.float32)  # (H, W)
        # Products this small stay on one thread; waking a pool for larger ones took 50 times their own time.
        step = max(1, (1 << 18) // columns.size)
        for first in range(0, len(y_um), step):
            np.matmul(rows[:, first : first + step].T, columns, out=total[first : first + step])
        return total


def _filtered_noise(seed: int, across_px: float, along_px: float) -> Plane:
    """Periodic Gaussian noise of variance 1, blurred by different amounts along x and y."""
    white = np.random.default_rng(seed).standard_normal((TEXTURE_PX, TEXTURE_PX))
    frequency = np.fft.fftfreq(TEXTURE_PX)
    low_x = np.exp(-2 * (np.pi * along_px * frequency[: TEXTURE_PX // 2 + 1]) ** 2)
    low_y = np.exp(-2 * (np.pi * across_px * frequency) ** 2)
    blurred = np.fft.irfft2(np.fft.rfft2(white) * low_y[:, None] * low_x[None, :], s=white.shape)
    texture: Plane = (blurred / blurred.std()).astype(np.float32)
    return texture


@lru_cache(maxsize=32)
def grain(blur_um: float, mpp: float) -> Plane:
    """Return a periodic texture of grains: white noise blurred by `blur_um`, mean 0, variance 1.

    Returns
    -------
    ndarray of shape (1024, 1024), float32
    """
    return _filtered_noise(11, blur_um / mpp, blur_um / mpp)


@lru_cache(maxsize=8)
def strands(mpp: float) -> Plane:
    """Return a periodic texture of fibres along x: bundles some µm wide that split into fine threads.

    Returns
    -------
    ndarray of shape (1024, 1024), float32
        About −2..2.
    """
    bundles = _filtered_noise(12, 2.4 / mpp, 14 / mpp)
    threads = _filtered_noise(13, 0.7 / mpp, 7 / mpp)
    clefts = 1.2 - 2.2 * np.abs(_filtered_noise(14, 1.6 / mpp, 10 / mpp))
    mixed = 0.5 * bundles + 0.55 * threads - 0.5 * np.maximum(clefts, 0)
    texture: Plane = ((mixed - mixed.mean()) / mixed.std()).astype(np.float32)
    return texture


def lay_texture(texture: Plane, x_px: int, y_px: int, width_px: int, height_px: int) -> Plane:
    """Cut the box at (x, y) out of the plane that `texture` tiles for ever."""
    rows = np.arange(y_px, y_px + height_px) % texture.shape[0]
    columns = np.arange(x_px, x_px + width_px) % texture.shape[1]
    cut: Plane = np.take(np.take(texture, rows, axis=0), columns, axis=1)
    return cut
