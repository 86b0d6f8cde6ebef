"""Which candidates are learnt from: those with many rings, unlike each other, and some without any.

Farthest-point choice (Gonzalez 1985: each time the candidate farthest from all chosen), in the space of what
regions look like, weighted by what they teach and by how little their slide has given yet. No label enters.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from acinus.core.image import BoolMask
from acinus.mining.regions.describe import Description
from acinus.mining.regions.settings import RegionSettings

__all__ = ["choose_regions"]

_FARTHEST = 3.0  # standard deviations to which an appearance counts: what is odd is not chosen for that alone
_LEAST_WEIGHT = 0.1  # of a region with a single ring


def choose_regions(
    shown: Sequence[Description], slides: Sequence[int], settings: RegionSettings
) -> list[int]:
    """Return the numbers of the chosen candidates, in the order in which they were chosen.

    Parameters
    ----------
    shown : sequence of Description
        Of the candidates of all slides.
    slides : sequence of int
        The slide of each.
    settings : RegionSettings
        ``count`` of them are chosen, a share ``ringless`` of them without rings as far as there are so many;
        all that are sharp and hold tissue where there are no more than that.

    Examples
    --------
    >>> def region(rings, red):
    ...     return Description(rings=rings, ring_share=rings / 10, focus=0.3, tissue=1.0, look=(red,) * 8)
    >>> shown = [region(4, 0.2), region(4, 0.2), region(4, 0.9), region(0, 0.1), region(0, 0.1)]
    >>> sorted(choose_regions(shown, [0] * 5, RegionSettings(count=3, ringless=0.34)))
    [0, 2, 3]
    """
    usable = np.array(
        [each.focus >= settings.least_focus and each.tissue >= settings.least_tissue / 2 for each in shown],
        dtype=bool,
    )
    if not usable.any():
        return []
    ringed = usable & np.array([each.rings > 0 for each in shown])
    looks = _standardised(np.array([each.look for each in shown], dtype=np.float64), usable)
    places = np.asarray(slides)
    ringless = usable & ~ringed
    wanted = round(settings.ringless * settings.count)
    # Where one kind is short, the other fills the budget.
    without = min(int(ringless.sum()), max(wanted, settings.count - int(ringed.sum())))
    with_rings = min(int(ringed.sum()), settings.count - without)
    worth = _worth(shown)
    return [
        *_farthest(looks, worth, places, ringed, with_rings),
        *_farthest(looks, np.ones(len(shown)), places, ringless, without),
    ]


def _worth(shown: Sequence[Description]) -> NDArray[np.float64]:
    """Return what each candidate teaches of glands, by its rings, 0.1 to 1."""
    rings = np.array([each.rings for each in shown], dtype=np.float64)
    worth = _LEAST_WEIGHT + (1.0 - _LEAST_WEIGHT) * rings / max(1.0, float(np.quantile(rings, 0.95)))
    return np.asarray(worth, dtype=np.float64)


def _standardised(looks: NDArray[np.float64], usable: BoolMask) -> NDArray[np.float64]:
    """Return appearances in standard deviations from the mean of those that are usable, cut at 3."""
    known = looks[usable]
    spread = known.std(axis=0)
    centred = (looks - known.mean(axis=0)) / np.where(spread > 1e-6, spread, 1.0)
    return np.asarray(np.clip(centred, -_FARTHEST, _FARTHEST), dtype=np.float64)


def _farthest(
    looks: NDArray[np.float64],
    worth: NDArray[np.float64],
    places: NDArray[np.intp],
    allowed: BoolMask,
    count: int,
) -> list[int]:
    """Choose `count` of the allowed candidates one after the other; ties go to the first."""
    chosen: list[int] = []
    left = allowed.copy()
    slides = len(np.unique(places[allowed])) if count else 0
    given = np.zeros(int(places.max(initial=0)) + 1)
    distance = np.ones(len(looks))
    for _ in range(count):
        # A slide that has given its share counts half, one that has given twice that a third.
        balance = 1.0 / (1.0 + given[places] * slides / count)
        gain = np.where(left, (distance + 1e-9) * worth * balance, -1.0)
        number = int(np.argmax(gain))
        apart = np.linalg.norm(looks - looks[number], axis=1)
        distance = apart if not chosen else np.minimum(distance, apart)
        chosen.append(number)
        left[number] = False
        given[places[number]] += 1
    return chosen
