"""Segment one slide of any size, in bounded memory, so that a run that was killed can go on.

What takes long, the network's answer for each window, is kept beside the results in ``.<name>.work`` until
they are whole. Everything after the windows is made anew from them, always the same, and appears under its
final name as a whole.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from acinus.core.files import make_folder, output_error, read_json, write_json
from acinus.core.progress import Progress
from acinus.core.run import fingerprint, run_record
from acinus.core.settings import settings_to_plain
from acinus.glands import summarise
from acinus.glands.spool import OutlineSpool
from acinus.inference.slide.compute import compute_windows
from acinus.inference.slide.finding import find_glands, timed
from acinus.inference.slide.job import WindowJob
from acinus.inference.slide.plan import plan_windows
from acinus.pipeline.estimator import GlandSegmenter
from acinus.pipeline.model import model_state
from acinus.pipeline.slide_model import SavedModel, prepared, reach_px_of
from acinus.results.files import LABELS_ZARR, RUN, work_folder
from acinus.results.ngff import LabelPyramid
from acinus.results.overlay import slide_overlay
from acinus.results.record import (
    ImageRecord,
    Origin,
    OriginName,
    ScannedPart,
    results_code,
    write_record,
)
from acinus.results.writing import new_result, write_glands, write_overlay
from acinus.slides.identity import file_identity
from acinus.slides.opening import open_slide
from acinus.slides.reader import SlideReader

__all__ = ["segment_slide", "slide_fingerprint", "slide_state"]

_NOTE = "work.json"


def segment_slide(
    path: Path,
    model: GlandSegmenter,
    *,
    out: Path,
    name: str | None = None,
    mpp: float | None = None,
    origin: OriginName = "level0",
    client: Any = None,
    model_name: str | None = None,
    progress: Progress | None = None,
) -> ImageRecord:
    """Write the results of one slide to ``out/<name>/``, replacing earlier ones as a whole.

    ``labels.zarr`` (OME-NGFF 0.5), ``glands.geojson.gz``, ``glands.parquet``, ``glands.csv``,
    ``overlay.jpg``, ``image.json`` and ``run.json``. Glands are segmented and measured at the model's
    resolution.

    Parameters
    ----------
    name : str, optional
        By default the file's stem.
    mpp : float, optional
        µm per pixel at level 0, overriding what the file says.
    origin : {"level0", "bounds"}
        From where the coordinates of outlines, tables and label map count: the corner of the whole slide, or
        that of the scanned part, from which QuPath counts on slides that have one.
    client : distributed.Client, optional
        Its workers compute the windows and measure the glands; they must see `path` and `out` under the same
        names. The results are the same to the bit.
    model_name : str, optional
        Where the model came from, for the run file.

    Returns
    -------
    ImageRecord
        With the number of glands, the tissue's area, and the seconds by phase; ``read``, ``network`` and
        ``write`` are those of the windows that this run computed.

    Raises
    ------
    InputError
        When the slide cannot be read, or its resolution is unknown or absurd.
    OutputError
        When `out` cannot be written to or its disk is full; what was computed is kept.
    """
    name = path.stem if name is None else name
    identity = file_identity(path)
    with open_slide(path, mpp=mpp) as reader:
        refinement, grouping = model.settings.refinement, model.settings.grouping
        plan = plan_windows(
            reader,
            mpp=grouping.mpp,
            reach_px=reach_px_of(grouping.network),
            stride_px=grouping.network.stride,
            refinement=refinement,
        )
        state = slide_state(model_state(model.fitted.network, model.settings), identity)
        work = _work_of(fingerprint(state, str(mpp), repr(plan)), work_folder(out, name))
        shared = work.resolve() / "model"
        job = WindowJob(
            slide=path.resolve(),
            mpp=mpp,
            load=SavedModel(shared, str(model.device)),
            plan=plan,
            refinement=refinement,
            folder=work.resolve() / "windows",
            state=state,
        )
        if client is not None and not (shared / "model.json").is_file():
            model.save(shared)  # where the workers see it
        seconds = asdict(
            compute_windows(job, segmenter=prepared(model.fitted), client=client, progress=progress)
        )
        grid, scanned = plan.grid, reader.bounds
        x_px, y_px = (scanned.x, scanned.y) if origin == "bounds" else (0, 0)
        corner = Origin(name=origin, x_px=x_px, y_px=y_px)
        with new_result(out / name) as new, OutlineSpool(work / "outlines.wkb") as outlines:
            pyramid = LabelPyramid(
                new / LABELS_ZARR,
                size=grid.size,
                mpp=grid.mpp,
                native_mpp=grid.native_mpp,
                origin_um=(corner.x_px * grid.native_mpp, corner.y_px * grid.native_mpp),
            )
            found = find_glands(
                job,
                reader,
                model.settings.instances,
                labels=pyramid.base,
                labels_path=new / LABELS_ZARR,
                outlines=outlines,
                seconds=seconds,
                origin_px=(corner.x_px, corner.y_px),
                client=client,
                progress=progress,
            )
            with timed(seconds, "output"):
                pyramid.finish()
                write_glands(
                    new,
                    found.glands,
                    enumerate(outlines, start=1),
                    name=name,
                    compressed=True,
                    scale=1.0 / grid.native_mpp,
                    origin_px=(corner.x_px, corner.y_px),
                )
                write_overlay(new, slide_overlay(reader, outlines, native_mpp=grid.native_mpp))
            run = run_record(
                command=None,
                settings=settings_to_plain(model.settings),
                seed=None,
                inputs=[{"name": name, "path": str(job.slide), **identity}],
            )
            write_json(new / RUN, {**run, "model": model_name, "stain": model.stain})
            record = ImageRecord(
                kind="slide",
                name=name,
                path=str(job.slide),
                width_px=reader.size.width,
                height_px=reader.size.height,
                mpp=grid.native_mpp,
                working_mpp=grid.mpp,
                scanned=ScannedPart.of(scanned),
                origin=corner,
                gland_count=len(found.glands),
                gland_area_fraction=_share(float(found.glands["area_um2"].sum()), reader, grid.native_mpp),
                tissue_area_um2=found.tissue_area_um2,
                quality=found.quality,
                summary=summarise(found.glands, tissue_area_um2=found.tissue_area_um2),
                seconds={phase: round(value, 3) for phase, value in seconds.items()},
                model=model_name,
                fingerprint=slide_fingerprint(state, mpp=mpp, origin=origin),
                code=results_code(),
            )
            write_record(new, record)
    shutil.rmtree(work, ignore_errors=True)
    return record


def slide_state(model: str, identity: dict[str, Any]) -> str:
    """Return a digest of a model, as `model_state` tells it, and of a slide, as `file_identity` does."""
    return fingerprint(model, orjson.dumps(identity))


def slide_fingerprint(state: str, *, mpp: float | None, origin: OriginName) -> str:
    """Return a digest of all that a slide's results depend on.

    Parameters
    ----------
    state : str
        Of `slide_state`.
    """
    return fingerprint(state, str(mpp), origin)


def _share(area_um2: float, reader: SlideReader, mpp: float) -> float:
    """Return an area as a share of the slide's; the working grid may reach a pixel beyond the slide."""
    return min(1.0, area_um2 / (reader.size.width * reader.size.height * mpp**2))


def _work_of(made_from: str, folder: Path) -> Path:
    """Return the work folder, emptied unless it belongs to the same computation."""
    try:
        if read_json(folder / _NOTE) == made_from:
            return folder
    except (OSError, ValueError):  # absent, or damaged
        pass
    try:
        if folder.exists():
            shutil.rmtree(folder)
    except OSError as error:
        raise output_error(error, folder) from error
    make_folder(folder)
    write_json(folder / _NOTE, made_from)
    return folder
