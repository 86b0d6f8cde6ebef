"""Many slides surveyed in processes that each open their own; one that fails stops no other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from acinus.core.errors import InputError
from acinus.core.parallel import in_processes
from acinus.mining.regions.settings import RegionSettings
from acinus.mining.regions.survey import SlideToSurvey, Survey, survey_slide

__all__ = ["candidates_per_slide", "survey_slides"]

_LEAST_CANDIDATES = 8
_CANDIDATES_PER_REGION = 3


def candidates_per_slide(slides: int, regions: int) -> int:
    """Return how many candidates of each slide are looked at: three for each region, and 8 at the least.

    Examples
    --------
    >>> candidates_per_slide(1, 200), candidates_per_slide(1000, 200)
    (600, 8)
    """
    return max(_LEAST_CANDIDATES, -(-_CANDIDATES_PER_REGION * regions // max(1, slides)))


def survey_slides(
    slides: Sequence[SlideToSurvey], settings: RegionSettings, *, cache: Path | None, processes: int
) -> Iterator[tuple[SlideToSurvey, Survey | Exception]]:
    """Yield each slide with its survey, or with what was wrong with it, in order.

    That a slide kills the process that reads it, by a fault in a library or for want of memory, is one of the
    things that may be wrong.

    Parameters
    ----------
    cache : Path or None
        See `survey_slide`.
    processes : int
        Which read slides at the same time; this one never does. The result does not depend on it.
    """
    count = candidates_per_slide(len(slides), settings.count)
    work = partial(_attempt, settings=settings, count=count, cache=cache)
    surveys = in_processes(work, slides, processes=processes, lost=_lost)
    yield from zip(slides, surveys, strict=True)


def _attempt(
    slide: SlideToSurvey, *, settings: RegionSettings, count: int, cache: Path | None
) -> Survey | Exception:
    """Survey a slide; whatever is wrong with it is returned, so that the others are read."""
    try:
        return survey_slide(slide, settings, count=count, cache=cache)
    except Exception as error:
        return error


def _lost(slide: SlideToSurvey, end: str) -> Survey | Exception:
    return InputError(
        f"{slide.path.name} ended the process that read it ({end}): the file is damaged, or memory ran out; "
        "copy it again, or run with fewer --processes"
    )
