"""All windows of one slide, here or on a Dask cluster; what is in the store already is not computed again."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

from acinus.core.cluster import results_on
from acinus.core.errors import OutputError
from acinus.core.geometry import Box
from acinus.core.image import RgbArray, RgbImage
from acinus.core.progress import Progress, SilentProgress
from acinus.core.segmenter import ProbabilityMap, Segmenter
from acinus.core.units import um_to_px
from acinus.inference.refinement import RefinementSettings
from acinus.inference.slide.allocation import give_back_unused, large_blocks_kept
from acinus.inference.slide.blurring import blur_reach_px
from acinus.inference.slide.grid import Window, WindowPlan, WorkingGrid
from acinus.inference.slide.probability import kept_colours, kept_probability, part_with_tissue
from acinus.inference.slide.store import WindowStore
from acinus.inference.slide.tissue import SlideTissue
from acinus.slides.opening import open_slide
from acinus.slides.reader import SlideReader

__all__ = ["PhaseSeconds", "WindowJob", "compute_windows", "plan_windows"]

_READ_AHEAD = 2  # windows; one of 1024 px with its margin takes 5 MB
_UNBOUNDED_HALO_PX = 128  # of networks that look at all of a window: hides most of what differs between two
_SHARED_FOLDER_S = 60.0  # NFS shows other machines' files up to so much later


@dataclass
class PhaseSeconds:
    """How long each phase ran; they overlap, so the sum exceeds the time that passed.

    Attributes
    ----------
    read : float
        Decoding and resampling.
    network : float
        Forward passes.
    write : float
        Masking, compressing and writing.
    """

    read: float = 0.0
    network: float = 0.0
    write: float = 0.0

    def __add__(self, other: PhaseSeconds) -> PhaseSeconds:
        """Return the sums."""
        return PhaseSeconds(
            **{field.name: getattr(self, field.name) + getattr(other, field.name) for field in fields(self)}
        )


@dataclass(frozen=True)
class WindowJob:
    """All that a process has to know to compute any window of one slide.

    Attributes
    ----------
    slide : Path
    mpp : float or None
        Overrides the file's µm per level-0 pixel.
    load : callable
        Returns the model, prepared for many windows. Is sent to other processes, and equal for equal models.
    plan : WindowPlan
    refinement : RefinementSettings
        Whether windows keep their colours, and how blurred.
    folder : Path
        Holds the windows and the tissue; the same for all processes.
    state : str
        Changes whenever the slide's or the model's content does: processes keep both open between windows.
    """

    slide: Path
    mpp: float | None
    load: Callable[[], Segmenter]
    plan: WindowPlan
    refinement: RefinementSettings
    folder: Path
    state: str

    def store(self) -> WindowStore:
        """Return the store that the windows go to."""
        return WindowStore(self.folder, self.plan, colours=self.refinement.colour_weight > 0.0)

    def tissue(self, reader: SlideReader) -> SlideTissue:
        """Return the slide's tissue, found once and then kept in the folder."""
        return SlideTissue.kept(self.folder / "tissue.mask", reader, self.plan.grid)


def plan_windows(
    reader: SlideReader,
    *,
    mpp: float,
    reach_px: int | None,
    stride_px: int,
    refinement: RefinementSettings | None = None,
    window_px: int = 1024,
) -> WindowPlan:
    """Return the windows for a slide and a network: every kept pixel sees all that the network looks at.

    Parameters
    ----------
    mpp : float
        Working resolution in µm per pixel.
    reach_px : int or None
        How far from a pixel the network looks; None when it looks at all of a window.
    stride_px : int
        Of the network, whose windows are multiples of it.
    refinement : RefinementSettings, optional
        Every kept pixel also sees all that its blurred colour depends on.

    Raises
    ------
    MppError
        When the slide's own resolution is unknown or absurd.
    """
    blend_px = WindowPlan.blend_px
    reach = _UNBOUNDED_HALO_PX - blend_px // 2 if reach_px is None else reach_px
    if refinement is not None and refinement.colour_weight > 0.0:
        reach = max(reach, blur_reach_px(um_to_px(refinement.smoothing_um, mpp=mpp)))
    halo_px = -(-(reach + blend_px // 2) // stride_px) * stride_px
    return WindowPlan(
        WorkingGrid.of(reader, mpp),
        window_px=-(-window_px // stride_px) * stride_px,
        halo_px=halo_px,
        stride_px=stride_px,
    )


def compute_windows(
    job: WindowJob,
    *,
    segmenter: Segmenter | None = None,
    client: Any = None,
    progress: Progress | None = None,
) -> PhaseSeconds:
    """Compute every window that the store lacks.

    Parameters
    ----------
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
        tissue, store = job.tissue(reader), job.store()
        todo, done = _left_to_do(job.plan, tissue, store)
        with progress.task(f"Windows of {job.slide.name}", total=len(todo) + done, done=done) as advance:
            if not todo:
                return PhaseSeconds()
            if client is not None:
                return _compute_on_cluster(job, store, todo, client, advance)
            if segmenter is None:
                segmenter = job.load()
            with large_blocks_kept():
                return _compute_here(_Opened(job, reader, segmenter, tissue, store), todo, advance)


def _left_to_do(plan: WindowPlan, tissue: SlideTissue, store: WindowStore) -> tuple[list[Window], int]:
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


@dataclass(frozen=True)
class _Opened:
    """What a process keeps open from window to window."""

    job: WindowJob
    reader: SlideReader
    segmenter: Segmenter
    tissue: SlideTissue
    store: WindowStore

    def read(self, window: Window) -> tuple[Box, RgbArray, float]:
        """Return the part that the network has to see, its pixels, and the seconds it took."""
        start = time.perf_counter()
        plan = self.store.plan
        seen = part_with_tissue(plan, window, self.tissue)
        if seen is None:
            raise ValueError(f"{window} has no tissue")
        rgb = self.reader.read_working(seen, mpp=plan.grid.mpp)
        return seen, rgb, time.perf_counter() - start

    def compute(self, rgb: RgbArray) -> tuple[ProbabilityMap, float]:
        """Return the network's answer and the seconds it took."""
        start = time.perf_counter()
        probability = self.segmenter.probability(RgbImage(rgb, mpp=self.store.plan.grid.mpp))
        # Blocks kept from windows of other sizes leave gaps between them: 2.6 GB after fifty, now 1.6.
        give_back_unused()
        return probability, time.perf_counter() - start

    def write(self, window: Window, seen: Box, rgb: RgbArray, probability: ProbabilityMap) -> float:
        """Store what the window keeps and return the seconds it took."""
        start = time.perf_counter()
        colours = None
        if self.store.colours:
            sigma = um_to_px(self.job.refinement.smoothing_um, mpp=self.job.plan.grid.mpp)
            colours = kept_colours(rgb, seen, window, self.tissue, sigma=sigma)
        self.store.write(window, kept_probability(probability, seen, window, self.tissue), colours)
        return time.perf_counter() - start


def _compute_here(opened: _Opened, windows: Sequence[Window], advance: Callable[[], None]) -> PhaseSeconds:
    """Compute windows one by one, while a thread reads the next ones and another writes the last one."""
    seconds = PhaseSeconds()
    waiting = iter(windows)
    writing: Future[float] | None = None
    with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as writer:
        ahead = deque((window, reader.submit(opened.read, window)) for window in islice(waiting, _READ_AHEAD))
        while ahead:
            window, reading = ahead.popleft()
            seen, rgb, elapsed = reading.result()
            seconds.read += elapsed
            ahead.extend((later, reader.submit(opened.read, later)) for later in islice(waiting, 1))
            probability, elapsed = opened.compute(rgb)
            seconds.network += elapsed
            if writing is not None:  # at most one result waits for the disk
                seconds.write += writing.result()
                advance()
            writing = writer.submit(opened.write, window, seen, rgb, probability)
        if writing is not None:
            seconds.write += writing.result()
            advance()
    return seconds


def _compute_on_cluster(
    job: WindowJob, store: WindowStore, windows: Sequence[Window], client: Any, advance: Callable[[], None]
) -> PhaseSeconds:
    """Let the workers of a cluster compute windows, and wait until the store has them."""
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
    opened, window = _opened(job), job.plan.window(index_x, index_y)
    if opened.store.has(window):
        return PhaseSeconds()
    # The worker's own thread has an arena from before, in which large blocks are not kept.
    with large_blocks_kept(), ThreadPoolExecutor(1) as fresh:
        return fresh.submit(_compute_here, opened, [window], lambda: None).result()


@lru_cache(maxsize=1)
def _opened(job: WindowJob) -> _Opened:
    reader = open_slide(job.slide, mpp=job.mpp)
    return _Opened(job, reader, _segmenter(job.load, job.state), job.tissue(reader), job.store())


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
