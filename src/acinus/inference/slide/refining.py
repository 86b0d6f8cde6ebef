"""What a slide's own colours add to the network: one table of colours for the whole slide.

As `acinus.inference.refinement` does for images, with two differences. The colours are bytes, so that a pixel
gets the same answer in whatever box it is read. And narrow lumina at a border are left alone: an image's
border cuts through tissue, a slide's hardly ever does.

The table is learnt from sums over the windows' cores, which do not depend on their order.
"""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from acinus.core.geometry import Box, Size
from acinus.core.image import BoolMask
from acinus.core.progress import Progress, SilentProgress
from acinus.core.segmenter import from_bytes, to_bytes
from acinus.core.units import um2_to_px, um_to_px
from acinus.inference.colours import ColourCounts, ColourModel, ColourRange, stained_bytes
from acinus.inference.refinement import RefinementSettings, SureLimits
from acinus.inference.slide.blurring import blur_reach_px, blurred_bytes
from acinus.inference.slide.lumina import SlideLumina
from acinus.inference.slide.plan import Window
from acinus.inference.slide.store import WindowStore
from acinus.inference.slide.tissue import SlideTissue

__all__ = ["Answer", "RefinedSource", "TissueSource", "WindowSource", "learn_colours", "refined_source"]


class Answer(NamedTuple):
    """What is known of a box of the working grid: uint8 of (box.height, box.width), × 255.

    Attributes
    ----------
    refined
        Probability, after all had their say.
    network
        Probability by the network.
    colours
        Likelihood by the slide's colours; None where they are not asked.
    """

    refined: NDArray[np.uint8]
    network: NDArray[np.uint8]
    colours: NDArray[np.uint8] | None


class WindowSource(ABC):
    """A `ProbabilitySource` over the windows of a store, which knows where tissue and wide lumina are.

    Attributes
    ----------
    store : WindowStore
    tissue : SlideTissue
    lumina : SlideLumina or None
    """

    store: WindowStore
    tissue: SlideTissue
    lumina: SlideLumina | None

    @property
    def size(self) -> Size:
        """The working grid's size in pixels."""
        return self.store.size

    def is_bare(self, box: Box) -> bool:
        """Say whether nothing in a box can be gland, as in most of a slide: then no window need be read."""
        return not self.tissue.covers(box) and (self.lumina is None or not self.lumina.near_of(box).any())

    def read(self, box: Box) -> NDArray[np.uint8]:
        """Return the refined probability × 255 of a box inside the grid: uint8 of (box.height, box.width).

        Raises
        ------
        OutputError
            When a window that is needed is missing or damaged.
        """
        if self.is_bare(box):
            return np.zeros((box.height, box.width), np.uint8)
        return self.answer(box).refined

    def read_depth(self, box: Box) -> NDArray[np.uint8] | None:
        """Return the network's depth × 255 of a box, since colours know nothing of borders.

        None where the store holds none. A wide lumen is as deep inside its gland as can be. So is its rim: a
        network that takes the lumen for glass sees the gland's border there.
        """
        depth = self.store.read_depth(box)
        if depth is None or self.lumina is None:
            return depth
        return np.where(self.lumina.near_of(box), np.uint8(255), depth)

    @abstractmethod
    def answer(self, box: Box) -> Answer:
        """Return what is known of a box inside the grid, from its windows."""


@dataclass(frozen=True)
class RefinedSource(WindowSource):
    """A `ProbabilitySource`: the probability in a store, mixed with the likelihood by the slide's colours.

    Attributes
    ----------
    store : WindowStore
        Holds colours.
    tissue : SlideTissue
    model : ColourModel
    weight : float
        The colours' share.
    sigma : float
        Standard deviation in pixels of the Gaussian over the colours' likelihood.
    lumina : SlideLumina or None
    """

    store: WindowStore
    tissue: SlideTissue
    model: ColourModel
    weight: float
    sigma: float
    lumina: SlideLumina | None = None

    def answer(self, box: Box) -> Answer:
        """Return what the network and the colours say of a box inside the grid, and both together.

        In bare background, and away from tissue, the likelihood is the network's probability. It is blurred
        as if the whole slide were: its edges mirrored, and what is no tissue counts as no gland. In the rim
        around the tissue the network decides where there is stain: bare background beside tissue is no lumen.
        Of a wide lumen both are 255.
        """
        around = box.grown(blur_reach_px(self.sigma)).intersection(self.store.plan.grid.box)
        lab = self.store.read_colours(around)
        unblurred = self._table[_bins(lab, self._byte_bins)] * self.tissue.mask_of(around)
        likelihood = blurred_bytes(unblurred, self.sigma)
        inside = box.slices_in(around)
        coloured = _stained(lab)[inside]
        by_colour = self.tissue.mask_of(box) & coloured
        # The rim shows whole what the mask cuts, but the bare background in it is no lumen.
        possible = coloured | self.tissue.mask_of(box, rim=False)
        probability = self.store.read(box) * possible
        if self.lumina is not None:
            # What is bare. In the middle of a lumen there are no colours, which are taken for bare, too.
            known = self.tissue.mask_of(box)
            lumen = np.where(known, self.lumina.near_of(box), self.lumina.inside_of(box))
            probability[lumen & ~by_colour] = 255
        colours = np.where(by_colour, likelihood[inside], probability)
        mixed = np.float32(1.0 - self.weight) * probability + np.float32(self.weight) * colours
        return Answer(np.rint(mixed, out=mixed).astype(np.uint8), probability, colours)

    @cached_property
    def _table(self) -> NDArray[np.uint8]:
        """The likelihood of each bin, × 255."""
        return to_bytes(self.model.table)

    @cached_property
    def _byte_bins(self) -> NDArray[np.uint16]:
        return self.model.colours.byte_bins().astype(np.uint16)


@dataclass(frozen=True)
class TissueSource(WindowSource):
    """A `ProbabilitySource`: the probability in a store, and none where there is no tissue.

    Without colours nothing tells a stain in the rim around the tissue from bare background, so none of the
    rim is gland, and all of the rim of a wide lumen is.

    Attributes
    ----------
    store : WindowStore
    tissue : SlideTissue
    lumina : SlideLumina or None
    """

    store: WindowStore
    tissue: SlideTissue
    lumina: SlideLumina | None = None

    def answer(self, box: Box) -> Answer:
        """Return the network's probability in a box inside the grid, and what is left of it in the tissue."""
        network = self.store.read(box)
        refined = network * self.tissue.mask_of(box, rim=False)
        if self.lumina is not None:
            refined[self.lumina.near_of(box)] = 255
        return Answer(np.asarray(refined, dtype=np.uint8), network, None)


def refined_source(
    store: WindowStore,
    tissue: SlideTissue,
    settings: RefinementSettings,
    *,
    lumina: SlideLumina | None = None,
    progress: Progress | None = None,
) -> RefinedSource | None:
    """Learn a slide's colours and return the source that heeds them.

    None at weight 0, and where a class is too small to learn from.

    Parameters
    ----------
    store : WindowStore
        Complete; holds colours unless their weight is 0.
    lumina : SlideLumina, optional
        Of `acinus.inference.slide.lumina.find_lumina`.

    Raises
    ------
    OutputError
        When a window is missing or damaged.
    """
    if settings.colour_weight <= 0.0:
        return None
    model = learn_colours(store, tissue, settings, progress=progress)
    if model is None:
        return None
    sigma = um_to_px(settings.smoothing_um, mpp=store.plan.grid.mpp)
    return RefinedSource(store, tissue, model, settings.colour_weight, sigma, lumina)


def learn_colours(
    store: WindowStore,
    tissue: SlideTissue,
    settings: RefinementSettings,
    *,
    progress: Progress | None = None,
) -> ColourModel | None:
    """Return what the pixels teach of which the network is sure; None where a class is too small.

    Every window is read twice: for the range of the colours and of the probability, and to count them.
    """
    windows = [window for window in store.plan.windows() if tissue.covers(window.core)]
    with (progress or SilentProgress()).task("Learning colours", total=2 * len(windows)) as advance:
        histograms = np.zeros((3, 256), dtype=np.int64)
        probabilities = np.zeros(256, dtype=np.int64)
        for window in windows:
            lab = store.read_colours(window.core)
            usable = tissue.mask_of(window.core) & _stained(lab)
            for axis, values in enumerate(lab):
                histograms[axis] += np.bincount(values[usable], minlength=256)
            probabilities += np.bincount(store.read(window.core)[usable], minlength=256)
            advance()
        if not histograms.any():
            return None
        colours = ColourRange.of_histograms(histograms)

        byte_bins = colours.byte_bins().astype(np.uint16)
        limits = SureLimits.of(probabilities, settings)

        def counts_of(window: Window) -> ColourCounts:
            lab = store.read_colours(window.core)
            usable = tissue.mask_of(window.core) & _stained(lab)
            sure = limits.pixels(from_bytes(store.read(window.core)))
            gland, background = (pixels & usable for pixels in sure)
            advance()
            return ColourCounts.of(_bins(lab, byte_bins).astype(np.intp), gland, background)

        counts = reduce(operator.add, map(counts_of, windows))
    return counts.model(colours, least_px=um2_to_px(settings.least_um2, mpp=store.plan.grid.mpp))


def _bins(lab: NDArray[np.uint8], byte_bins: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Return the bin of each colour of (3, H, W), by the three tables of `ColourRange.byte_bins`: (H, W)."""
    bins = np.zeros(lab.shape[1:], dtype=np.uint16)  # up to 32³ − 1
    for table, values in zip(byte_bins, lab, strict=True):
        bins += table[values]
    return bins


def _stained(lab: NDArray[np.uint8]) -> BoolMask:
    """Say of each colour of (3, H, W) whether it is `stained`."""
    return stained_bytes(lab[1], lab[2])
