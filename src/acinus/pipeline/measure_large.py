"""Measure a label map that is too large for memory: gland by gland, from disk."""

from __future__ import annotations

import tempfile
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from acinus.core.files import make_folder, write_json
from acinus.core.image import LabelMap
from acinus.core.scratch import bands
from acinus.glands import Glands, summarise
from acinus.glands.crops import Sliceable, gland_crops
from acinus.glands.measure import columns_of, measure_gland, with_neighbours
from acinus.glands.spool import OutlineSpool
from acinus.results.files import MEASURED_FILES, RUN, SUMMARY_JSON
from acinus.results.ownership import claimed
from acinus.results.record import ImageRecord, ScannedPart, results_code, write_record
from acinus.results.writing import write_glands
from acinus.slides.reader import SlideReader
from acinus.slides.tissue import OVERVIEW_MPP, overview, tissue_mask
from acinus.slides.working import WorkingImage

__all__ = ["measure_large"]

_BATCH = 500  # glands held at once


def measure_large(labels: LabelMap, slide: SlideReader, *, mpp: float, out: Path, run: dict[str, Any]) -> int:
    """Write what ``acinus measure`` writes and return the number of glands.

    Memory holds some blocks of the slide, the table of glands and its overview at 8 µm/px. Tissue is what is
    seen there, where for smaller images every pixel of a gland counts as well.

    Parameters
    ----------
    labels : ndarray of shape (H, W), int32
        Of the slide's size, on disk.
    slide : SlideReader
    mpp : float
        µm per pixel of both.
    out : Path
    run : dict
        Content of the run file.

    Raises
    ------
    InputError
        When the slide cannot be read.
    OutputError
        When the files cannot be written.
    """
    image = WorkingImage(slide, mpp=mpp, size=slide.size)
    with tempfile.TemporaryDirectory() as scratch, OutlineSpool(Path(scratch) / "outlines") as outlines:
        glands = _measured(labels, image, outlines, mpp=mpp)
        tissue_area_um2 = _tissue_area_um2(labels, slide, mpp=mpp)
        summary = summarise(glands, tissue_area_um2=tissue_area_um2)
        named = zip(glands["label"].tolist(), outlines, strict=True)
        with claimed(make_folder(out), MEASURED_FILES):
            write_glands(out, glands, named, name=slide.path.stem, scale=1.0 / mpp)
            write_json(out / SUMMARY_JSON, summary)
            write_json(out / RUN, run)
            write_record(out, _record(labels, slide, glands, summary, mpp=mpp))
    return len(glands)


def _record(
    labels: LabelMap, slide: SlideReader, glands: Glands, summary: dict[str, float], *, mpp: float
) -> ImageRecord:
    height, width = labels.shape
    gland_px = sum(int(np.count_nonzero(labels[rows])) for rows in bands(labels.shape))
    return ImageRecord(
        kind="image",
        name=slide.path.stem,
        path=str(slide.path.resolve()),
        width_px=width,
        height_px=height,
        mpp=mpp,
        working_mpp=mpp,
        scanned=ScannedPart(x_px=0, y_px=0, width_px=width, height_px=height),
        gland_count=len(glands),
        gland_area_fraction=gland_px / labels.size,
        tissue_area_um2=summary["tissue_area_um2"],
        summary=summary,
        code=results_code(),
    )


def _measured(labels: LabelMap, image: Sliceable, outlines: OutlineSpool, *, mpp: float) -> Glands:
    """Return the table of glands; their outlines, in µm, go to the spool."""
    crops = gland_crops(labels)
    parts = [columns_of(())]
    while batch := [measure_gland(crop, image, mpp=mpp) for crop in islice(crops, _BATCH)]:
        outlines.extend([gland.outline for gland in batch])
        parts.append(columns_of(gland.row for gland in batch))
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return with_neighbours(columns, outlines)


def _tissue_area_um2(labels: LabelMap, slide: SlideReader, *, mpp: float) -> float:
    """Return the area of tissue and glands on the overview."""
    tissue = tissue_mask(overview(slide), mpp=OVERVIEW_MPP)
    if not tissue.size:
        return 0.0
    rows, columns = (
        ((np.arange(n) + 0.5) * (whole / n)).astype(int)
        for n, whole in zip(tissue.shape, labels.shape, strict=True)
    )
    glands = np.stack([labels[row][columns] for row in rows.tolist()]) > 0
    share = np.count_nonzero(tissue | glands) / tissue.size
    return share * labels.size * mpp**2
