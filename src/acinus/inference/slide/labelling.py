"""Glands of a slide, one connected component after the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from acinus.core.geometry import Box
from acinus.core.image import LabelMap
from acinus.core.progress import Progress
from acinus.inference.instances import InstanceSettings
from acinus.inference.slide.source import ProbabilitySource

__all__ = ["LabelledCrop", "label_slide"]


@dataclass(frozen=True)
class LabelledCrop:
    """The glands of one connected component of a slide's cleaned mask.

    Attributes
    ----------
    box : Box
        Where the crop lies on the working grid.
    labels : (box.height, box.width) int32
        Numbers of the slide's glands, 0 elsewhere, also where other components reach into the box.
    """

    box: Box
    labels: LabelMap


def label_slide(
    source: ProbabilitySource,
    settings: InstanceSettings,
    *,
    mpp: float,
    block_px: int = 2048,
    progress: Progress | None = None,
) -> Iterator[LabelledCrop]:
    """Yield the glands of a slide, numbered 1..N without gaps in the order in which they come."""
    raise NotImplementedError
