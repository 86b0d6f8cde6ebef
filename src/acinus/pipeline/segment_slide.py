"""Segment one slide of any size, in bounded memory, so that a killed run can be resumed.

What takes long, the network's answer for each window, is kept beside the results in ``.<name>.work`` until
they are whole, then in them: see `acinus.pipeline.slide_work`. Everything after the windows is made anew from
them, always the same, and appears under its final name as a whole.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from acinus.core.progress import Progress
from acinus.core.run import fingerprint, run_record
from acinus.core.settings import settings_to_plain
from acinus.glands.roi import RegionOfInterest
from acinus.glands.spool import OutlineSpool
from acinus.inference.slide.allocation import give_back_unused
from acinus.inference.slide.compute import compute_windows
from acinus.inference.slide.finding import find_glands
from acinus.inference.slide.grid import WorkingGrid
from acinus.inference.slide.job import WindowJob
from acinus.inference.slide.plan import plan_windows
from acinus.inference.slide.tissue import SlideTissue, overview_of
from acinus.pipeline.estimator import GlandSegmenter
from acinus.pipeline.familiarity import Familiarity, Rings, foreign_stain, judged
from acinus.pipeline.model import model_state
from acinus.pipeline.slide_fields import fields_of, views_of
from acinus.pipeline.slide_model import SavedModel, prepared
from acinus.pipeline.slide_work import keep_windows, network_state, prepare_work
from acinus.results.files import RESULT_FILES, work_folder
from acinus.results.ownership import in_the_way, refuse_to_replace
from acinus.results.record import ImageRecord, Origin, OriginName, results_code
from acinus.results.writing import new_result, new_slide_labels, write_slide_result
from acinus.slides.coarse import CoarseView
from acinus.slides.identity import file_identity
from acinus.slides.opening import open_slide
from acinus.slides.reader import SlideReader

__all__ = ["segment_slide", "slide_fingerprint", "slide_state"]

_MOST_PX_FOR_STAIN = 4_000_000  # 16 × 16 mm at 8 µm/px; what is larger is looked at more coarsely


def segment_slide(
    path: Path,
    model: GlandSegmenter,
    *,
    out: Path,
    name: str | None = None,
    mpp: float | None = None,
    origin: OriginName = "level0",
    roi: RegionOfInterest | None = None,
    artefacts: bool = True,
    client: Any = None,
    model_name: str | None = None,
    progress: Progress | None = None,
) -> ImageRecord:
    """Write the results of one slide to ``out/<name>/``, replacing earlier ones as a whole.

    ``labels.zarr`` (OME-NGFF 0.5), ``glands.geojson.gz``, ``glands.parquet``, ``glands.csv``,
    ``overlay.jpg``, ``image.json`` and ``run.json``; ``artefacts.geojson`` where there are artefacts;
    ``windows/`` with the network's probability, from which another run with other settings, but the same
    network, makes its results sooner. Glands are segmented and measured at the model's resolution.

    Parameters
    ----------
    name : str, optional
        By default the file's stem.
    mpp : float, optional
        µm per pixel at level 0, overriding what the file says.
    origin : {"level0", "bounds"}
        From where the coordinates of outlines, tables and label map count: the corner of the whole slide, or
        that of the scanned part, from which QuPath counts on slides that have one.
    roi : RegionOfInterest, optional
        What lies outside is not computed, and counts as no tissue.
    artefacts : bool
        Whether pen, folds, bubbles, edges, foreign stain and blur are found and left out likewise; without,
        only ink is.
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
    UsageError
        When something that acinus did not write lies where the result is to be.
    OutputError
        When `out` cannot be written to or its disk is full; what was computed is kept.
    """
    name = path.stem if name is None else name
    refuse_to_replace(in_the_way(out / name, RESULT_FILES))
    identity = file_identity(path)
    state = slide_state(model_state(model.fitted.network, model.fitted_settings), identity)
    with open_slide(path, mpp=mpp) as reader:
        view = overview_of(reader)
        model = _suited(model, reader, view, roi)
        work = work_folder(out, name)
        job = _window_job(
            reader, model, identity, mpp=mpp, roi=roi, artefacts=artefacts, work=work, result=out / name
        )
        tissue, familiarity = _tissue(reader, view, job, model)
        del view  # up to 30 MB
        shared = job.scratch / "model"
        if client is not None and not (shared / "model.json").is_file():
            model.save(shared)  # where the workers see it
        grid = job.plan.grid
        reader.close()  # its blocks take up to 64 MB; whoever reads next opens it again
        seconds = asdict(
            compute_windows(
                job, tissue=tissue, segmenter=prepared(model.fitted), client=client, progress=progress
            )
        )
        place = Origin.of(origin, scanned=reader.bounds)
        with new_result(out / name) as new, OutlineSpool(work / "outlines.wkb") as outlines:
            labels = new_slide_labels(new, grid.size, mpp=grid.mpp, native_mpp=grid.native_mpp, origin=place)
            found = find_glands(
                job,
                tissue,
                model.fitted_settings.instances,
                labels=labels.base,
                labels_path=labels.folder,
                outlines=outlines,
                seconds=seconds,
                origin_px=(place.x_px, place.y_px),
                client=client,
                progress=progress,
            )
            if familiarity is None:
                rings = Rings.of(model.fitted_settings)
                fields = fields_of(reader, grid, tissue, labels.base, mpp=rings.mpp)
                familiarity = judged(fields, stain=model.stain, rings=rings)
                give_back_unused()
            run = run_record(
                command=None,
                settings=settings_to_plain(model.fitted_settings),
                seed=None,
                inputs=[{"name": name, "path": str(job.slide), **identity}],
            )
            record = write_slide_result(
                new,
                reader,
                labels,
                found.glands,
                outlines,
                name=name,
                mpp=grid.native_mpp,
                working_mpp=grid.mpp,
                origin=place,
                tissue_area_um2=found.tissue_area_um2,
                artefacts=tissue.artefacts,
                quality=familiarity.quality(found.quality),
                certainty=found.quality,
                unfamiliar=familiarity.unfamiliar,
                run={**run, "model": model_name, "stain": model.stain},
                seconds=seconds,
                path=job.slide,
                model=model_name,
                fingerprint=slide_fingerprint(state, mpp=mpp, origin=origin, roi=roi, artefacts=artefacts),
            )
    keep_windows(work, out / name)
    return record


def _suited(
    model: GlandSegmenter, reader: SlideReader, view: CoarseView, roi: RegionOfInterest | None
) -> GlandSegmenter:
    """Return the model for the size of the slide's glands, judged by a few fields of it."""
    sizes = model.by_size
    if len(sizes) == 1:
        return model
    grid = WorkingGrid.of(reader, min(each.fitted.mpp for each in sizes))
    tissue = SlideTissue.of(reader, grid, roi, artefacts=False, view=view)
    return model.suited_to(views_of(reader, grid, tissue))


def _tissue(
    reader: SlideReader, view: CoarseView, job: WindowJob, model: GlandSegmenter
) -> tuple[SlideTissue, Familiarity | None]:
    """Return the tissue to segment, and why there is none where the slide's stain is foreign to the model."""
    small = view.reduced(most_px=_MOST_PX_FOR_STAIN)
    familiarity = foreign_stain(small.rgb, model.stain, mpp=small.mpp)
    if familiarity is not None:
        return job.leave_out(reader, view), familiarity
    return job.tissue(reader, view=view), None


def _window_job(
    reader: SlideReader,
    model: GlandSegmenter,
    identity: dict[str, Any],
    *,
    mpp: float | None,
    roi: RegionOfInterest | None,
    artefacts: bool,
    work: Path,
    result: Path,
) -> WindowJob:
    """Plan the windows of a slide and prepare its work folder, with the windows that are there already.

    Parameters
    ----------
    identity : dict
        Of the slide's file, from `file_identity`.
    mpp : float, optional
        As given by the caller, for processes that open the slide themselves.
    work, result : Path
        The work folder, and the folder of an earlier result.
    """
    refinement, grouping = model.fitted_settings.refinement, model.fitted_settings.grouping
    plan = plan_windows(
        reader,
        mpp=grouping.mpp,
        reach_px=grouping.network.reach_px,
        stride_px=grouping.network.stride,
        refinement=refinement,
    )
    made_from = fingerprint(
        network_state(model),
        orjson.dumps(identity),
        str(mpp),
        repr(plan),
        repr(refinement.continued_um),
        results_code(),
        *_state_of(roi, artefacts=artefacts),
    )
    windows = prepare_work(work, result, made_from=made_from)
    return WindowJob(
        slide=reader.path.resolve(),
        mpp=mpp,
        load=SavedModel(work.resolve() / "model", str(model.device)),
        plan=plan,
        refinement=refinement,
        folder=windows.resolve(),
        scratch=work.resolve(),
        state=slide_state(model_state(model.fitted.network, model.fitted_settings), identity),
        tells_depth=grouping.network.tells_depth,
        roi=roi or RegionOfInterest(),
        artefacts=artefacts,
    )


def slide_state(model: str, identity: dict[str, Any]) -> str:
    """Return a digest of a model (from `model_state`) and of a slide (from `file_identity`)."""
    return fingerprint(model, orjson.dumps(identity))


def _state_of(roi: RegionOfInterest | None, *, artefacts: bool) -> list[str]:
    """Return what is added to a digest where not all of the tissue, or more than that, is segmented."""
    return [*([] if roi is None else [roi.state]), *([] if artefacts else ["artefacts are tissue"])]


def slide_fingerprint(
    state: str,
    *,
    mpp: float | None,
    origin: OriginName,
    roi: RegionOfInterest | None = None,
    artefacts: bool = True,
) -> str:
    """Return a digest of all that a slide's results depend on.

    Parameters
    ----------
    state : str
        Of `slide_state`.
    """
    return fingerprint(state, str(mpp), origin, *_state_of(roi, artefacts=artefacts))
