"""Windows computed one by one in this process, while threads read the next ones and write the last one."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from acinus.core.geometry import Box
from acinus.core.image import RgbArray, RgbImage
from acinus.core.segmenter import GlandMaps, Segmenter, maps_of
from acinus.core.units import um_to_px
from acinus.inference.slide.allocation import give_back_unused
from acinus.inference.slide.job import PhaseSeconds, WindowJob
from acinus.inference.slide.plan import Window
from acinus.inference.slide.probability import kept_colours, kept_share, part_with_tissue
from acinus.inference.slide.store import WindowStore
from acinus.inference.slide.tissue import SlideTissue
from acinus.slides.reader import SlideReader

__all__ = ["OpenJob", "compute_in_turn"]

_READ_AHEAD = 2  # windows; one of 1024 px with its margin takes 5 MB


@dataclass(frozen=True)
class OpenJob:
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

    def compute(self, window: Window, seen: Box, rgb: RgbArray) -> tuple[GlandMaps | None, float]:
        """Return the network's answer about what is kept of the part seen, and the seconds it took.

        None where only colours are missing.
        """
        start = time.perf_counter()
        if self.store.has_probability(window):
            return None, 0.0
        kept = seen.intersection(window.kept)
        inside = Box(kept.x - seen.x, kept.y - seen.y, kept.width, kept.height)
        maps = maps_of(self.segmenter, RgbImage(rgb, mpp=self.store.plan.grid.mpp), inside)
        # Blocks kept from windows of other sizes leave gaps between them: 2.6 GB after fifty, now 1.6.
        give_back_unused()
        return maps, time.perf_counter() - start

    def write(self, window: Window, seen: Box, rgb: RgbArray, maps: GlandMaps | None) -> float:
        """Store what the window keeps and return the seconds it took."""
        start = time.perf_counter()
        if self.store.colours is not None:
            sigma = um_to_px(self.job.refinement.smoothing_um, mpp=self.job.plan.grid.mpp)
            self.store.write_colours(window, kept_colours(rgb, seen, window, self.tissue, sigma=sigma))
        if maps is not None:
            probability = kept_share(maps.probability, seen, window, self.tissue)
            depth = None if maps.depth is None else kept_share(maps.depth, seen, window, self.tissue)
            self.store.write(window, probability, depth if self.store.depth else None)
        return time.perf_counter() - start


def compute_in_turn(slide: OpenJob, windows: Sequence[Window], advance: Callable[[], None]) -> PhaseSeconds:
    """Compute windows, all of which have tissue, and store them; `advance` is called after each."""
    seconds = PhaseSeconds()
    waiting = iter(windows)
    writing: Future[float] | None = None
    with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as writer:
        ahead = deque((window, reader.submit(slide.read, window)) for window in islice(waiting, _READ_AHEAD))
        while ahead:
            window, reading = ahead.popleft()
            seen, rgb, elapsed = reading.result()
            seconds.read += elapsed
            ahead.extend((later, reader.submit(slide.read, later)) for later in islice(waiting, 1))
            maps, elapsed = slide.compute(window, seen, rgb)
            seconds.network += elapsed
            if writing is not None:  # at most one result waits for the disk
                seconds.write += writing.result()
                advance()
            writing = writer.submit(slide.write, window, seen, rgb, maps)
        if writing is not None:
            seconds.write += writing.result()
            advance()
    return seconds
