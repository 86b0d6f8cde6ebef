"""Windows computed one by one in this process, while threads read the next ones and write the last one."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from acinus.core.geometry import Box
from acinus.core.image import BoolMask, RgbArray, RgbImage
from acinus.core.segmenter import GlandMaps, Segmenter, maps_of
from acinus.core.threads import in_threads
from acinus.core.units import um_to_px
from acinus.inference.slide.allocation import give_back_unused
from acinus.inference.slide.continuation import TissueContinuation
from acinus.inference.slide.job import PhaseSeconds, WindowJob
from acinus.inference.slide.plan import Window
from acinus.inference.slide.probability import kept_colours, kept_share, part_with_tissue
from acinus.inference.slide.store import WindowStore
from acinus.inference.slide.tissue import SlideTissue
from acinus.slides.reader import SlideReader

__all__ = ["OpenJob", "SeenPart", "compute_in_turn"]


class SeenPart(NamedTuple):
    """The part of a window that the network has to see.

    Attributes
    ----------
    box : Box
        On the working grid.
    rgb, shown : (box.height, box.width, 3) uint8
        The slide's pixels, and what the network sees in their place.
    glass : (box.height, box.width) bool, optional
        Where it is no answer about the slide; by default nowhere.
    """

    box: Box
    rgb: RgbArray
    shown: RgbArray
    glass: BoolMask | None = None


@dataclass(frozen=True)
class OpenJob:
    """What a process keeps open from window to window."""

    job: WindowJob
    reader: SlideReader
    segmenter: Segmenter
    tissue: SlideTissue
    store: WindowStore

    def read(self, window: Window) -> tuple[SeenPart, float]:
        """Return the part that the network has to see, and the seconds it took."""
        start = time.perf_counter()
        plan = self.store.plan
        seen = part_with_tissue(plan, window, self.tissue)
        if seen is None:
            raise ValueError(f"{window} has no tissue")
        continuation = self.continuation
        if continuation is None or not continuation.concerns(seen):
            rgb = self.reader.read_working(seen, mpp=plan.grid.mpp)
            return SeenPart(seen, rgb, rgb), time.perf_counter() - start
        around = seen.grown(continuation.margin_px).intersection(plan.grid.box)
        rgb = self.reader.read_working(around, mpp=plan.grid.mpp)
        shown, glass = continuation.shown(rgb, around, seen)
        part = SeenPart(seen, rgb[seen.slices_in(around)].copy(), shown, glass)  # lets go of what is around
        return part, time.perf_counter() - start

    @cached_property
    def continuation(self) -> TissueContinuation | None:
        """What is shown in place of glass; None where glass is."""
        reach_um = self.job.refinement.continued_um
        return TissueContinuation(self.tissue, reach_um) if reach_um > 0.0 else None

    def compute(self, window: Window, seen: SeenPart) -> tuple[GlandMaps | None, float]:
        """Return the network's answer about what is kept of the part seen, and the seconds it took.

        None where only colours are missing.
        """
        start = time.perf_counter()
        if self.store.has_probability(window):
            return None, 0.0
        kept = seen.box.intersection(window.kept)
        inside = Box(kept.x - seen.box.x, kept.y - seen.box.y, kept.width, kept.height)
        maps = maps_of(self.segmenter, RgbImage(seen.shown, mpp=self.store.plan.grid.mpp), inside)
        # Blocks kept from windows of other sizes leave gaps between them: 2.6 GB after fifty, now 1.6.
        give_back_unused()
        return maps, time.perf_counter() - start

    def write(self, window: Window, seen: SeenPart, maps: GlandMaps | None) -> float:
        """Store what the window keeps and return the seconds it took."""
        start = time.perf_counter()
        if self.store.colours is not None:
            sigma = um_to_px(self.job.refinement.smoothing_um, mpp=self.job.plan.grid.mpp)
            colours = kept_colours(seen.rgb, seen.box, window, self.tissue, sigma=sigma)
            self.store.write_colours(window, colours)
        if maps is not None:
            probability, depth = (
                None if share is None else kept_share(share, seen.box, window, self.tissue, glass=seen.glass)
                for share in maps
            )
            assert probability is not None
            self.store.write(window, probability, depth if self.store.depth else None)
        return time.perf_counter() - start


def compute_in_turn(slide: OpenJob, windows: Sequence[Window], advance: Callable[[], None]) -> PhaseSeconds:
    """Compute windows, all of which have tissue, and store them; `advance` is called after each."""
    seconds = PhaseSeconds()
    writing: Future[float] | None = None
    # Two parts are read ahead; one of 1024 px with its margin takes 5 MB.
    with closing(in_threads(slide.read, windows, threads=1)) as parts, ThreadPoolExecutor(1) as writer:
        for window, (seen, elapsed) in zip(windows, parts, strict=True):
            seconds.read += elapsed
            maps, elapsed = slide.compute(window, seen)
            seconds.network += elapsed
            if writing is not None:  # at most one result waits for the disk
                seconds.write += writing.result()
                advance()
            writing = writer.submit(slide.write, window, seen, maps)
        if writing is not None:
            seconds.write += writing.result()
            advance()
    return seconds
