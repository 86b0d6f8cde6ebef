"""What an image's own colours, borders and bare background add to the network: P(gland)'s last step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from acinus.core.image import BoolMask, RgbArray, RgbImage
from acinus.core.limits import Area, Flag, Length, Share
from acinus.core.segmenter import GlandMaps, ProbabilityMap, Segmenter, to_bytes
from acinus.core.settings import refuse, settings_class
from acinus.core.units import um2_to_px, um_to_px
from acinus.data.resample import image_at_mpp, resize_map
from acinus.inference.colours import ColourCounts, ColourRange, blurred, lab_of, stained
from acinus.inference.confidence import certainty
from acinus.inference.instances import Components, components_of
from acinus.inference.lumina import lined_lumina
from acinus.inference.windows import maps_in_windows
from acinus.slides.tissue import tissue_mask

__all__ = [
    "Refined",
    "RefinedSegmenter",
    "RefinementSettings",
    "SureLimits",
    "byte_counts",
    "cut_lumina",
    "refined",
]


_HALF = 128  # the first byte of a probability of one half and more


@settings_class
class RefinementSettings:
    """How a probability map is refined (ours).

    Attributes
    ----------
    colour_weight : float
        Share of the colours' likelihood in the result; 0 leaves it to the network alone.
    gland_above, background_below : float
        Pixels whose probability is above the former or below the latter are sure. The colours of gland and
        background are learnt from them.
    sure_share : float
        How decided a network is differs from fit to fit and from stain to stain. Where less than this share
        of the pixels above one half, or of those below, is sure, that limit moves towards one half until so
        many are; 0 keeps both limits where they are.
    gland_least, background_most : float
        A limit moves no further than to this probability.
    least_um2 : float
        Each class needs so much of the image, or colours are left out.
    smoothing_um : float
        Standard deviation of the Gaussian over the colours, and over their likelihood.
    lumen_above : float
        A stretch of background that is cut by the image border becomes a lumen if its mean probability, plus
        a fifth of what its roundness exceeds 0.8 by, is above this; 1 leaves them.
    max_lumen_um2 : float
        Larger stretches are never lumina.
    tissue_only : bool
        Bare background is no gland: what is neither stained nor in or enclosed by tissue gets probability 0,
        unless it is a lumen, see `acinus.inference.lumina`.
    rim_um : float
        How far around bare background it is asked whether that is lined by epithelium.
    least_lined : float
        Share of that rim which has to be gland for a lumen.
    continued_um : float
        So far into the glass beside it the network sees the tissue of a slide continued, as its own mirror
        image; 0 leaves the glass. Images are left as they are.
    """

    colour_weight: Share = 0.6
    gland_above: Share = 0.75
    background_below: Share = 0.05
    sure_share: Share = 0.5
    gland_least: Share = 0.6
    background_most: Share = 0.2
    least_um2: Area = 2_000.0
    smoothing_um: Length = 3.75
    lumen_above: Share = 0.3
    max_lumen_um2: Area = 40_000.0
    tissue_only: Flag = True
    rim_um: Length = 12.0
    least_lined: Share = 0.5
    continued_um: Length = 64.0

    def __post_init__(self) -> None:
        """Refuse limits by which one pixel would be sure to be both."""
        if self.gland_above < self.background_below:
            expected = f"at least background_below, {self.background_below:g}"
            raise refuse("gland_above", self.gland_above, expected)
        if self.gland_least < self.background_most:
            expected = f"at least background_most, {self.background_most:g}"
            raise refuse("gland_least", self.gland_least, expected)


@dataclass(frozen=True)
class Refined:
    """A refined probability map.

    Attributes
    ----------
    probability : (H, W) float32
    certainty : (H, W) float32
        See `acinus.inference.confidence.certainty`.
    depth : (H, W) float32 or None
        The network's, as it was: colours know nothing of borders.
    """

    probability: ProbabilityMap
    certainty: NDArray[np.float32]
    depth: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class RefinedSegmenter:
    """A segmenter whose probability map the image itself refines.

    Attributes
    ----------
    segmenter : Segmenter
    settings : RefinementSettings
    """

    segmenter: Segmenter
    settings: RefinementSettings

    @property
    def mpp(self) -> float:
        """Working resolution in µm per pixel."""
        return self.segmenter.mpp

    def probability(self, image: RgbImage) -> ProbabilityMap:
        """Return P(gland), float32 of the image's own (H, W)."""
        return self.refine(image).probability

    def gland_maps(self, image: RgbImage) -> GlandMaps:
        """Return P(gland) and the network's depth, float32 of the image's own (H, W)."""
        result = self.refine(image)
        return GlandMaps(result.probability, result.depth)

    def refine(self, image: RgbImage) -> Refined:
        """Return all maps of an image of any size that fits into memory, at its own (H, W).

        Its colours are compared over the whole image, so it is not to be cut into windows.
        """
        small = image_at_mpp(image, self.mpp)
        maps = maps_in_windows(small, self.segmenter)
        result = refined(maps.probability, small.rgb, self.settings, mpp=self.mpp)
        return Refined(
            resize_map(result.probability, image.shape),
            resize_map(result.certainty, image.shape),
            None if maps.depth is None else resize_map(maps.depth, image.shape),
        )


def refined(
    probability: ProbabilityMap, rgb: RgbArray, settings: RefinementSettings, *, mpp: float
) -> Refined:
    """Return the probability mixed with the colours' likelihood, cut lumina gland and bare background not.

    Parameters
    ----------
    probability : (H, W) float32
        The network's.
    rgb : (H, W, 3) uint8
    mpp : float
        µm per pixel of both.
    """
    lab = lab_of(rgb, sigma=um_to_px(settings.smoothing_um, mpp=mpp))
    likelihood = _colour_likelihood(probability, lab, settings, mpp=mpp)
    sure = certainty(probability, likelihood)
    if likelihood is not None:
        probability = (1.0 - settings.colour_weight) * probability + settings.colour_weight * likelihood
    lumina = cut_lumina(probability, settings, mpp=mpp)
    probability = np.where(lumina, 1.0 - probability, probability)
    if settings.tissue_only:
        # A network that saw little bare background errs there. A lumen is as white, but tissue encloses it,
        # at the image border as far as the image goes.
        bare = ~stained(lab) & ~tissue_mask(rgb, mpp=mpp)
        lumina = lined_lumina(
            bare, probability, rim_px=um_to_px(settings.rim_um, mpp=mpp), least_lined=settings.least_lined
        )
        probability = np.where(lumina, 1.0, np.where(bare, 0.0, probability))
    return Refined(probability.astype(np.float32), sure)


def _colour_likelihood(
    probability: ProbabilityMap, lab: NDArray[np.float32], settings: RefinementSettings, *, mpp: float
) -> ProbabilityMap | None:
    """Return each pixel's likelihood of being gland by its colour alone, (H, W) float32.

    None at weight 0, and where one of the classes is too small to learn from. What is not `stained` keeps the
    network's probability.

    Parameters
    ----------
    probability : (H, W) float32
        Names the pixels that the colours are learnt from.
    lab : (H, W, 3) float32
        The image's blurred CIELAB colours.
    """
    if settings.colour_weight <= 0.0:
        return None
    with_stain = stained(lab)
    if not with_stain.any():
        return None
    colours = ColourRange.of(lab[with_stain])
    limits = SureLimits.of(byte_counts(probability[with_stain]), settings)
    gland, background = limits.pixels(probability)
    counts = ColourCounts.of(colours.bins(lab), gland & with_stain, background & with_stain)
    model = counts.model(colours, least_px=um2_to_px(settings.least_um2, mpp=mpp))
    if model is None:
        return None
    likelihood = blurred(model.likelihood(lab), um_to_px(settings.smoothing_um, mpp=mpp))
    return np.where(with_stain, likelihood, probability).astype(np.float32)


@dataclass(frozen=True)
class SureLimits:
    """Beyond which probabilities the network is sure of a pixel of one image or slide.

    Attributes
    ----------
    gland_above, background_below : float
    """

    gland_above: float
    background_below: float

    @classmethod
    def of(cls, counts: NDArray[np.int64], settings: RefinementSettings) -> SureLimits:
        """Return the limits of one image or slide; see `RefinementSettings`.

        Parameters
        ----------
        counts : (256,) int64
            How often each probability, × 255 and rounded, occurs in it.

        Examples
        --------
        >>> counts = np.zeros(256, np.int64)
        >>> counts[[26, 51, 153, 255]] = 10  # probabilities 0.1, 0.2, 0.6 and 1
        >>> limits = SureLimits.of(counts, RefinementSettings())
        >>> round(limits.background_below, 3), round(limits.gland_above, 3)
        (0.104, 0.602)
        """
        below, above = counts.copy(), counts.copy()
        below[_HALF:], above[:_HALF] = 0, 0
        background, gland = settings.background_below, settings.gland_above
        if below.any():
            enough = _quantile(below, settings.sure_share)
            background = max(background, min(settings.background_most, enough))
        if above.any():
            enough = _quantile(above, 1.0 - settings.sure_share)
            gland = min(gland, max(settings.gland_least, enough))
        return cls(gland, background)

    def pixels(self, probability: ProbabilityMap) -> tuple[BoolMask, BoolMask]:
        """Say of which pixels it is sure that they are gland, and that they are not: (H, W) each."""
        return probability > self.gland_above, probability < self.background_below


def byte_counts(probability: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return how often each probability, × 255 and rounded, occurs: (256,) int64."""
    return np.bincount(to_bytes(probability).ravel(), minlength=256)


def _quantile(counts: NDArray[np.int64], share: float) -> float:
    """Return the probability below which at least this share of what was counted lies, between two bytes."""
    sums = np.cumsum(counts)
    return (int(np.searchsorted(sums, share * sums[-1])) + 0.5) / 255.0


def cut_lumina(probability: ProbabilityMap, settings: RefinementSettings, *, mpp: float) -> BoolMask:
    """Say which background is a lumen that is cut by the image border, (H, W) bool.

    Enclosed background is left to `acinus.inference.instances`. At the border nothing tells a lumen from
    stroma for certain: a lumen is what the network half believes to be gland, and round; stroma between
    glands has corners.
    """
    background = components_of(probability < 0.5)
    most = min(um2_to_px(settings.max_lumen_um2, mpp=mpp), probability.size - 1)  # not all of the image
    likely = background.at_edge() & (background.areas <= most)
    numbers = background.numbers
    sums = np.bincount(numbers.ravel(), weights=probability.ravel(), minlength=len(likely) + 1)[1:]
    score = sums / background.areas + 0.2 * (_roundness(background) - 0.8)
    return background.mask_of(likely & (score > settings.lumen_above))


def _roundness(components: Components) -> NDArray[np.float64]:
    """Return each component's area over that of the ellipse of its second moments, (N,); an ellipse has 1."""
    count = len(components.areas) + 1
    y, x = np.nonzero(components.numbers)
    number = components.numbers[y, x]
    area = np.maximum(1, np.bincount(number, minlength=count))
    middle_y = np.bincount(number, weights=y, minlength=count) / area
    middle_x = np.bincount(number, weights=x, minlength=count) / area
    dy, dx = y - middle_y[number], x - middle_x[number]
    # A pixel is a square, not a point: 1/12 is its own variance.
    yy = np.bincount(number, weights=dy * dy, minlength=count) / area + 1.0 / 12.0
    xx = np.bincount(number, weights=dx * dx, minlength=count) / area + 1.0 / 12.0
    xy = np.bincount(number, weights=dy * dx, minlength=count) / area
    ellipse = 4.0 * np.pi * np.sqrt(yy * xx - xy * xy)
    return np.asarray((area / ellipse)[1:], dtype=np.float64)
