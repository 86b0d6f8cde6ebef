"""What is known of a slide in the end, computed once: glands are cut out of it, and outlined by it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from acinus.core.geometry import Box, Size
from acinus.core.progress import Progress, SilentProgress
from acinus.core.segmenter import from_bytes
from acinus.inference.confidence import Confidence, certainty
from acinus.inference.slide.refining import WindowSource
from acinus.inference.slide.store import WindowStore
from acinus.inference.slide.tissue import SlideTissue

__all__ = ["KeptSource", "keep_refined"]


@dataclass(frozen=True)
class KeptSource:
    """A `ProbabilitySource` whose refined probability lies on disk.

    Attributes
    ----------
    refined : WindowStore
        Complete.
    source : WindowSource
        Of which it was kept.
    """

    refined: WindowStore
    source: WindowSource

    @property
    def size(self) -> Size:
        """The working grid's size in pixels."""
        return self.refined.size

    def read(self, box: Box) -> NDArray[np.uint8]:
        """Return the refined probability × 255 of a box inside the grid: uint8 of (box.height, box.width).

        Raises
        ------
        OutputError
            When a window that is needed is missing or damaged.
        """
        return self.refined.read(box)

    def read_depth(self, box: Box) -> NDArray[np.uint8] | None:
        """Return the network's depth × 255 of a box; None where it tells none."""
        return self.source.read_depth(box)


def keep_refined(
    source: WindowSource,
    tissue: SlideTissue,
    *,
    into: WindowStore,
    progress: Progress | None = None,
) -> Confidence:
    """Write the refined probability of every window and return how certain the tissue is.

    Parameters
    ----------
    into : WindowStore
        Takes it, without depth or colours; what it has is replaced.

    Raises
    ------
    OutputError
        When a window is missing or damaged, or cannot be written.
    """
    confidence = Confidence()
    windows = list(into.plan.windows())
    with (progress or SilentProgress()).task("Refining", total=len(windows)) as advance:
        for window in windows:
            if source.is_bare(window.kept):
                into.write_empty(window)
            else:
                answer = source.answer(window.kept)
                into.write(window, answer.refined)
                core = window.core.slices_in(window.kept)
                colours = None if answer.colours is None else from_bytes(answer.colours[core])
                certain = certainty(from_bytes(answer.network[core]), colours)
                confidence += Confidence.of(certain, tissue.mask_of(window.core, rim=False))
            advance()
    return confidence
