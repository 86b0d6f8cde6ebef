"""All windows of one slide, here or on a Dask cluster; what is in the store already is not computed again."""

from __future__ import annotations

from typing import Any

from acinus.core.progress import Progress, SilentProgress
from acinus.core.segmenter import Segmenter
from acinus.inference.slide.allocation import large_blocks_kept
from acinus.inference.slide.job import PhaseSeconds, WindowJob
from acinus.inference.slide.one_process import OpenJob, compute_in_turn
from acinus.inference.slide.plan import Window, WindowPlan
from acinus.inference.slide.store import WindowStore
from acinus.inference.slide.tissue import SlideTissue
from acinus.inference.slide.workers import compute_on_workers
from acinus.slides.opening import open_slide

__all__ = ["compute_windows", "left_to_do"]


def compute_windows(
    job: WindowJob,
    *,
    tissue: SlideTissue | None = None,
    segmenter: Segmenter | None = None,
    client: Any = None,
    progress: Progress | None = None,
) -> PhaseSeconds:
    """Compute every window that the store lacks.

    Parameters
    ----------
    tissue : SlideTissue, optional
        Of the job, if this process has it already.
    segmenter : Segmenter, optional
        What ``job.load`` returns, if this process has it already.
    client : distributed.Client, optional
        Its workers compute, one task a window; the result is the same to the bit. A window whose worker is
        lost is computed again by another one.

    Returns
    -------
    PhaseSeconds
        Summed over all processes.

    Raises
    ------
    OutputError
        When windows cannot be written, or workers write them into a folder that is not this one.
    AcinusError
        When the slide or the model cannot be read, or workers are lost again and again.
    """
    progress = progress or SilentProgress()
    with open_slide(job.slide, mpp=job.mpp) as reader:
        tissue, store = tissue or job.tissue(reader), job.store()
        todo, done = left_to_do(job.plan, tissue, store)
        with progress.task(f"Windows of {job.slide.name}", total=len(todo) + done, done=done) as advance:
            if not todo:
                return PhaseSeconds()
            if client is not None:
                return compute_on_workers(job, store, todo, client, advance)
            if segmenter is None:
                segmenter = job.load()
            with large_blocks_kept():
                return compute_in_turn(OpenJob(job, reader, segmenter, tissue, store), todo, advance)


def left_to_do(plan: WindowPlan, tissue: SlideTissue, store: WindowStore) -> tuple[list[Window], int]:
    """Return the windows with tissue that the store lacks, and how many it has; it gets those without."""
    todo, done = [], 0
    for window in plan.windows():
        if not tissue.covers(window.kept):
            if not store.has(window):
                store.write_empty(window)
        elif store.has(window):
            done += 1
        else:
            todo.append(window)
    return todo, done
