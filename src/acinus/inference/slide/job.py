"""The windows of one slide as a task: what every process that computes some of them has to know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path

from acinus.core.segmenter import Segmenter
from acinus.glands.roi import RegionOfInterest
from acinus.inference.refinement import RefinementSettings
from acinus.inference.slide.plan import WindowPlan
from acinus.inference.slide.store import WindowStore
from acinus.inference.slide.tissue import SlideTissue
from acinus.slides.coarse import CoarseView
from acinus.slides.reader import SlideReader

__all__ = ["PhaseSeconds", "WindowJob"]

_REFINED_BYTES = 24_000_000  # one map of each of 20 windows of 1024 px


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
        sums = {each.name: getattr(self, each.name) + getattr(other, each.name) for each in fields(self)}
        return PhaseSeconds(**sums)


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
        Whether windows have colours, and how blurred.
    folder : Path
        Holds the windows' probability and the tissue; the same for all processes.
    scratch : Path
        Takes what is not kept, the windows' colours and refined probability; likewise.
    state : str
        Changes whenever the slide's or the model's content does: processes keep both open between windows.
    tells_depth : bool
        Whether windows have a depth beside the probability.
    roi : RegionOfInterest
        Only there windows are computed and glands believed.
    artefacts : bool
        Whether artefacts are looked for, and are no tissue.
    """

    slide: Path
    mpp: float | None
    load: Callable[[], Segmenter]
    plan: WindowPlan
    refinement: RefinementSettings
    folder: Path
    scratch: Path
    state: str
    tells_depth: bool = False
    roi: RegionOfInterest = field(default_factory=RegionOfInterest)
    artefacts: bool = True

    def store(self) -> WindowStore:
        """Return the store that the windows go to."""
        colours = None
        if self.refinement.colour_weight > 0.0:  # those of another blur are other colours
            colours = self.scratch / f"colours_{self.refinement.smoothing_um}"
        return WindowStore(self.folder, self.plan, depth=self.tells_depth, colours=colours)

    def refined_store(self) -> WindowStore:
        """Return the store that the windows' refined probability goes to, once all are computed."""
        return WindowStore(self.scratch / "refined", self.plan, cache_bytes=_REFINED_BYTES)

    def tissue(self, reader: SlideReader, *, view: CoarseView | None = None) -> SlideTissue:
        """Return the slide's tissue, found once, on an overview if one is given, then kept in the folder."""
        return SlideTissue.kept(
            self._tissue_file, reader, self.plan.grid, self.roi, artefacts=self.artefacts, view=view
        )

    def leave_out(self, reader: SlideReader, view: CoarseView) -> SlideTissue:
        """Have no window computed and no gland found: the slide counts as having no tissue."""
        return SlideTissue.left_out(self._tissue_file, reader, self.plan.grid, view)

    @property
    def _tissue_file(self) -> Path:
        return self.folder / "tissue.mask"
