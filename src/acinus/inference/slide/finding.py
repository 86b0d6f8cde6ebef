"""All glands of a slide whose windows are computed: labelled, measured, outlined."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acinus.core.progress import Progress, timed
from acinus.glands import Glands
from acinus.glands.measure import with_neighbours
from acinus.glands.spool import OutlineSpool
from acinus.inference.instances import InstanceSettings
from acinus.inference.slide.allocation import give_back_unused
from acinus.inference.slide.job import WindowJob
from acinus.inference.slide.kept import KeptSource, keep_refined
from acinus.inference.slide.labelling import label_slide
from acinus.inference.slide.lumina import find_lumina
from acinus.inference.slide.measure_slide import MeasureJob, measure_slide
from acinus.inference.slide.measuring import boxes_of
from acinus.inference.slide.refining import TissueSource, refined_source
from acinus.inference.slide.source import ProbabilitySource
from acinus.inference.slide.tissue import SlideTissue
from acinus.results.ngff import LabelChunks

__all__ = ["SlideGlands", "find_glands"]


@dataclass(frozen=True)
class SlideGlands:
    """What was found on a slide.

    Attributes
    ----------
    glands : Glands
    tissue_area_um2 : float
        Glands included.
    quality : float or None
        Label-free estimate of how far to trust this, 0..1; None without tissue. See `Confidence`.
    """

    glands: Glands
    tissue_area_um2: float
    quality: float | None


def find_glands(
    job: WindowJob,
    tissue: SlideTissue,
    settings: InstanceSettings,
    *,
    labels: LabelChunks,
    labels_path: Path,
    outlines: OutlineSpool,
    seconds: dict[str, float],
    origin_px: tuple[float, float] = (0.0, 0.0),
    client: Any = None,
    progress: Progress | None = None,
) -> SlideGlands:
    """Label and measure a slide from its windows.

    Parameters
    ----------
    job : WindowJob
        Its store is complete.
    tissue : SlideTissue
        Of the job.
    labels : LabelChunks
        Empty; takes the label map, on the working grid.
    labels_path : Path
        The ``labels.zarr`` they are in, which other processes open.
    outlines : OutlineSpool
        Takes the outlines in µm from the slide's corner, in the order of the labels.
    seconds : dict of str to float
        Takes how long ``lumina``, ``colours``, ``refine``, ``label`` and ``measure`` took.
    origin_px : (float, float)
        Level-0 x, y from which centroids are to count.
    client : distributed.Client, optional
        Its workers measure.
    """
    grid, store = job.plan.grid, job.store()
    with timed(seconds, "lumina"):
        lumina = find_lumina(tissue, store, job.refinement, progress=progress)
    with timed(seconds, "colours"):
        refined = refined_source(store, tissue, job.refinement, lumina=lumina, progress=progress)
    with timed(seconds, "refine"):
        source = refined or TissueSource(store, tissue, lumina)
        kept = job.refined_store()
        confidence = keep_refined(source, tissue, into=kept, progress=progress)
    with timed(seconds, "label"):
        boxes, beyond_px = _lay_labels(
            KeptSource(kept, source),
            tissue,
            settings,
            mpp=grid.mpp,
            into=labels,
            progress=progress,
        )
        labels.flush()
    store.let_go()
    give_back_unused()
    with timed(seconds, "measure"):
        measuring = MeasureJob(job, tissue.bounds, labels_path.resolve(), settings.threshold)
        columns = measure_slide(
            measuring,
            boxes,
            labels=labels,
            probability=kept,
            spool=outlines,
            client=client,
            progress=progress,
        )
        columns["centroid_x_um"] -= origin_px[0] * grid.native_mpp
        columns["centroid_y_um"] -= origin_px[1] * grid.native_mpp
        glands = with_neighbours(columns, outlines)
    give_back_unused()
    return SlideGlands(
        glands=glands,
        tissue_area_um2=tissue.area_um2 + beyond_px * grid.mpp**2,
        quality=confidence.mean,
    )


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
