"""How a gland's boundary departs from the ellipse that a healthy, obliquely cut crypt shows.

Benign crypts are tubes: every plane cuts them in an ellipse. Malignant glands bud, fuse and fold. Three
numbers see that at three scales: the best alignment metric (overall shape), irregularity (length of the
winding boundary) and the fractal dimension (winding at every scale).
"""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from acinus.glands.polygons import Outline, following, shoelace_area
from acinus.glands.shape import outer_rings

__all__ = ["best_alignment", "fractal_dimension", "irregularity", "matching_ellipse"]

_SAMPLES = 256  # points per closed curve; start points are searched among them
_GRID_SHIFTS = np.array([0.25, 0.75])  # along either axis, in sides of a box
_ANGLES = np.linspace(0.0, 2.0 * np.pi, 1024, endpoint=False)
_CIRCLE = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)
Ring = NDArray[np.float64]  # (V, 2) x, y, not closed


def matching_ellipse(ring: Ring) -> tuple[float, float]:
    """Return the semi-axes a ≥ b of the ellipse with the area and the elongation of what the ring encloses.

    The axes' ratio is √(λ₁/λ₂) of the enclosed region's second central moments (Green's theorem), which an
    ellipse reproduces exactly; their product is A/π.

    Examples
    --------
    >>> square = np.array([[0, 0], [2, 0], [2, 2], [0, 2]], float)
    >>> [round(axis, 4) for axis in matching_ellipse(square)]  # the disc of area 4
    [1.1284, 1.1284]
    """
    centred = ring - ring.mean(axis=0)
    (x, y), (x2, y2) = centred.T, following(centred).T
    cross = x * y2 - x2 * y
    area = cross.sum() / 2.0
    cx, cy = (cross * (x + x2)).sum() / (6.0 * area), (cross * (y + y2)).sum() / (6.0 * area)
    xx = (cross * (x * x + x * x2 + x2 * x2)).sum() / (12.0 * area) - cx * cx
    yy = (cross * (y * y + y * y2 + y2 * y2)).sum() / (12.0 * area) - cy * cy
    xy = (cross * (x * y2 + 2 * x * y + 2 * x2 * y2 + x2 * y)).sum() / (24.0 * area) - cx * cy
    small, large = np.linalg.eigvalsh(np.array([[xx, xy], [xy, yy]]))
    ratio = float(np.sqrt(large / max(float(small), 1e-12 * float(large))))
    return float(np.sqrt(abs(area) / np.pi * ratio)), float(np.sqrt(abs(area) / np.pi / ratio))


def irregularity(outline: Outline) -> float:
    """Return P / P(matching ellipse) of the largest part: 1 for any ellipse, higher when winding.

    Unlike 1/circularity it does not rise merely because a crypt was cut lengthwise. Ours. The ellipse's
    perimeter is Ramanujan's second approximation, π (a + b) (1 + 3h / (10 + √(4 − 3h))) with h = (a − b)² /
    (a + b)².
    """
    ring = _largest_ring(outline)
    a, b = matching_ellipse(ring)
    h = ((a - b) / (a + b)) ** 2
    ellipse = np.pi * (a + b) * (1.0 + 3.0 * h / (10.0 + np.sqrt(4.0 - 3.0 * h)))
    return float(_lengths(ring).sum() / ellipse)


def best_alignment(outline: Outline) -> float:
    """Return the best alignment metric: how far the outline stays from its ellipse when best aligned.

    Both closed curves, the largest part's outer ring γ and its `matching_ellipse` ε, are complex functions
    of arc length s in [0, 1), centred on their means and divided by their lengths. Then::

        BAM = min over rotation θ and start point t of  ( ∫ |γ(s) − e^{iθ} ε(s + t)|² ds )^½.

    0 for an ellipse; no unit; independent of position, orientation and size. Two-sided minimum in closed
    form, with one FFT: with c(t) = ∫ γ(s) conj(ε(s + t)) ds the best θ is arg c, and so::

        BAM² = ∫ |γ|² + ∫ |ε|² − 2 max_t |c(t)|

    References
    ----------
    Awan et al., Glandular Morphometrics for Objective Grading of Colorectal Adenocarcinoma Histology Images,
    Scientific Reports 7:16852, 2017. The idea and the name are theirs; normalisation and the choice of
    ellipse are written here from its description, so values are not comparable with the paper's.
    """
    ring = _largest_ring(outline)
    a, b = matching_ellipse(ring)
    gland = _arc_length_curve(ring)
    ellipse = _arc_length_curve(_CIRCLE * (a, b))
    correlation = np.fft.ifft(np.fft.fft(gland) * np.conj(np.fft.fft(ellipse)))
    total = np.sum(np.abs(gland) ** 2) + np.sum(np.abs(ellipse) ** 2) - 2.0 * np.abs(correlation).max()
    return float(np.sqrt(max(float(total), 0.0) / _SAMPLES))


def fractal_dimension(outline: Outline, *, extent: float, pixel: float) -> float:
    """Return the box-counting dimension of all boundaries: 1 if smooth, towards 2 as they fill the plane.

    N(s) boxes of side s hold a piece of the boundary; the dimension is the slope of log N against log 1/s,
    fitted for s = D/4, D/8, ... D/64 (D the bounding circle's diameter) as long as s ≥ 2 pixels. Sides
    follow the gland, not the micron, so size alone does not change the value. N is the mean over 2 × 2
    shifts of the grid.

    Parameters
    ----------
    outline : Polygon or MultiPolygon
        In any unit.
    extent, pixel : float
        Diameter of the bounding circle and side of a pixel, in the outline's unit.

    Returns
    -------
    float
        NaN for glands under 32 pixels across, for which fewer than three sides remain.

    References
    ----------
    Mandelbrot, The Fractal Geometry of Nature, 1982; in glands: Esgiar et al., IEEE Trans. Inf.
    Technol. Biomed. 6(1), 2002.
    """
    sides = [extent / 2**power for power in range(2, 7) if extent / 2**power >= 2.0 * pixel]
    if len(sides) < 3:
        return float("nan")
    points = shapely.get_coordinates(shapely.segmentize(outline.boundary, 0.5 * pixel))
    points -= (points.min(axis=0) + points.max(axis=0)) / 2.0
    counts = [_mean_boxes(points / side) for side in sides]
    slope, _ = np.polyfit(-np.log(sides), np.log(counts), 1)
    return float(slope)


def _mean_boxes(points: NDArray[np.float64]) -> float:
    """Count the unit boxes that hold a point, on average over the shifts of the grid."""
    cells = np.floor(points.T[:, None] + _GRID_SHIFTS[:, None]).astype(np.intp)  # (2, shifts, V)
    x, y = cells - cells.min(axis=(1, 2), keepdims=True)
    width, height = int(x.max()) + 1, int(y.max()) + 1
    grids = np.arange(len(_GRID_SHIFTS) ** 2).reshape(-1, len(_GRID_SHIFTS), 1) * width
    held = np.zeros(grids.size * width * height, dtype=bool)
    held[((grids + x[:, None]) * height + y).ravel()] = True
    return np.count_nonzero(held) / grids.size


def _largest_ring(outline: Outline) -> Ring:
    """Return the outer ring of the largest part with positive `shoelace_area`, not closed."""
    rings = outer_rings(outline)
    exterior = rings[0] if len(rings) == 1 else max(rings, key=lambda ring: shapely.Polygon(ring).area)
    ring: Ring = shapely.get_coordinates(exterior)[:-1]
    return ring if shoelace_area(ring) > 0 else ring[::-1]


def _lengths(ring: Ring) -> NDArray[np.float64]:
    """Return the length of each edge, the closing one included, shape (V,)."""
    steps = following(ring) - ring
    lengths: NDArray[np.float64] = np.hypot(steps[:, 0], steps[:, 1])
    return lengths


def _arc_length_curve(ring: Ring) -> NDArray[np.complex128]:
    """Resample a ring at equal arc lengths as x + iy, mean 0, length 1; shape (_SAMPLES,)."""
    travelled = np.concatenate([[0.0], np.cumsum(_lengths(ring))])
    closed = np.concatenate([ring, ring[:1]])
    at = np.linspace(0.0, travelled[-1], _SAMPLES, endpoint=False)
    x, y = (np.interp(at, travelled, closed[:, axis]) for axis in (0, 1))
    curve: NDArray[np.complex128] = (x + 1j * y) / travelled[-1]
    curve -= curve.mean()
    return curve
