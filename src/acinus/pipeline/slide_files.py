"""The files of one slide, from its windows: label map, outlines, tables, picture."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from acinus.core.errors import InputError
from acinus.core.files import write_json
from acinus.core.progress import Progress
from acinus.glands import Glands, summarise, write_csv, write_geojson, write_parquet
from acinus.glands.measure import with_neighbours
from acinus.glands.spool import OutlineSpool
from acinus.inference.confidence import Confidence, certainty
from acinus.inference.instances import InstanceSettings
from acinus.inference.slide.grid import WorkingGrid
from acinus.inference.slide.job import WindowJob
from acinus.inference.slide.labelling import label_slide
from acinus.inference.slide.measure_slide import MeasureJob, measure_slide
from acinus.inference.slide.measuring import boxes_of
from acinus.inference.slide.refining import RefinedSource, refined_source
from acinus.inference.slide.source import ProbabilitySource, from_bytes
from acinus.inference.slide.store import WindowStore
from acinus.inference.slide.tissue import SlideTissue
from acinus.results.ngff import LabelChunks, LabelPyramid
from acinus.results.overlay import draw_polygons
from acinus.slides.reader import SlideReader

__all__ = ["Origin", "SlideResult", "write_slide_files"]

Origin = Literal["level0", "bounds"]
"""From where coordinates count: the corner of level 0, or that of the part that was scanned."""

_OVERLAY_SIDE_PX = 4096
_JPEG_QUALITY = 90


@dataclass(frozen=True)
class SlideResult:
    """What became of a slide.

    Attributes
    ----------
    gland_count : int
    tissue_area_um2 : float
        Glands included.
    seconds : dict of str to float
        By phase; ``read``, ``network`` and ``write`` are those of the windows that this run computed.
    """

    gland_count: int
    tissue_area_um2: float
    seconds: dict[str, float]


def write_slide_files(
    folder: Path,
    job: WindowJob,
    reader: SlideReader,
    settings: InstanceSettings,
    *,
    name: str,
    origin: Origin,
    scratch: Path,
    seconds: dict[str, float],
    notes: dict[str, Any],
    client: Any = None,
    progress: Progress | None = None,
) -> SlideResult:
    """Write everything but the run file into an empty folder.

    Parameters
    ----------
    job : WindowJob
        Its store is complete.
    scratch : Path
        An existing folder for what is not kept.
    seconds : dict of str to float
        Of the phases before this.
    notes : dict
        Further entries of ``image.json``.
    client : distributed.Client, optional
        Its workers measure.
    """
    grid, tissue = job.plan.grid, job.tissue(reader)
    corner = (reader.bounds.x, reader.bounds.y) if origin == "bounds" else (0, 0)
    corner_um = (corner[0] * grid.native_mpp, corner[1] * grid.native_mpp)
    pyramid = LabelPyramid(
        folder / "labels.zarr",
        size=grid.size,
        mpp=grid.mpp,
        native_mpp=grid.native_mpp,
        origin_um=corner_um,
    )
    seconds = dict(seconds)
    store = job.store()
    with _timed(seconds, "colours"):
        refined = refined_source(store, tissue, job.refinement, progress=progress)
    with _timed(seconds, "label"):
        boxes, beyond_px = _lay_labels(
            refined or store, tissue, settings, mpp=grid.mpp, into=pyramid.base, progress=progress
        )
        pyramid.base.flush()
    with OutlineSpool(scratch / "outlines.wkb") as outlines:
        with _timed(seconds, "measure"):
            measuring = MeasureJob(job.slide, job.mpp, grid, tissue.bounds, folder.resolve() / "labels.zarr")
            columns = measure_slide(
                measuring, boxes, labels=pyramid.base, spool=outlines, client=client, progress=progress
            )
            columns["centroid_x_um"] -= corner_um[0]
            columns["centroid_y_um"] -= corner_um[1]
            glands = with_neighbours(columns, outlines)
        with _timed(seconds, "output"):
            pyramid.finish()
            write_csv(folder / "glands.csv", glands)
            write_parquet(folder / "glands.parquet", glands)
            write_geojson(
                folder / "glands.geojson.gz",
                enumerate(outlines, start=1),
                name=name,
                glands=glands,
                scale=1.0 / grid.native_mpp,
                offset=(-corner[0], -corner[1]),
            )
            _write_overlay(folder / "overlay.jpg", reader, outlines, grid=grid)
    quality = _confidence(store, refined, tissue).mean
    tissue_um2 = tissue.area_um2 + beyond_px * grid.mpp**2
    result = SlideResult(len(glands), tissue_um2, {key: round(value, 3) for key, value in seconds.items()})
    place = {"from": origin, "x_px": corner[0], "y_px": corner[1]}
    _write_description(
        folder / "image.json",
        reader,
        grid,
        glands,
        result,
        {"name": name, "origin": place, "quality": quality, **notes},
    )
    return result


def _lay_labels(
    source: ProbabilitySource,
    tissue: SlideTissue,
    settings: InstanceSettings,
    *,
    mpp: float,
    into: LabelChunks,
    progress: Progress | None,
) -> tuple[NDArray[np.int32], int]:
    """Label the slide; return each gland's box (N, 4) and how many pixels of glands lie beyond the tissue."""
    boxes = [np.empty((0, 4), dtype=np.int32)]
    beyond_px = 0
    for crop in label_slide(source, settings, mpp=mpp, progress=progress):
        into.add(crop.box, crop.labels)
        boxes.append(boxes_of(crop))
        beyond_px += int(np.count_nonzero((crop.labels > 0) & ~tissue.mask_of(crop.box, rim=False)))
    return np.concatenate(boxes), beyond_px


def _confidence(store: WindowStore, refined: RefinedSource | None, tissue: SlideTissue) -> Confidence:
    """Return how certain the tissue is, window by window."""
    total = Confidence()
    for window in store.plan.windows():
        if tissue.covers(window.core):
            probability, says = (
                (store.read(window.core), None) if refined is None else refined.both(window.core)
            )
            certain = certainty(from_bytes(probability), None if says is None else from_bytes(says))
            total += Confidence.of(certain, tissue.mask_of(window.core, rim=False))
    return total


def _write_overlay(path: Path, reader: SlideReader, outlines: OutlineSpool, *, grid: WorkingGrid) -> None:
    """Draw the outlines on the scanned part of the slide, its longer side 4096 px at most."""
    scanned = reader.bounds
    mpp = grid.native_mpp * max(1.0, max(scanned.width, scanned.height) / _OVERLAY_SIDE_PX)
    try:
        rgb = reader.read(scanned, mpp=mpp)
    except OSError as error:
        raise InputError(f"{reader.path.name} cannot be read ({error}); copy it again") from error
    corner_um = (scanned.x * grid.native_mpp, scanned.y * grid.native_mpp)
    picture = draw_polygons(rgb, outlines, mpp=mpp, corner_um=corner_um)
    Image.fromarray(picture).save(path, quality=_JPEG_QUALITY)


def _write_description(
    path: Path,
    reader: SlideReader,
    grid: WorkingGrid,
    glands: Glands,
    result: SlideResult,
    notes: dict[str, Any],
) -> None:
    """Write ``image.json``: what images have, and what only slides have."""
    scanned = reader.bounds
    gland_um2 = float(glands["area_um2"].sum())
    slide_um2 = reader.size.width * reader.size.height * grid.native_mpp**2
    write_json(
        path,
        {
            "width_px": reader.size.width,
            "height_px": reader.size.height,
            "scanned": {  # what the overlay shows, in level-0 pixels of the whole slide
                "x_px": scanned.x,
                "y_px": scanned.y,
                "width_px": scanned.width,
                "height_px": scanned.height,
            },
            "mpp": grid.native_mpp,
            "working_mpp": grid.mpp,
            "gland_count": len(glands),
            "gland_area_fraction": gland_um2 / slide_um2,
            "tissue_area_um2": result.tissue_area_um2,
            "seconds": result.seconds,
            "summary": summarise(glands, tissue_area_um2=result.tissue_area_um2),
            **notes,
        },
    )


@contextmanager
def _timed(seconds: dict[str, float], phase: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[phase] = time.perf_counter() - start
