"""All glands of one slide measured, here or by the workers of a Dask cluster."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acinus.core.cluster import results_on
from acinus.core.geometry import Box, Size
from acinus.core.progress import Progress, SilentProgress
from acinus.glands.measure import columns_of
from acinus.glands.spool import OutlineSpool
from acinus.inference.slide.fine import fine_factor
from acinus.inference.slide.job import WindowJob
from acinus.inference.slide.measuring import FineGrid, LabelSource, MeasuredBatch, measure_batch
from acinus.inference.slide.source import ProbabilitySource
from acinus.results.ngff import open_labels
from acinus.slides.opening import open_slide
from acinus.slides.reader import SlideReader
from acinus.slides.working import WorkingImage

__all__ = ["MeasureJob", "measure_slide"]

_BATCH = 200  # glands measured at once: about two seconds
_AT_A_TIME = 64  # batches that a cluster works on


@dataclass(frozen=True)
class MeasureJob:
    """All that a process has to know to measure any gland of one slide.

    Attributes
    ----------
    windows : WindowJob
        Their refined probability is kept: see `acinus.inference.slide.kept`.
    scanned : Box
        The part of the working grid where there is something.
    labels : Path
        ``labels.zarr``, its finest level written; a name of its own in each run.
    threshold : float
        Probability from which a pixel is gland.
    """

    windows: WindowJob
    scanned: Box
    labels: Path
    threshold: float

    @property
    def grid(self) -> FineGrid:
        """On what the glands are measured."""
        working = self.windows.plan.grid
        factor = fine_factor(mpp=working.mpp, native_mpp=working.native_mpp)
        return FineGrid(working.mpp, factor, self.threshold, self.scanned)

    def open_slide(self) -> SlideReader:
        """Open the slide."""
        return open_slide(self.windows.slide, mpp=self.windows.mpp)

    def image(self, reader: SlideReader) -> WorkingImage:
        """Return the slide at the resolution at which its glands are measured."""
        size, grid = self.windows.plan.grid.size, self.grid
        fine = Size(size.width * grid.factor, size.height * grid.factor)
        return WorkingImage(reader, mpp=grid.mpp / grid.factor, size=fine)


def measure_slide(
    job: MeasureJob,
    boxes: NDArray[np.int32],
    *,
    labels: LabelSource,
    probability: ProbabilitySource,
    spool: OutlineSpool,
    client: Any = None,
    progress: Progress | None = None,
) -> dict[str, NDArray[Any]]:
    """Measure the glands 1..N and return the columns of those that need no neighbours.

    Parameters
    ----------
    boxes : ndarray of shape (N, 4), int32
        x, y, width and height of each on the working grid.
    labels : LabelSource
        The finest level of ``job.labels``, for this process.
    probability : ProbabilitySource
        What is kept of ``job.windows``, likewise.
    spool : OutlineSpool
        Takes the outlines, in µm, in the order of the labels.
    client : distributed.Client, optional
        Its workers measure; the result is the same to the bit.

    Raises
    ------
    AcinusError
        When the slide cannot be read, or workers or the scheduler are lost.
    """
    progress = progress or SilentProgress()
    starts = range(0, len(boxes), _BATCH)
    parts = [columns_of(())]
    measured = (
        _measured_here(job, boxes, labels, probability)
        if client is None
        else _measured_there(job, boxes, client)
    )
    with progress.task(f"Measuring {job.windows.slide.name}", total=len(starts)) as advance:
        for batch in measured:
            spool.extend(batch.outlines)
            parts.append(batch.columns)
            advance()
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _measured_here(
    job: MeasureJob, boxes: NDArray[np.int32], labels: LabelSource, probability: ProbabilitySource
) -> Iterator[MeasuredBatch]:
    with job.open_slide() as reader:
        image = job.image(reader)
        for start in range(0, len(boxes), _BATCH):
            yield _measure(job, boxes[start : start + _BATCH], start + 1, labels, probability, image)


def _measured_there(job: MeasureJob, boxes: NDArray[np.int32], client: Any) -> Iterator[MeasuredBatch]:
    """Yield the batches in order; some of them are with the workers, or held here, at a time."""
    starts = range(0, len(boxes), _BATCH)
    for group in (starts[k : k + _AT_A_TIME] for k in range(0, len(starts), _AT_A_TIME)):
        futures = [
            client.submit(_measure_on_worker, job, boxes[start : start + _BATCH], start + 1, pure=False)
            for start in group
        ]
        yield from sorted(results_on(client, futures), key=lambda batch: int(batch.columns["label"][0]))


def _measure(
    job: MeasureJob,
    boxes: NDArray[np.int32],
    first_label: int,
    labels: LabelSource,
    probability: ProbabilitySource,
    image: WorkingImage,
) -> MeasuredBatch:
    return measure_batch(
        [Box(*row) for row in boxes.tolist()],
        job.grid,
        first_label=first_label,
        labels=labels,
        probability=probability,
        image=image,
    )


def _measure_on_worker(job: MeasureJob, boxes: NDArray[np.int32], first_label: int) -> MeasuredBatch:
    reader, labels, probability, image = _kept(job)
    with reader:  # closed after the batch; the next one opens it again
        return _measure(job, boxes, first_label, labels, probability, image)


@lru_cache(maxsize=1)
def _kept(job: MeasureJob) -> tuple[SlideReader, LabelSource, ProbabilitySource, WorkingImage]:
    """Return what a worker keeps from batch to batch: the blocks of slide and maps that it has read."""
    reader = job.open_slide()
    return reader, open_labels(job.labels), job.windows.refined_store(), job.image(reader)
