"""Label map to polygons: one valid outline per gland whose area is the area of its pixels.

Three steps. (1) The ring of pixel edges is traced through the middle of every edge (marching squares at ½ on
the gland's mask, diagonal pixels connected). Cutting each corner removes or adds ⅛ px², and a closed ring
has four more convex corners than concave ones, so the pixels inside a ring have exactly its shoelace area +
½. (2) The ring is smoothed along its length with a Gaussian of 2 edges: the stairs go (they would make the
perimeter of a disc 5 to 27 % too long), then it is moved along its normals until it encloses its pixels'
area again. (3) Douglas–Peucker takes out vertices that say nothing, within a tolerance in µm.

The smoothing is the one length here in pixels, not µm: what it removes is the pixel grid itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce

import numpy as np
import shapely
from scipy.ndimage import gaussian_filter1d
from shapely.geometry import MultiPolygon, Polygon

from acinus.core.image import LabelMap
from acinus.core.units import check_mpp, um_to_px
from acinus.glands.crops import GlandCrop, gland_crops
from acinus.glands.rings import Ring, mask_rings

__all__ = ["TOLERANCE_UM", "Outline", "crop_outline", "gland_polygons", "shoelace_area"]

Outline = Polygon | MultiPolygon

TOLERANCE_UM = 0.25
"""Largest distance in µm between the outline written and the outline measured: below what light resolves."""

_SIGMA_EDGES = 2.0  # ours: discs of radius 5 px and more within 0.3 % of 2πr, rectangles 3:1 within 2 %
_EDGES_PER_SIGMA = 16  # short rings are smoothed less, or a single pixel would collapse into a point


def gland_polygons(
    labels: LabelMap, *, mpp: float, tolerance_um: float = TOLERANCE_UM
) -> Iterator[tuple[int, Outline]]:
    """Yield (label, outline) for every gland, in pixels of the label map, in the order of the labels.

    Parameters
    ----------
    labels : ndarray of shape (H, W), int32
        0 background.
    mpp : float
        µm per pixel of the label map.
    tolerance_um : float
        How far simplification may move the outline; 0 keeps every vertex.

    Yields
    ------
    label : int
    outline : Polygon or MultiPolygon
        Valid, not empty. With holes only where the label map has holes; a MultiPolygon only where a label's
        pixels are not connected (diagonally counts as connected). Its area is that of the pixels within 0.5
        % for glands wider than 10 px, and never further off than tolerance × perimeter.

    Raises
    ------
    InputError, MppError
        For what is not a label map and for absurd resolutions.

    Examples
    --------
    >>> labels = np.zeros((40, 40), np.int32)
    >>> labels[10:30, 5:35] = 1
    >>> [(label, outline)] = gland_polygons(labels, mpp=0.5)
    >>> outline.is_valid, abs(outline.area / 600 - 1) < 0.005
    (True, True)
    """
    check_mpp(mpp, source="the label map")
    for crop in gland_crops(labels):
        yield crop.label, simplified(crop_outline(crop), tolerance_px=um_to_px(tolerance_um, mpp=mpp))


def crop_outline(crop: GlandCrop) -> Outline:
    """Return a gland's smooth outline, unsimplified, in pixels of the label map: what is measured."""
    origin = np.array([crop.box.x, crop.box.y], dtype=np.float64)
    rings = [smooth_ring(ring) + origin for ring in mask_rings(crop.mask)]
    outer = [ring for ring in rings if shoelace_area(ring) > 0]
    holes = [ring for ring in rings if shoelace_area(ring) < 0]
    if len(outer) == 1:
        return _valid(Polygon(outer[0], holes))
    # Several parts, perhaps in each other's holes: a point is inside if an odd number of rings surrounds it.
    parts: list[shapely.Geometry] = [_valid(Polygon(ring)) for ring in rings]
    return _valid(reduce(lambda odd, part: shapely.symmetric_difference(odd, part), parts))


def simplified(outline: Outline, *, tolerance_px: float) -> Outline:
    """Remove vertices within the tolerance of the line without them, then give the outline its area back.

    Chords lie inside a convex curve, so plain Douglas–Peucker shrinks round glands by up to 1 %; moving
    every edge outwards by (area lost) / perimeter, a small part of the tolerance, undoes that.
    """
    if tolerance_px <= 0:
        return outline
    fewer = _thinned(outline, tolerance_px)
    moved = fewer.buffer((outline.area - fewer.area) / fewer.length, join_style="mitre")
    return fewer if moved.is_empty else _valid(moved)


def shoelace_area(ring: Ring) -> float:
    """Return the signed area ½ Σ (x_i y_{i+1} − x_{i+1} y_i) of a ring that is not closed."""
    x, y = ring[:, 0], ring[:, 1]
    x2, y2 = following(ring).T
    return 0.5 * float(np.dot(x, y2) - np.dot(x2, y))


def following(ring: Ring) -> Ring:
    """Return for each vertex the next one around the ring; `numpy.roll` takes several times as long."""
    return np.concatenate([ring[1:], ring[:1]])


def smooth_ring(ring: Ring) -> Ring:
    """Smooth a ring of edge middles and give it back the area of its pixels, |shoelace| + ½."""
    signed = shoelace_area(ring)
    target = abs(signed) + 0.5
    sigma = min(_SIGMA_EDGES, len(ring) / _EDGES_PER_SIGMA)
    smooth = gaussian_filter1d(ring, sigma, axis=0, mode="wrap")
    after = following(smooth)
    tangent = after - np.concatenate([smooth[-1:], smooth[:-1]])
    outward = np.stack([tangent[:, 1], -tangent[:, 0]], axis=1) * np.sign(signed)
    outward /= np.maximum(np.hypot(outward[:, 0], outward[:, 1]), 1e-12)[:, None]
    steps = after - smooth
    missing = target - abs(shoelace_area(smooth))
    smooth = smooth + outward * missing / max(float(np.hypot(steps[:, 0], steps[:, 1]).sum()), 1e-12)
    centre = smooth.mean(axis=0)  # the offset is right to first order; scaling by about 1.000 makes it exact
    exact: Ring = centre + (smooth - centre) * np.sqrt(target / abs(shoelace_area(smooth)))
    return exact


def _thinned(outline: Outline, tolerance_px: float) -> Outline:
    """Return the outline with fewer vertices; topology, ten times as slow, is heeded if need be."""
    plain = outline.simplify(tolerance_px, preserve_topology=False)
    rings = len(shapely.get_rings(plain))
    if plain.is_valid and plain.area > 0.0 and rings == len(shapely.get_rings(outline)):
        return _valid(plain)
    return _valid(outline.simplify(tolerance_px, preserve_topology=True))


def _valid(geometry: shapely.Geometry) -> Outline:
    """Return a geometry's polygons, made valid; lines and points left over by the repair are dropped."""
    if isinstance(geometry, Polygon | MultiPolygon) and geometry.is_valid:
        return geometry
    repaired = shapely.get_parts(shapely.get_parts(shapely.make_valid(geometry)))
    polygons = [part for part in repaired if isinstance(part, Polygon) and part.area > 0]
    return polygons[0] if len(polygons) == 1 else MultiPolygon(polygons)
