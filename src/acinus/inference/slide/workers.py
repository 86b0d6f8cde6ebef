"""Windows computed by the workers of a Dask cluster, which write into a folder that all machines see."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

from acinus.core.cluster import results_on
from acinus.core.errors import OutputError
from acinus.core.segmenter import Segmenter
from acinus.inference.slide.allocation import large_blocks_kept
from acinus.inference.slide.job import PhaseSeconds, WindowJob
from acinus.inference.slide.one_process import OpenJob, compute_in_turn
from acinus.inference.slide.plan import Window
from acinus.inference.slide.store import WindowStore
from acinus.slides.opening import open_slide

__all__ = ["compute_on_workers"]

_SHARED_FOLDER_S = 60.0  # NFS shows other machines' files up to so much later


def compute_on_workers(
    job: WindowJob, store: WindowStore, windows: Sequence[Window], client: Any, advance: Callable[[], None]
) -> PhaseSeconds:
    """Let workers compute windows, one task a window, and wait until the store has them.

    Raises
    ------
    OutputError
        When the workers write into a folder that is not this one.
    AcinusError
        When a worker cannot read the slide or the model, or workers are lost again and again.
    """
    futures = [
        client.submit(_compute_on_worker, job, window.index_x, window.index_y, pure=False, retries=0)
        for window in windows
    ]
    seconds = PhaseSeconds()
    for result in results_on(client, futures):
        seconds += result
        advance()
    _wait_for_files(store, windows)
    return seconds


def _compute_on_worker(job: WindowJob, index_x: int, index_y: int) -> PhaseSeconds:
    """Compute one window in a worker process, unless a worker that was lost had just finished it."""
    slide, window = _opened(job), job.plan.window(index_x, index_y)
    if slide.store.has(window):
        return PhaseSeconds()
    # The worker's own thread has an arena from before, in which large blocks are not kept.
    with large_blocks_kept(), ThreadPoolExecutor(1) as fresh:
        return fresh.submit(compute_in_turn, slide, [window], lambda: None).result()


@lru_cache(maxsize=1)
def _opened(job: WindowJob) -> OpenJob:
    reader = open_slide(job.slide, mpp=job.mpp)
    return OpenJob(job, reader, _segmenter(job.load, job.state), job.tissue(reader), job.store())


@lru_cache(maxsize=1)
def _segmenter(load: Callable[[], Segmenter], state: str) -> Segmenter:
    del state
    return load()


def _wait_for_files(store: WindowStore, windows: Sequence[Window]) -> None:
    """Wait until this machine sees the files that others wrote."""
    deadline = time.monotonic() + _SHARED_FOLDER_S
    for window in windows:
        while not store.has(window):
            if time.monotonic() > deadline:
                raise OutputError(
                    f"the workers' windows do not appear in {store.folder}; all machines must see it under "
                    "the same path, choose an output folder on a shared disk"
                )
            time.sleep(0.5)
