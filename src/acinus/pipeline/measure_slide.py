"""All glands of one slide measured, here or by the workers of a Dask cluster."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acinus.core.errors import AcinusError
from acinus.core.geometry import Box
from acinus.core.progress import Progress, SilentProgress
from acinus.glands.measure import columns_of
from acinus.glands.spool import OutlineSpool
from acinus.inference.slide.grid import WorkingGrid
from acinus.inference.slide.measuring import LabelSource, MeasuredBatch, measure_batch
from acinus.inference.slide.ngff import open_labels
from acinus.slides.opening import open_slide
from acinus.slides.working import WorkingImage

__all__ = ["MeasureJob", "measure_slide"]

_BATCH = 200  # glands measured at once: about two seconds
_AHEAD = 64  # batches that a cluster works on or holds for this process


@dataclass(frozen=True)
class MeasureJob:
    """All that a process has to know to measure any gland of one slide.

    Attributes
    ----------
    slide : Path
    mpp : float or None
        Overrides the file's µm per level-0 pixel.
    grid : WorkingGrid
    scanned : Box
        The part of the grid where there is something.
    labels : Path
        ``labels.zarr``, its finest level written; a name of its own in each run.
    """

    slide: Path
    mpp: float | None
    grid: WorkingGrid
    scanned: Box
    labels: Path


def measure_slide(
    job: MeasureJob,
    boxes: NDArray[np.int32],
    *,
    labels: LabelSource,
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
    spool : OutlineSpool
        Takes the outlines, in µm, in the order of the labels.
    client : distributed.Client, optional
        Its workers measure; the result is the same to the bit.

    Raises
    ------
    AcinusError
        When the slide cannot be read, or workers are lost again and again.
    """
    progress = progress or SilentProgress()
    starts = range(0, len(boxes), _BATCH)
    parts = [columns_of(())]
    measured = _measured_here(job, boxes, labels) if client is None else _measured_there(job, boxes, client)
    with progress.task(f"Measuring {job.slide.name}", total=len(starts)) as advance:
        for batch in measured:
            spool.extend(batch.outlines)
            parts.append(batch.columns)
            advance()
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _measured_here(job: MeasureJob, boxes: NDArray[np.int32], labels: LabelSource) -> Iterator[MeasuredBatch]:
    with open_slide(job.slide, mpp=job.mpp) as reader:
        image = WorkingImage(reader, mpp=job.grid.mpp, size=job.grid.size)
        for start in range(0, len(boxes), _BATCH):
            yield _measure(job, boxes[start : start + _BATCH], start + 1, labels, image)


def _measured_there(job: MeasureJob, boxes: NDArray[np.int32], client: Any) -> Iterator[MeasuredBatch]:
    """Yield the batches in order, while the workers are some batches ahead."""
    from distributed import KilledWorker

    waiting = (
        client.submit(_measure_on_worker, job, boxes[start : start + _BATCH], start + 1, pure=False)
        for start in range(0, len(boxes), _BATCH)
    )
    ahead = deque(islice(waiting, _AHEAD))
    try:
        while ahead:
            yield ahead.popleft().result()
            ahead.extend(islice(waiting, 1))
    except KilledWorker as error:
        raise AcinusError(
            f"{job.slide.name}: several workers were lost over the same glands; give workers more memory and "
            "run the same command again, what is computed is kept"
        ) from error
    finally:
        client.cancel(list(ahead))


def _measure(
    job: MeasureJob, boxes: NDArray[np.int32], first_label: int, labels: LabelSource, image: WorkingImage
) -> MeasuredBatch:
    return measure_batch(
        [Box(*row) for row in boxes.tolist()],
        first_label=first_label,
        labels=labels,
        image=image,
        scanned=job.scanned,
        mpp=job.grid.mpp,
    )


def _measure_on_worker(job: MeasureJob, boxes: NDArray[np.int32], first_label: int) -> MeasuredBatch:
    labels, image = _opened(job)
    return _measure(job, boxes, first_label, labels, image)


@lru_cache(maxsize=1)
def _opened(job: MeasureJob) -> tuple[LabelSource, WorkingImage]:
    """Return what a worker keeps open from batch to batch."""
    reader = open_slide(job.slide, mpp=job.mpp)
    return open_labels(job.labels), WorkingImage(reader, mpp=job.grid.mpp, size=job.grid.size)
