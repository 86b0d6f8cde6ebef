"""Write the folder of one image's or slide's results: it appears whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from acinus.core.files import atomic_path, write_json
from acinus.core.image import BoolMask, LabelMap, RgbArray, RgbImage
from acinus.core.segmenter import ProbabilityMap
from acinus.glands import Glands, Outline, gland_polygons, measure_glands, write_geojson
from acinus.glands.summary import summarise_image
from acinus.results.files import (
    GLANDS_CSV,
    GLANDS_PARQUET,
    OUTLINES,
    OUTLINES_GZ,
    OVERLAY,
    PROBABILITY,
    RUN,
    keep_what_others_wrote,
)
from acinus.results.labels import dots_per_inch, write_labels
from acinus.results.overlay import OVERLAY_SIDE_PX, draw_outlines
from acinus.results.record import ImageRecord, ScannedPart, results_code, write_record
from acinus.results.tables import write_csv, write_parquet

__all__ = ["new_result", "write_glands", "write_image_result", "write_overlay"]

_JPEG_QUALITY = 90


@contextmanager
def new_result(folder: Path) -> Iterator[Path]:
    """Yield an empty folder that takes the place of `folder` at the end; what others put there is kept.

    Raises
    ------
    OutputError
        When it cannot be written; the old folder is as it was.
    """
    with atomic_path(folder) as temporary:
        temporary.mkdir()
        yield temporary
        keep_what_others_wrote(folder, temporary)


def write_image_result(
    folder: Path,
    image: RgbImage,
    labels: LabelMap,
    probability: ProbabilityMap,
    *,
    tissue: BoolMask,
    quality: float | None,
    run: Mapping[str, Any],
    path: Path | None = None,
    model: str | None = None,
    fingerprint: str | None = None,
) -> ImageRecord:
    """Write all results of an image that was segmented in memory and return their record.

    Parameters
    ----------
    folder : Path
        Replaced as a whole, in one rename; what others put into it is kept.
    image : RgbImage
        Named as in tables and pages.
    labels : ndarray of shape (H, W), int32
    probability : ndarray of shape (H, W), float32
        P(gland), 0..1.
    tissue : ndarray of shape (H, W), bool
    quality : float or None
        See `ImageRecord`, as for `path`, `model` and `fingerprint`.
    run : mapping
        Content of the run file.

    Raises
    ------
    OutputError
        When it cannot be written; an earlier result is as it was.
    """
    glands = measure_glands(labels, mpp=image.mpp, image=image.rgb)
    summary = summarise_image(glands, labels, tissue, mpp=image.mpp)
    height, width = image.shape
    record = ImageRecord(
        kind="image",
        name=image.name,
        path=None if path is None else str(path),
        width_px=width,
        height_px=height,
        mpp=image.mpp,
        working_mpp=image.mpp,
        scanned=ScannedPart(x_px=0, y_px=0, width_px=width, height_px=height),
        gland_count=len(glands),
        gland_area_fraction=float((labels > 0).mean()),
        tissue_area_um2=summary["tissue_area_um2"],
        quality=quality,
        summary=summary,
        model=model,
        fingerprint=fingerprint,
        code=results_code(),
    )
    with new_result(folder) as new:
        write_labels(new, labels, mpp=image.mpp)
        shown = np.rint(probability * 255.0).astype(np.uint8)
        Image.fromarray(shown).save(new / PROBABILITY, dpi=dots_per_inch(image.mpp))
        write_overlay(new, draw_outlines(image.rgb, labels, mpp=image.mpp))
        write_glands(new, glands, gland_polygons(labels, mpp=image.mpp), name=image.name)
        write_json(new / RUN, dict(run))
        write_record(new, record)
    return record


def write_glands(
    folder: Path,
    glands: Glands,
    outlines: Iterable[tuple[int, Outline]],
    *,
    name: str,
    compressed: bool = False,
    scale: float = 1.0,
    origin_px: tuple[float, float] = (0.0, 0.0),
) -> None:
    """Write the tables of the glands of an image or slide, and their outlines.

    Parameters
    ----------
    outlines : iterable of (label, Polygon or MultiPolygon)
    name : str
        Of the image, from which the outlines' ids are made.
    compressed : bool
        Write ``glands.geojson.gz``, as slides have it.
    scale : float
        Level-0 pixels per unit of the outlines.
    origin_px : (float, float)
        Level-0 x, y from which the written outlines are to count.
    """
    write_csv(folder / GLANDS_CSV, glands)
    write_parquet(folder / GLANDS_PARQUET, glands)
    write_geojson(
        folder / (OUTLINES_GZ if compressed else OUTLINES),
        outlines,
        name=name,
        glands=glands,
        scale=scale,
        offset=(-origin_px[0], -origin_px[1]),
    )


def write_overlay(folder: Path, picture: RgbArray) -> None:
    """Write the overlay, shrunk where it is larger than anybody looks at."""
    scale = OVERLAY_SIDE_PX / max(picture.shape[:2])
    if scale < 1.0:
        size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    # Colours at full resolution: thin green lines would fade with half of it.
    Image.fromarray(picture).save(folder / OVERLAY, quality=_JPEG_QUALITY, subsampling=0)
