"""What was learnt from, and what was left out, for people: a contact sheet, and GeoJSON for QuPath."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import cv2
import shapely
from PIL import Image, ImageDraw, ImageFont

from acinus.core.files import atomic_path, make_folder
from acinus.core.image import RgbImage
from acinus.core.naming import plural
from acinus.glands.geojson import write_geojson
from acinus.mining.regions.survey import Candidate, SlideToSurvey
from acinus.results.artefacts import DrawnArtefact, write_artefacts

__all__ = ["ARTEFACTS", "CONTACT_SHEET", "SlideRegions", "write_regions"]

CONTACT_SHEET = "contact_sheet.jpg"
ARTEFACTS = "artefacts"

_COLUMNS = 12
_THUMB_PX = 160
_CAPTION_PX = 30
_GAP_PX = 6
_MOST_THUMBS = 600  # a sheet of 2000 × 10,000 px; of more regions every so many is shown
_GREEN, _GREY = (38, 160, 60), (120, 120, 120)  # with and without rings


@dataclass(frozen=True)
class SlideRegions:
    """The regions of one slide that are learnt from.

    Attributes
    ----------
    slide : SlideToSurvey
    chosen : tuple of Candidate
    corner : (int, int)
        Level-0 x, y of the scanned part, from where QuPath counts.
    artefacts : tuple of DrawnArtefact
        What was left out.
    """

    slide: SlideToSurvey
    chosen: tuple[Candidate, ...]
    corner: tuple[int, int] = (0, 0)
    artefacts: tuple[DrawnArtefact, ...] = ()


def write_regions(folder: Path, slides: Sequence[SlideRegions], images: Sequence[RgbImage]) -> None:
    """Write ``contact_sheet.jpg``, and ``<slide>.geojson`` for each slide; artefacts go to ``artefacts/``.

    Parameters
    ----------
    slides : sequence of SlideRegions
    images : sequence of RgbImage
        The regions' pixels, in the order of the slides and of their chosen candidates.

    Raises
    ------
    OutputError
        When a file cannot be written.
    """
    make_folder(folder)
    for of_slide in slides:
        left, top = of_slide.corner
        if of_slide.artefacts:
            path = make_folder(folder / ARTEFACTS) / f"{of_slide.slide.name}.geojson"
            write_artefacts(path, of_slide.artefacts, name=of_slide.slide.name, origin_px=(left, top))
        if not of_slide.chosen:
            continue
        squares = [
            (number, shapely.box(each.box.x, each.box.y, each.box.right, each.box.bottom))
            for number, each in enumerate(of_slide.chosen, start=1)
        ]
        write_geojson(
            folder / f"{of_slide.slide.name}.geojson",
            squares,
            name=f"regions of {of_slide.slide.name}",
            offset=(-left, -top),
            object_type="annotation",
            class_name="Learnt",
            color=_GREEN,
        )
    shown = [candidate for of_slide in slides for candidate in of_slide.chosen]
    names = [of_slide.slide.name for of_slide in slides for _ in of_slide.chosen]
    step = -(-len(shown) // _MOST_THUMBS)
    sheet = _contact_sheet(images[::step], shown[::step], names[::step])
    with atomic_path(folder / CONTACT_SHEET) as temporary:
        sheet.save(temporary, quality=85)


def _contact_sheet(
    images: Sequence[RgbImage], shown: Sequence[Candidate], names: Sequence[str]
) -> Image.Image:
    """Draw pictures in rows, each with its slide and its rings, framed green where there are some.

    All have one scale; a row is as high as its highest picture.
    """
    largest_um = max(max(image.shape) * image.mpp for image in images)
    pictures = [_at_scale(image, um_per_px=largest_um / _THUMB_PX) for image in images]
    rows = [range(start, min(start + _COLUMNS, len(images))) for start in range(0, len(images), _COLUMNS)]
    heights = [max(pictures[number].height for number in row) + _CAPTION_PX + _GAP_PX for row in rows]
    width = min(len(images), _COLUMNS) * (_THUMB_PX + _GAP_PX) + _GAP_PX
    sheet = Image.new("RGB", (width, sum(heights) + _GAP_PX), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=11)
    for row, top in zip(rows, accumulate(heights, initial=_GAP_PX), strict=False):
        for column, number in enumerate(row):
            picture, rings = pictures[number], shown[number].shows.rings
            x, below = column * (_THUMB_PX + _GAP_PX) + _GAP_PX, top + picture.height
            sheet.paste(picture, (x, top))
            colour = _GREEN if rings else _GREY
            draw.rectangle((x - 2, top - 2, x + picture.width + 1, below + 1), outline=colour, width=2)
            draw.text((x, below + 2), names[number][:26], fill="black", font=font)
            draw.text((x, below + 15), plural(rings, "ring"), fill=colour, font=font)
    return sheet


def _at_scale(image: RgbImage, *, um_per_px: float) -> Image.Image:
    """Return a picture at so many µm per pixel."""
    height, width = (max(1, round(length * image.mpp / um_per_px)) for length in image.shape)
    return Image.fromarray(cv2.resize(image.rgb, (width, height), interpolation=cv2.INTER_AREA))
