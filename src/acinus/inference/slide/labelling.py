"""Glands of a slide, one connected component after the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from acinus.core.geometry import Box
from acinus.core.image import LabelMap
from acinus.core.progress import Progress, SilentProgress
from acinus.inference.instances import InstanceSettings, split_component
from acinus.inference.slide.components import find_components
from acinus.inference.slide.huge import label_in_cells
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
    block_px: int = 1024,
    crop_px: int = 4096,
    progress: Progress | None = None,
) -> Iterator[LabelledCrop]:
    """Yield the glands of a slide, numbered 1..N without gaps in the order in which they come.

    The glands are those of `label_glands` of the whole slide, but memory grows with the number of glands, not
    of pixels. The source is read to find the components and, where what was found takes more than is kept,
    again while they are split; it has to give the same both times.

    Parameters
    ----------
    mpp : float
        µm per pixel of `source`.
    block_px : int
        Side of the blocks that are read at a time. Neither the glands nor their order depend on it.
    crop_px : int
        Components up to this width and height are split in one piece, in up to 45 bytes a pixel. Larger ones
        are split in cells of half this side, see `label_in_cells`: there a gland may come out otherwise than
        from the whole.

    Yields
    ------
    LabelledCrop
        One for each component of which splitting leaves a gland, by cells of 2048 px, then by row and column
        of its first pixel; several for a component larger than `crop_px`.
    """
    progress = progress or SilentProgress()
    components = find_components(source, settings, mpp=mpp, block_px=block_px, progress=progress)
    count = 0
    with progress.task("Splitting glands", total=len(components.boxes)) as advance:
        for number, box in enumerate(components.boxes, start=1):
            if max(box.width, box.height) > crop_px:
                crops = label_in_cells(components, number, source, settings, mpp=mpp, cell_px=crop_px // 2)
            else:
                mask, depth = components.mask(number, box), source.read_depth(box)
                crops = iter([(box, split_component(mask, settings, mpp=mpp, depth=depth))])
            for crop_box, labels in crops:
                found = int(labels.max())
                if found:
                    np.add(labels, count, out=labels, where=labels > 0)
                    yield LabelledCrop(box=crop_box, labels=labels)
                count += found
            advance()
