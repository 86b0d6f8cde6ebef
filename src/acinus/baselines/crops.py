"""Training crops at the working resolution, and the geometric transform of a window of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from acinus.core.geometry import Box
from acinus.core.image import RgbArray
from acinus.data.augment import Turn, mirrored, normalise, random_turn
from acinus.data.turns import turn

__all__ = ["Geometry", "Place", "cut", "draw_place", "to_batch"]


@dataclass(frozen=True)
class Place:
    """Where a square crop is cut: the number of the image and the crop's top left pixel."""

    image: int
    y: int
    x: int


def draw_place(images: Sequence[RgbArray], side_px: int, rng: np.random.Generator) -> Place:
    """Draw an image, then a square of `side_px` inside it (at 0, 0 where the image is smaller)."""
    index = int(rng.integers(len(images)))
    height, width = images[index].shape[:2]
    return Place(
        index, int(rng.integers(max(1, height - side_px + 1))), int(rng.integers(max(1, width - side_px + 1)))
    )


def cut(array: NDArray[np.uint8], place: Place, side_px: int) -> NDArray[np.uint8]:
    """Cut the square out of an image (H, W, 3) or a map (H, W), mirrored at its sides where it is smaller."""
    rows = mirrored(array.shape[0], side_px, start=place.y)
    columns = mirrored(array.shape[1], side_px, start=place.x)
    return array[rows][:, columns]


def to_batch(crops: Sequence[RgbArray], device: torch.device) -> torch.Tensor:
    """Stack B crops (S, S, 3) uint8 into (B, 3, S, S) normalised float32."""
    batch = torch.from_numpy(normalise(np.stack(crops))).permute(0, 3, 1, 2)
    return batch.to(device, memory_format=torch.channels_last)


@dataclass(frozen=True)
class Geometry:
    """One geometric transform G: a window is cut out, brought to a common size, mirrored and turned.

    Attributes
    ----------
    window : Box
        In pixels of what is transformed.
    side_px : int
        Side of the result.
    turn : Turn
    """

    window: Box
    side_px: int
    turn: Turn

    @classmethod
    def draw(cls, side_px: int, *, least_share: float, rng: np.random.Generator) -> Geometry:
        """Draw a window of at least `least_share` of the side of a square of `side_px`, and a turn."""
        side = round(side_px * float(rng.uniform(least_share, 1.0)))
        y, x = (int(value) for value in rng.integers(0, side_px - side + 1, 2))
        return cls(Box(x, y, side, side), side_px, random_turn(rng))

    def apply(self, tensor: torch.Tensor) -> torch.Tensor:
        """Transform an image or its features, (C, S, S) to (C, side_px, side_px)."""
        window = tensor[:, self.window.y : self.window.bottom, self.window.x : self.window.right]
        resized = functional.interpolate(
            window[None], size=(self.side_px, self.side_px), mode="bilinear", align_corners=False
        )[0]
        return turn(resized, self.turn)
