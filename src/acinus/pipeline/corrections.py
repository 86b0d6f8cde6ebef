"""What people corrected, as a fit learns from it: images and parts of slides, and what was said of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import shapely

from acinus.core.errors import InputError
from acinus.core.geometry import Box
from acinus.core.image import RgbImage
from acinus.glands.features import Annotations, read_annotations
from acinus.glands.polygons import Outline
from acinus.grouping.corrections import ImageCorrections
from acinus.mining.regions.survey import read_region
from acinus.pipeline.fit import finest_mpp, reduced
from acinus.pipeline.gland_size import source_of
from acinus.pipeline.settings import Settings
from acinus.results.files import CORRECTIONS, is_result, result_folders
from acinus.results.folder import ImageResult, read_results
from acinus.slides.images import read_image
from acinus.slides.opening import open_slide

__all__ = ["CorrectedImage", "CorrectedResult", "corrected_images", "corrected_results"]

_LEAST_FIELD_UM = 50.0  # what is left of a field at a slide's side, below which nothing is to be learnt


@dataclass(frozen=True)
class CorrectedResult:
    """An image or slide of a folder of corrected results.

    Attributes
    ----------
    result : ImageResult
    source : Path
        The stained image.
    said : Annotations or None
        What people said of it, in level-0 pixels of the file; None where they said nothing.
    """

    result: ImageResult
    source: Path
    said: Annotations | None


class CorrectedImage(NamedTuple):
    """An image, or a field of a slide, at the resolution that fitting uses.

    Attributes
    ----------
    image : RgbImage
    source : str
        Where it comes from, see `source_of`.
    said : ImageCorrections or None
    """

    image: RgbImage
    source: str
    said: ImageCorrections | None


def corrected_results(folder: Path, *, of_all: bool = True) -> tuple[list[CorrectedResult], list[str]]:
    """Read which images a folder of corrected results holds, and what people said of them.

    Parameters
    ----------
    folder : Path
        That ``acinus measure RESULTS --out`` wrote.
    of_all : bool
        Whether images of which nobody said anything are learnt from, too.

    Returns
    -------
    found : list of CorrectedResult
    problems : list of str
        One line for each image that cannot be learnt from.

    Raises
    ------
    InputError
        When it holds no results, or nobody corrected any of them.
    """
    if any(folder.glob("*.geojson*")) and not (is_result(folder) or result_folders(folder)):
        raise InputError(
            f"{folder} holds outlines and no results; run acinus measure RESULTS --corrections {folder} "
            "--out CORRECTED first, then give CORRECTED"
        )
    results = read_results(folder)
    found: list[CorrectedResult] = []
    problems = list(results.problems)
    for image in results.images:
        path = image.folder / CORRECTIONS
        source = image.source
        if source is None:
            problems.append(
                f"{image.record.path or image.name} was not found; put it where it was or beside "
                f"{image.folder}"
            )
            continue
        said = read_annotations(path).moved(image.record.origin_px) if path.is_file() else None
        found.append(CorrectedResult(image, source, said))
    if all(each.said is None for each in found):
        reason = f" ({problems[0]})" if problems else ""
        raise InputError(
            f"{folder} holds no corrections{reason}; --corrections takes the folder that acinus measure "
            "wrote of results with marks, or with --corrections of its own"
        )
    return [each for each in found if of_all or each.said is not None], problems


def corrected_images(corrected: CorrectedResult, settings: Settings) -> list[CorrectedImage]:
    """Read an image at the resolution that fitting uses; of a slide, the fields of which people spoke.

    Raises
    ------
    InputError
        When it cannot be read.
    """
    record, said = corrected.result.record, corrected.said
    source = source_of(corrected.source, mpp=record.mpp)
    if not record.is_slide:
        image = read_image(corrected.source, mpp=record.mpp)
        named = RgbImage(image.rgb, image.mpp, corrected.result.name)
        whole = Box(0, 0, record.width_px, record.height_px)
        return [CorrectedImage(reduced(named, settings), source, _within(said, whole, mpp=record.mpp))]
    if said is None:
        return []
    regions = settings.mining.regions
    frame = Box(0, 0, record.width_px, record.height_px)
    boxes = _fields(said, frame, side_px=round(1000.0 * regions.side_mm / record.mpp), mpp=record.mpp)
    chosen = boxes[:: max(1, -(-len(boxes) // regions.count))]
    with open_slide(corrected.source, mpp=record.mpp) as reader:
        return [
            CorrectedImage(
                read_region(reader, box, mpp=finest_mpp(settings)),
                source,
                _within(said, box, mpp=record.mpp),
            )
            for box in chosen
        ]


def _fields(said: Annotations, frame: Box, *, side_px: int, mpp: float) -> list[Box]:
    """Return the cells of a grid in which people said something, row by row."""
    outlines = [*said.glands, *said.wrong, *said.regions]
    cells: set[tuple[int, int]] = set()
    for outline in outlines:
        left, top, right, bottom = (int(side // side_px) for side in outline.bounds)
        for row in range(top, bottom + 1):
            for column in range(left, right + 1):
                box = shapely.box(
                    column * side_px, row * side_px, (column + 1) * side_px, (row + 1) * side_px
                )
                if outline.intersects(box):
                    cells.add((row, column))
    boxes = [
        Box(column * side_px, row * side_px, side_px, side_px).intersection(frame)
        for row, column in sorted(cells)
    ]
    least_px = _LEAST_FIELD_UM / mpp
    return [box for box in boxes if min(box.width, box.height) >= least_px]


def _within(said: Annotations | None, box: Box, *, mpp: float) -> ImageCorrections | None:
    """Return what was said of a box, in µm from its corner."""
    if said is None:
        return None
    frame = shapely.box(box.x, box.y, box.right, box.bottom)

    def inside(outlines: Sequence[Outline]) -> list[Outline]:
        return [
            shapely.transform(each, lambda xy: (xy - (box.x, box.y)) * mpp)
            for each in outlines
            if each.intersects(frame)
        ]

    return ImageCorrections(
        (box.width * mpp, box.height * mpp),
        glands=inside(said.glands),
        wrong=inside(said.wrong),
        complete=inside(said.regions),
        left_out=inside(said.left_out),
    )
