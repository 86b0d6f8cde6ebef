"""One slide surveyed: its candidate regions, described; kept in a file, so that a slide is read once."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson
import shapely

from acinus.core.code import code_digest
from acinus.core.errors import InputError, OutputError
from acinus.core.files import make_folder, read_json, write_json
from acinus.core.geometry import Box
from acinus.core.image import RgbImage
from acinus.core.run import fingerprint
from acinus.data.stain_kind import stain_kind
from acinus.glands.roi import RegionOfInterest
from acinus.mining.regions.candidates import candidate_boxes, varied_order
from acinus.mining.regions.describe import DESCRIBED_MPP, Description, describe_region
from acinus.mining.regions.settings import RegionSettings
from acinus.results.artefacts import DrawnArtefact, draw_artefacts
from acinus.slides.artefacts import find_artefacts
from acinus.slides.blur import find_blur
from acinus.slides.coarse import CoarseView
from acinus.slides.identity import file_identity
from acinus.slides.opening import open_slide
from acinus.slides.reader import SlideReader
from acinus.slides.tissue import tissue_mask

__all__ = ["Candidate", "SlideToSurvey", "Survey", "read_region", "survey_slide"]

_MOST_OVERVIEW_PX = 4_000_000  # 16 × 16 mm at 8 µm/px; 150 MB while tissue is found
_CODE = (
    "core",
    "slides",
    "data.resample",
    "data.stain_kind",
    "glands.crops",
    "glands.paint",
    "glands.polygons",
    "glands.roi",
    "results.artefacts",
    "mining",
)


@dataclass(frozen=True)
class SlideToSurvey:
    """A slide by all that its survey depends on.

    Attributes
    ----------
    name : str
        Unique among the slides.
    path : Path
    mpp : float or None
        µm per pixel at level 0, overriding what the file says.
    roi : RegionOfInterest
    """

    name: str
    path: Path
    mpp: float | None = None
    roi: RegionOfInterest = field(default_factory=RegionOfInterest)


@dataclass(frozen=True)
class Candidate:
    """A part of a slide that could be learnt from.

    Attributes
    ----------
    box : Box
        Level-0 pixels.
    shows : Description
    """

    box: Box
    shows: Description


@dataclass(frozen=True)
class Survey:
    """The candidates of one slide, in an order of which any beginning shows all kinds of its tissue.

    Attributes
    ----------
    candidates : tuple of Candidate
    complete : bool
        Whether the slide has no more of them.
    corner : (int, int)
        Level-0 x, y of the scanned part, from where QuPath counts.
    artefacts : tuple of DrawnArtefact
        Which no candidate holds.
    """

    candidates: tuple[Candidate, ...]
    complete: bool
    corner: tuple[int, int] = (0, 0)
    artefacts: tuple[DrawnArtefact, ...] = ()


def survey_slide(
    slide: SlideToSurvey, settings: RegionSettings, *, count: int, cache: Path | None = None
) -> Survey:
    """Look at a slide from afar, then at up to `count` candidate regions.

    Parameters
    ----------
    cache : Path, optional
        A folder in which surveys are kept. The first `count` candidates are the same whatever it holds.

    Raises
    ------
    InputError
        When the slide cannot be read, or its resolution is unknown or absurd.
    """
    kept = None if cache is None else cache / f"{_key(slide, settings)}.json"
    known = _load(kept)
    if known.complete or len(known.candidates) >= count:
        complete = known.complete and len(known.candidates) <= count
        return replace(known, candidates=known.candidates[:count], complete=complete)
    with open_slide(slide.path, mpp=slide.mpp) as reader:
        boxes, artefacts = _ordered_boxes(reader, slide, settings)
        new = boxes[len(known.candidates) : count]
        described = (
            Candidate(box, describe_region(read_region(reader, box, mpp=DESCRIBED_MPP))) for box in new
        )
        survey = Survey(
            (*known.candidates, *described),
            complete=len(boxes) <= count,
            corner=(reader.bounds.x, reader.bounds.y),
            artefacts=artefacts,
        )
    _keep(kept, survey)
    return survey


def read_region(reader: SlideReader, box: Box, *, mpp: float) -> RgbImage:
    """Return a level-0 box at `mpp` µm per pixel, named by the slide and where the box lies on it.

    Raises
    ------
    InputError
        When the slide cannot be read.
    """
    try:
        rgb = reader.read(box, mpp=mpp)
    except OSError as error:
        raise InputError(f"{reader.path.name} cannot be read ({error}); copy it again") from error
    return RgbImage(rgb, mpp, f"{reader.path.stem}.x{box.x}.y{box.y}")


def _ordered_boxes(
    reader: SlideReader, slide: SlideToSurvey, settings: RegionSettings
) -> tuple[Sequence[Box], tuple[DrawnArtefact, ...]]:
    """Return where candidates lie, in level-0 pixels, and the artefacts that they keep clear of."""
    view = CoarseView.of(reader, most_px=_MOST_OVERVIEW_PX)
    tissue = tissue_mask(view.rgb, mpp=view.mpp)
    permitted = slide.roi.mask(view.size, scale=view.scale)
    brown = stain_kind(view.rgb, mpp=view.mpp) == "brown"
    artefacts = find_artefacts(view.rgb, mpp=view.mpp, brown_is_foreign=not brown, tissue=tissue)
    artefacts = artefacts.with_blur(find_blur(reader, tissue & permitted & ~artefacts.mask, mpp=view.mpp))
    boxes = candidate_boxes(
        tissue,
        permitted & ~artefacts.mask,
        mpp=view.mpp,
        side_um=1000.0 * settings.side_mm,
        least_tissue=settings.least_tissue,
    )
    seed = int(fingerprint(slide.name), 16) % 2**32
    whole = Box(0, 0, reader.size.width, reader.size.height)
    ordered = [view.level0(box).intersection(whole) for box in varied_order(view.rgb, boxes, seed=seed)]
    return ordered, draw_artefacts(artefacts, scale=view.scale)


def _key(slide: SlideToSurvey, settings: RegionSettings) -> str:
    """Return a digest of all that a slide's candidates depend on, but for how many there are."""
    return fingerprint(
        slide.name,
        orjson.dumps(file_identity(slide.path)),
        str(slide.mpp),
        slide.roi.state,
        repr((settings.side_mm, settings.least_tissue)),
        code_digest(*_CODE),
    )


def _load(path: Path | None) -> Survey:
    """Return the survey kept in a file, an empty one where there is none or it is damaged."""
    with suppress(OSError, ValueError, KeyError, TypeError, shapely.GEOSException):
        if path is not None:
            return _survey_of(read_json(path))
    return Survey((), complete=False)


def _survey_of(plain: Any) -> Survey:
    candidates = [
        Candidate(Box(*each["box"]), Description(**{**each["shows"], "look": tuple(each["shows"]["look"])}))
        for each in plain["candidates"]
    ]
    left, top = plain["corner"]
    artefacts = [DrawnArtefact(kind, shapely.from_wkt(outline)) for kind, outline in plain["artefacts"]]
    return Survey(tuple(candidates), bool(plain["complete"]), (int(left), int(top)), tuple(artefacts))


def _keep(path: Path | None, survey: Survey) -> None:
    """Write a survey; where that is refused, the slide is read again the next time."""
    if path is None:
        return
    plain = [
        {"box": list(asdict(each.box).values()), "shows": asdict(each.shows)} for each in survey.candidates
    ]
    artefacts = [(each.kind, shapely.to_wkt(each.outline, rounding_precision=0)) for each in survey.artefacts]
    with suppress(OutputError):
        make_folder(path.parent)
        write_json(
            path,
            {
                "candidates": plain,
                "complete": survey.complete,
                "corner": survey.corner,
                "artefacts": artefacts,
            },
        )
