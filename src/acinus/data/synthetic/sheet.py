"""The piece of the world that one gland is drawn on: its outline beside its neighbours, and its lumen."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from acinus.core.image import BoolMask
from acinus.core.morphology import disc
from acinus.data.synthetic.fields import Floats, Plane, SineField, grain, lay_texture
from acinus.data.synthetic.glands import Gland, gap_um

__all__ = ["PAD_UM", "Sheet", "distance_um", "lay_out"]

PAD_UM = 34.0  # room for the cleft around the gland
COARSE_UM = 2.5  # outlines are smooth: their formulas are worked out on a grid this wide
SMALLEST_UM2 = 900.0


@dataclass(frozen=True)
class Sheet:
    """What is known at each pixel of a gland's surroundings; all planes are of shape (H, W).

    Attributes
    ----------
    x_px, y_px : first pixel in the world
    mpp : µm per pixel
    inside : the gland, lumen included
    depth_um : distance to the outline, 0 outside
    lumen : the lumen or lumina
    lumen_um : distance to the lumen, 0 in it, 60 at most
    normal : radians, direction from the outline towards the lumen
    """

    x_px: int
    y_px: int
    mpp: float
    inside: BoolMask
    depth_um: Plane
    lumen: BoolMask
    lumen_um: Plane
    normal: Plane

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W)."""
        return self.inside.shape[0], self.inside.shape[1]

    def texture(self, blur_um: float) -> Plane:
        """Return grains of one size over the sheet."""
        height, width = self.shape
        return lay_texture(grain(blur_um, self.mpp), self.x_px, self.y_px, width, height)

    def axes_um(self) -> tuple[Floats, Floats]:
        """Return the places of columns and rows in µm."""
        height, width = self.shape
        return _centres(self.x_px, width, self.mpp), _centres(self.y_px, height, self.mpp)

    def pixels_of(self, x_um: Floats, y_um: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return (rows, columns) of points, clipped to the sheet."""
        rows = np.floor(y_um / self.mpp).astype(np.int64) - self.y_px
        columns = np.floor(x_um / self.mpp).astype(np.int64) - self.x_px
        return rows.clip(0, self.shape[0] - 1), columns.clip(0, self.shape[1] - 1)


def _centres(first_px: int, count: int, mpp: float) -> Floats:
    return (first_px + np.arange(count) + 0.5) * mpp


def distance_um(mask: BoolMask, mpp: float) -> Plane:
    """Return the distance of every true pixel to the nearest false one, 60 µm at most."""
    distance: Plane = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5) * np.float32(mpp)
    return distance


def lay_out(
    gland: Gland, neighbours: list[Gland], *, seed: int, mpp: float, rng: np.random.Generator
) -> Sheet | None:
    """Return the sheet of a gland; None when its neighbours leave less of it than 900 µm²."""
    placed = _outline(gland, neighbours, seed=seed, mpp=mpp)
    if placed is None:
        return None
    x_px, y_px, inside = placed
    height, width = inside.shape
    depth = distance_um(inside, mpp)
    x_um, y_um = _centres(x_px, width, mpp), _centres(y_px, height, mpp)
    rough = lay_texture(grain(4.0, mpp), x_px, y_px, width, height)
    benign = gland.grade == "benign"
    lumen = _slit(depth, rough, rng) if benign else _hollows(depth, rough, x_um, y_um, rng)
    lumen &= depth > 9.0
    lumen_um = np.minimum(distance_um(~lumen, mpp), 60)
    inward = cv2.GaussianBlur(np.minimum(depth, 60) - 0.5 * lumen_um, (0, 0), 4.0 / mpp)
    normal = cv2.phase(cv2.Sobel(inward, cv2.CV_32F, 1, 0), cv2.Sobel(inward, cv2.CV_32F, 0, 1))
    return Sheet(x_px, y_px, mpp, inside, depth, lumen, lumen_um, np.asarray(normal, dtype=np.float32))


def _outline(
    gland: Gland, neighbours: list[Gland], *, seed: int, mpp: float
) -> tuple[int, int, BoolMask] | None:
    """Return the first pixel of the sheet and the gland's own mask on it."""
    step = max(1, round(COARSE_UM / mpp))
    reach_px = (gland.reach_um + PAD_UM) / mpp
    x0, y0 = (int(np.floor((c / mpp - reach_px) / step)) * step for c in (gland.x_um, gland.y_um))
    count = int(np.ceil(2 * reach_px / step)) + 2
    # Coarse points lie at the same places of the world for every gland: two neighbours see the same border.
    x_um = (x0 + np.arange(count) * step + step / 2) * mpp
    y_um = (y0 + np.arange(count) * step + step / 2) * mpp
    own = gland.inner_distance_um(x_um, y_um)
    free = own.copy()
    for other in neighbours:
        apart = own - other.inner_distance_um(x_um, y_um) - gap_um(gland, other, seed)
        free = np.minimum(free, apart / 1.5)
    fine = cv2.resize(free, None, fx=step, fy=step, interpolation=cv2.INTER_LINEAR)
    # The foot of each cell bulges a little. Only ever shrinking, two touching glands never overlap.
    bulges = lay_texture(grain(1.7, mpp), x0, y0, count * step, count * step)
    mask = (fine > 0.9 * np.maximum(bulges, 0)).astype(np.uint8)
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, disc(2))
    total, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    if total < 2:
        return None
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    if stats[largest, cv2.CC_STAT_AREA] * mpp**2 < SMALLEST_UM2:
        return None
    left, top, width, height = (int(stats[largest, k]) for k in range(4))
    pad = int(np.ceil(PAD_UM / mpp))
    left, top, right, bottom = max(0, left - pad), max(0, top - pad), left + width + pad, top + height + pad
    own_mask = (labels[top:bottom, left:right] == largest).astype(np.uint8)
    contours, _ = cv2.findContours(own_mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return x0 + left, y0 + top, cv2.drawContours(own_mask, contours, -1, 1, cv2.FILLED) > 0


def _slit(depth: Plane, rough: Plane, rng: np.random.Generator) -> BoolMask:
    """The small lumen in the middle of a crypt."""
    deepest = float(depth.max())
    opening = rng.uniform(0.05, 0.35) * deepest
    lumen: BoolMask = depth + 1.4 * rough > deepest - opening
    return lumen


def _hollows(depth: Plane, rough: Plane, x_um: Floats, y_um: Floats, rng: np.random.Generator) -> BoolMask:
    """The folded lumen of a malignant gland, or several round ones in a solid mass (cribriform)."""
    deepest = float(depth.max())
    thick = min(rng.uniform(20, 42), 0.72 * deepest)
    folds = SineField.draw(rng, wavelength_um=55.0).on_grid(x_um, y_um) * rng.uniform(3, 9)
    hollow: BoolMask = depth + 1.6 * rough + folds > thick
    if deepest < 34 or rng.random() > 0.35:
        return hollow
    best = np.full(depth.shape, -100, dtype=np.float32)
    rows, columns = np.nonzero(depth > 20)
    dx, dy = x_um[None, :].astype(np.float32), y_um[:, None].astype(np.float32)
    for pick in rng.integers(0, len(rows), int(rng.integers(4, 12))):
        radius, stretch, angle = rng.uniform(5, 19), rng.uniform(0.6, 1.0), rng.uniform(0, np.pi)
        right, down = dx - dx[0, columns[pick]], dy - dy[rows[pick], 0]
        u = (right * float(np.cos(angle)) + down * float(np.sin(angle))) * stretch
        v = (down * float(np.cos(angle)) - right * float(np.sin(angle))) / stretch
        best = np.maximum(best, radius - np.sqrt(u**2 + v**2))
    cribriform: BoolMask = best + 1.2 * rough > 0
    return cribriform
