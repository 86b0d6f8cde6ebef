"""Write the folder of one image's or slide's results: it appears whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import imagecodecs
import numpy as np
from PIL import Image

from acinus.core.files import write_json
from acinus.core.geometry import Size
from acinus.core.image import BoolMask, LabelMap, RgbArray, RgbImage
from acinus.core.progress import timed
from acinus.core.segmenter import ProbabilityMap, to_bytes
from acinus.glands import Glands, Outline, gland_polygons, measure_glands, summarise, write_geojson
from acinus.glands.spool import OutlineSpool
from acinus.glands.summary import summarise_image
from acinus.results.artefacts import draw_artefacts, write_artefacts
from acinus.results.files import (
    ARTEFACTS,
    GLANDS_CSV,
    GLANDS_PARQUET,
    LABELS_ZARR,
    OUTLINES,
    OUTLINES_GZ,
    OVERLAY,
    PROBABILITY,
    RESULT_FILES,
    RUN,
)
from acinus.results.labels import dots_per_inch, write_labels
from acinus.results.ngff import LabelPyramid
from acinus.results.overlay import OVERLAY_SIDE_PX, draw_outlines, slide_overlay
from acinus.results.ownership import own_folder
from acinus.results.record import ImageRecord, Origin, ScannedPart, results_code, write_record
from acinus.results.tables import write_csv, write_parquet
from acinus.slides.artefacts import Artefacts
from acinus.slides.reader import SlideReader

__all__ = [
    "image_record",
    "new_result",
    "new_slide_labels",
    "write_glands",
    "write_image_result",
    "write_overlay",
    "write_slide_result",
]

_JPEG_QUALITY = 90


@contextmanager
def new_result(folder: Path) -> Iterator[Path]:
    """Yield an empty folder that takes the place of `folder` at the end; what others put there is kept.

    Raises
    ------
    UsageError
        When something that acinus did not write lies where a file of the result is to be.
    OutputError
        When it cannot be written; the old folder is as it was.
    """
    with own_folder(folder, RESULT_FILES) as new:
        yield new


def write_image_result(
    folder: Path,
    image: RgbImage,
    labels: LabelMap,
    probability: ProbabilityMap,
    *,
    tissue: BoolMask,
    quality: float | None,
    certainty: float | None = None,
    unfamiliar: Mapping[str, str] | None = None,
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
    quality, certainty, unfamiliar
        See `ImageRecord`, as for `path`, `model` and `fingerprint`.
    run : mapping
        Content of the run file.

    Raises
    ------
    UsageError
        When something that acinus did not write is in the way.
    OutputError
        When it cannot be written; an earlier result is as it was.
    """
    glands = measure_glands(labels, mpp=image.mpp, image=image.rgb)
    record = image_record(
        image,
        labels,
        glands,
        summarise_image(glands, labels, tissue, mpp=image.mpp),
        path=path,
        quality=quality,
        certainty=certainty,
        unfamiliar=unfamiliar,
        model=model,
        fingerprint=fingerprint,
    )
    with new_result(folder) as new:
        write_labels(new, labels, mpp=image.mpp)
        Image.fromarray(to_bytes(probability)).save(new / PROBABILITY, dpi=dots_per_inch(image.mpp))
        write_overlay(new, draw_outlines(image.rgb, labels, mpp=image.mpp))
        write_glands(new, glands, gland_polygons(labels, mpp=image.mpp), name=image.name)
        write_json(new / RUN, dict(run))
        write_record(new, record)
    return record


def image_record(
    image: RgbImage,
    labels: LabelMap,
    glands: Glands,
    summary: dict[str, float],
    *,
    path: Path | None = None,
    quality: float | None = None,
    certainty: float | None = None,
    unfamiliar: Mapping[str, str] | None = None,
    model: str | None = None,
    fingerprint: str | None = None,
) -> ImageRecord:
    """Return the record of an image whose glands were measured at its own resolution.

    Parameters
    ----------
    labels : ndarray of shape (H, W), int32
    glands : Glands
        Of `measure_glands` on `labels`.
    summary : dict of str to float
        Of `summarise_image`.
    path, quality, certainty, unfamiliar, model, fingerprint
        See `ImageRecord`.
    """
    height, width = image.shape
    return ImageRecord(
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
        quality=None if quality is None else min(1.0, quality),  # rounding may go beyond
        certainty=None if certainty is None else min(1.0, certainty),
        unfamiliar=dict(unfamiliar or {}),
        summary=summary,
        model=model,
        fingerprint=fingerprint,
        code=results_code(),
    )


def new_slide_labels(
    folder: Path, size: Size, *, mpp: float, native_mpp: float, origin: Origin
) -> LabelPyramid:
    """Begin the label map of a slide in the folder of its results.

    Parameters
    ----------
    size : Size
        Of the map.
    mpp, native_mpp : float
        µm per pixel of the map, and of the slide.
    origin : Origin
        From which its translation is to count.
    """
    origin_um = (origin.x_px * native_mpp, origin.y_px * native_mpp)
    return LabelPyramid(folder / LABELS_ZARR, size=size, mpp=mpp, native_mpp=native_mpp, origin_um=origin_um)


def write_slide_result(
    folder: Path,
    slide: SlideReader,
    labels: LabelPyramid,
    glands: Glands,
    outlines: OutlineSpool,
    *,
    name: str,
    mpp: float,
    working_mpp: float,
    origin: Origin,
    tissue_area_um2: float,
    artefacts: Artefacts | None = None,
    quality: float | None,
    certainty: float | None = None,
    unfamiliar: Mapping[str, str] | None = None,
    run: Mapping[str, Any],
    seconds: dict[str, float],
    path: Path,
    model: str | None,
    fingerprint: str,
) -> ImageRecord:
    """Write what a slide's result has beside the finest level of its label map, and return its record.

    Parameters
    ----------
    folder : Path
        Of `new_result`, with `labels` in it.
    slide : SlideReader
        For the overlay.
    labels : LabelPyramid
        Its base is complete.
    glands : Glands
        Centroids counting from `origin`.
    outlines : OutlineSpool
        In µm from the slide's corner, in the order of the labels 1..N.
    name, mpp, working_mpp, origin, tissue_area_um2, quality, certainty, unfamiliar, path, model, fingerprint
        See `ImageRecord`.
    artefacts : Artefacts, optional
        What was left out, on an overview of the slide; None where it was not looked for.
    run : mapping
        Content of the run file.
    seconds : dict of str to float
        By phase; takes that of this one, ``output``.

    Raises
    ------
    InputError
        When the slide cannot be read.
    OutputError
        When the files cannot be written.
    """
    with timed(seconds, "output"):
        labels.finish()
        write_glands(
            folder,
            glands,
            enumerate(outlines, start=1),
            name=name,
            compressed=True,
            scale=1.0 / mpp,
            origin_px=(origin.x_px, origin.y_px),
        )
        drawn = () if artefacts is None else draw_artefacts(artefacts, scale=artefacts.mpp / mpp)
        if drawn:
            write_artefacts(folder / ARTEFACTS, drawn, name=name, origin_px=(origin.x_px, origin.y_px))
        write_overlay(folder, slide_overlay(slide, outlines, drawn, native_mpp=mpp))
    write_json(folder / RUN, dict(run))
    slide_um2 = slide.size.width * slide.size.height * mpp**2
    record = ImageRecord(
        kind="slide",
        name=name,
        path=str(path),
        width_px=slide.size.width,
        height_px=slide.size.height,
        mpp=mpp,
        working_mpp=working_mpp,
        scanned=ScannedPart.of(slide.bounds),
        origin=origin,
        gland_count=len(glands),
        # The label map may reach a pixel beyond the slide.
        gland_area_fraction=min(1.0, float(glands["area_um2"].sum()) / slide_um2),
        tissue_area_um2=tissue_area_um2,
        artefacts=None if artefacts is None else artefacts.areas_um2(),
        quality=None if quality is None else min(1.0, quality),  # rounding may go beyond
        certainty=None if certainty is None else min(1.0, certainty),
        unfamiliar=dict(unfamiliar or {}),
        summary=summarise(glands, tissue_area_um2=tissue_area_um2),
        seconds={phase: round(value, 3) for phase, value in seconds.items()},
        model=model,
        fingerprint=fingerprint,
        code=results_code(),
    )
    write_record(folder, record)
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
    # Pillow would copy the picture to four bytes a pixel first: 67 MB of a slide's.
    encoded = imagecodecs.jpeg8_encode(np.ascontiguousarray(picture), level=_JPEG_QUALITY, subsampling="444")
    (folder / OVERLAY).write_bytes(encoded)
