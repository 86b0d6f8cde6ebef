"""Pictures for the page: thumbnails and crops as JPEG inside the file, outlines above them as SVG."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import shapely
from markupsafe import Markup
from PIL import Image, UnidentifiedImageError

from acinus.core.errors import AcinusError
from acinus.core.geometry import Box
from acinus.core.image import BoolMask, RgbArray
from acinus.core.spread import evenly_spaced
from acinus.report.outlines import Ring, svg_path
from acinus.results.folder import ImageResult
from acinus.slides import SlideReader, open_slide, overview, tissue_mask
from acinus.slides.focus import FOCUS_MPP
from acinus.slides.tissue import OVERVIEW_MPP

__all__ = [
    "Picture",
    "ScaleBar",
    "crop_picture",
    "data_uri",
    "focus_samples",
    "opened",
    "overlay_picture",
    "thumbnail",
]

_JPEG_QUALITY = 84
_FIELD_UM = 1024.0  # side of a field in which a large slide is judged
_MOST_FIELDS = 16
_WHOLE_PX = 6_000_000  # up to this many pixels at FOCUS_MPP an image is judged whole
_OVERVIEW_PX = 4_000_000  # 16 × 16 mm at 8 µm/px; what is larger is looked at more coarsely
_TITLED_GLANDS = 400  # up to this many glands each outline answers the pointer with its number
_MAX_BAR_SHARE = 0.28


@dataclass(frozen=True)
class ScaleBar:
    """A round length and the share of the picture's width that it takes, in per cent."""

    label: str
    percent: float


@dataclass(frozen=True)
class Picture:
    """A picture ready for the template.

    Attributes
    ----------
    uri : str
        The pixels as a data URI.
    width, height : int
        In its own pixels.
    outlines : Markup
        SVG elements in those pixels; empty where the outlines are in the pixels already.
    artefacts : Markup
        Likewise, of what was left out of a slide.
    bar : ScaleBar
    """

    uri: str
    width: int
    height: int
    outlines: Markup
    bar: ScaleBar
    artefacts: Markup = field(default_factory=Markup)


@contextmanager
def opened(image: ImageResult) -> Iterator[SlideReader | None]:
    """Yield the reader of the stained image, or None where it is gone, damaged or no longer the same size.

    Of a file that opens, damage may still show when it is read.
    """
    reader: SlideReader | None = None
    if image.source is not None:
        try:
            reader = open_slide(image.source, mpp=image.record.mpp)
        except (AcinusError, OSError):
            reader = None
    if reader is not None and reader.size != image.record.size:
        reader.close()
        reader = None
    try:
        yield reader
    finally:
        if reader is not None:
            reader.close()


def thumbnail(
    image: ImageResult, reader: SlideReader, outlines: dict[int, list[Ring]], *, side_px: int
) -> Picture:
    """Return the whole image with its outlines, its longer side at most `side_px`."""
    box = Box(0, 0, image.record.width_px, image.record.height_px)
    return _picture(image, reader, box, outlines, side_px=side_px, chosen=None)


def crop_picture(
    image: ImageResult,
    reader: SlideReader,
    outlines: dict[int, list[Ring]],
    *,
    chosen: int,
    box: Box,
    side_px: int,
) -> Picture:
    """Return one gland in its surroundings, its outline drawn stronger than the others'."""
    return _picture(image, reader, box, outlines, side_px=side_px, chosen=chosen)


def overlay_picture(path: Path, *, width_um: float, side_px: int) -> Picture | None:
    """Return the written overlay, reduced; None where it cannot be read."""
    try:
        with Image.open(path) as picture:
            picture.draft("RGB", (side_px, side_px))
            small = picture.convert("RGB")
            small.thumbnail((side_px, side_px), Image.Resampling.LANCZOS)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError):
        return None
    rgb = np.asarray(small)
    return Picture(data_uri(rgb), small.width, small.height, Markup(""), scale_bar(width_um))


def focus_samples(image: ImageResult, reader: SlideReader) -> tuple[list[RgbArray], float, float | None]:
    """Return what a picture is judged by: all of it, or those fields of a slide that have most tissue.

    Returns
    -------
    samples : list of ndarray of shape (H, W, 3), uint8
        Empty for a slide without tissue.
    mpp : float
        µm per pixel of the samples.
    tissue_fraction : float or None
        Share of the whole slide that is tissue, 0..1; None where the one sample is the whole picture.
    """
    mpp = max(image.record.mpp, FOCUS_MPP)
    if image.record.area_um2 / mpp**2 <= _WHOLE_PX:
        return [reader.read(Box(0, 0, image.record.width_px, image.record.height_px), mpp=mpp)], mpp, None
    overview_mpp = max(OVERVIEW_MPP, math.sqrt(image.record.area_um2 / _OVERVIEW_PX))
    tissue = tissue_mask(overview(reader, mpp=overview_mpp), mpp=overview_mpp)
    fields = _fields_with_tissue(image, tissue)
    return [reader.read(field, mpp=mpp) for field in fields], mpp, float(tissue.mean())


def _fields_with_tissue(image: ImageResult, tissue: BoolMask) -> list[Box]:
    """Return up to 16 fields, spread evenly over those that have at least half as much tissue as the fullest.

    Parameters
    ----------
    tissue : ndarray of shape (H, W), bool
        Of the whole slide at any resolution.
    """
    side = max(1, min(round(_FIELD_UM / image.record.mpp), image.record.width_px, image.record.height_px))
    columns, rows = (
        -(-image.record.width_px // side),
        -(-image.record.height_px // side),
    )  # together they cover the slide
    xs = np.linspace(0, image.record.width_px - side, columns).round().astype(int).tolist()
    ys = np.linspace(0, image.record.height_px - side, rows).round().astype(int).tolist()
    shares = cv2.resize(tissue.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA).ravel()
    if shares.max() == 0:
        return []
    full = np.flatnonzero(shares >= shares.max() / 2).tolist()
    return [Box(xs[k % columns], ys[k // columns], side, side) for k in evenly_spaced(full, _MOST_FIELDS)]


def data_uri(rgb: RgbArray) -> str:
    """Return pixels as a JPEG inside a data URI."""
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=_JPEG_QUALITY, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def scale_bar(width_um: float) -> ScaleBar:
    """Return the longest round length that takes at most 28 % of a picture of this width.

    Examples
    --------
    >>> scale_bar(480.0)
    ScaleBar(label='100 µm', percent=20.833)
    >>> scale_bar(30_000.0).label
    '5 mm'
    """
    longest = _MAX_BAR_SHARE * width_um
    power = 10.0 ** np.floor(np.log10(longest))
    length = float(power * max(step for step in (1, 2, 5) if step * power <= longest))
    label = f"{length / 1000:g} mm" if length >= 1000 else f"{length:g} µm"
    return ScaleBar(label, round(100 * length / width_um, 3))


def _picture(
    image: ImageResult,
    reader: SlideReader,
    box: Box,
    outlines: dict[int, list[Ring]],
    *,
    side_px: int,
    chosen: int | None,
) -> Picture:
    mpp = image.record.mpp * max(1.0, max(box.width, box.height) / side_px)
    rgb = reader.read(box, mpp=mpp)
    height, width = rgb.shape[:2]
    scale = width / box.width
    paths = _paths(image, box, outlines, scale=scale, chosen=chosen)
    bar = scale_bar(box.width * image.record.mpp)
    return Picture(data_uri(rgb), width, height, paths, bar, _left_out(image, box, scale=scale))


def _paths(
    image: ImageResult, box: Box, outlines: dict[int, list[Ring]], *, scale: float, chosen: int | None
) -> Markup:
    """Return one path per gland; cut glands dashed, the chosen one strong, its neighbours faint."""
    cut = dict(zip(image.glands["label"].tolist(), image.glands["touches_side"].tolist(), strict=True))
    titled = chosen is None and len(outlines) <= _TITLED_GLANDS
    areas = dict(zip(image.glands["label"].tolist(), image.glands["area_um2"].tolist(), strict=True))
    template = Markup('<path class="{}" d="{}">{}</path>')  # drawn twice by the page, dark below bright
    title = Markup("<title>Gland {}: {} µm²</title>")
    parts = []
    for label, rings in outlines.items():
        if not _touches(rings, box):
            continue
        kind = "gland cut" if cut.get(label) else "gland"
        if chosen is not None:
            kind = "gland" if label == chosen else "gland other"
        words = title.format(label, f"{areas[label]:.0f}") if titled and label in areas else ""
        parts.append(template.format(kind, svg_path(rings, origin=(box.x, box.y), scale=scale), words))
    return Markup("").join(parts)


def _left_out(image: ImageResult, box: Box, *, scale: float) -> Markup:
    """Return one path for each artefact."""
    template = Markup('<path class="artefact" d="{}"><title>{}, left out</title></path>')
    parts = []
    for artefact in image.artefacts:
        rings = [
            shapely.get_coordinates(ring) for ring in shapely.get_rings(shapely.get_parts(artefact.outline))
        ]
        if _touches(rings, box):
            path = svg_path(rings, origin=(box.x, box.y), scale=scale)
            parts.append(template.format(path, artefact.kind.capitalize()))
    return Markup("").join(parts)


def _touches(rings: list[Ring], box: Box) -> bool:
    low, high = np.concatenate(rings).min(axis=0), np.concatenate(rings).max(axis=0)
    return bool(high[0] >= box.x and high[1] >= box.y and low[0] <= box.right and low[1] <= box.bottom)
