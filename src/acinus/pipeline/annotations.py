"""A label map compared with annotations, in the regions that were annotated."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import shapely

from acinus.core.errors import InputError
from acinus.core.geometry import Box
from acinus.core.image import BoolMask
from acinus.core.naming import plural
from acinus.glands.features import Annotations, read_annotations
from acinus.glands.paint import paint_outlines, pixels_around
from acinus.glands.polygons import Outline
from acinus.metrics import ImageScores, evaluate_pair
from acinus.results.labels import LabelFile

__all__ = ["score_annotations"]

_WHOLE = 0.99  # share of the image that an outline of the whole image covers
_RECTANGLE = 1 - 1e-6  # of its bounding box


def score_annotations(
    prediction: LabelFile, truth: Path, *, name: str
) -> tuple[list[ImageScores], list[str]]:
    """Score each annotated region; all of the image where none is marked.

    Outlines are painted at the resolution of the prediction. Pixels beyond a region are not valid, and glands
    that cross its border end there, in both maps alike.

    Parameters
    ----------
    prediction : LabelFile
    truth : Path
        GeoJSON, as `read_annotations` reads it, counting from the prediction's origin.
    name : str
        Of the image. Its regions are ``name, region 1`` and so on, from top to bottom; touching ones are one.

    Returns
    -------
    scores, notices
        One line for each kind of outline that was left out.

    Raises
    ------
    InputError
        When the outlines lie outside the image, or their position on the label map is unknown.
    """
    annotations = _on_the_map(read_annotations(truth), prediction)
    annotations, notices = _without_frames(annotations, prediction, truth)
    if annotations.split:
        are = plural(annotations.split, "outline of several parts is", "outlines of several parts are")
        notices.append(f"{truth.name}: {are} read as one gland for each part")
    if annotations.cores:
        are = plural(annotations.cores, "core of a tissue microarray is", "cores of a tissue microarray are")
        notices.append(f"{truth.name}: {are} no {'gland' if annotations.cores == 1 else 'glands'}, left out")
    if len(counts := Counter(annotations.classes)) > 1:
        shown = ", ".join(f"{name or 'none'} {count}" for name, count in counts.items())
        notices.append(f"{truth.name}: outlines of {len(counts)} classes count as glands ({shown})")
    if annotations.dropped:
        without_area = plural(annotations.dropped, "outline has", "outlines have")
        notices.append(f"{truth.name}: {without_area} no area, left out")
    outside = _outside(annotations, prediction, truth)
    if outside:
        lie = plural(outside, "outline lies", "outlines lie")
        notices.append(f"{truth.name}: {lie} outside the image, left out")
    regions = _regions(annotations)
    scores = [
        _score(prediction, annotations, region, name=f"{name}, region {number}" if len(regions) > 1 else name)
        for number, region in enumerate(regions, start=1)
    ]
    for region, score in zip(regions, scores, strict=True):
        if score.pixels.pixels == 0:
            raise InputError(
                f"{truth.name}: the {'image' if region is None else 'region'} {score.name} has no valid "
                "pixel; draw a larger region, or leave less of it out"
            )
    return scores, notices


def _on_the_map(annotations: Annotations, prediction: LabelFile) -> Annotations:
    """Return the outlines in pixels of the label map."""
    scale = prediction.pixels_per_level0
    if scale is None:
        raise InputError(
            f"{prediction.path} has no image.json beside it, so its position on the slide is unknown; "
            "give the folder that acinus segment wrote"
        )

    def moved(outlines: list[Outline]) -> list[Outline]:
        return [shapely.transform(each, lambda xy: (xy + prediction.origin_px) * scale) for each in outlines]

    return replace(
        annotations,
        glands=moved(annotations.glands),
        regions=moved(annotations.regions),
        left_out=moved(annotations.left_out),
    )


def _without_frames(
    annotations: Annotations, prediction: LabelFile, truth: Path
) -> tuple[Annotations, list[str]]:
    """Return the annotations without outlines that frame glands instead of being one, and a line for them.

    QuPath's annotation of the full image is one. A rectangle around several outlines may be another, yet does
    not say whether glands were annotated beyond it, too.
    """
    glands = np.array(annotations.glands, dtype=object)
    if not len(glands):
        return annotations, []
    areas, frame = shapely.area(glands), prediction.frame
    left, top, right, bottom = shapely.bounds(glands).T
    rectangle = areas >= _RECTANGLE * (right - left) * (bottom - top)
    tree = shapely.STRtree(glands)
    outer = tree.query(glands[rectangle], predicate="contains")[0]
    holds = np.zeros(len(glands), np.int64)
    holds[rectangle] = np.bincount(outer, minlength=int(rectangle.sum())) - 1  # itself
    on_frame = shapely.area(
        shapely.intersection(glands[rectangle], shapely.box(frame.x, frame.y, frame.right, frame.bottom))
    )
    whole = np.zeros(len(glands), bool)
    whole[rectangle] = on_frame >= _WHOLE * frame.width * frame.height
    frames = rectangle & ~whole & (holds > 1)
    if frames.any():
        raise InputError(
            f"{truth.name}: a rectangle without class Region* holds {holds[frames].max()} other outlines; "
            "give it this class if it is what was annotated, or remove it"
        )
    if not whole.any():
        return annotations, []
    notice = f"{truth.name}: the outline of the whole image is no gland, left out"
    classes = np.array(annotations.classes, dtype=object)[~whole].tolist()
    return replace(annotations, glands=glands[~whole].tolist(), classes=classes), [notice]


def _outside(annotations: Annotations, prediction: LabelFile, truth: Path) -> int:
    """Return how many glands lie outside the image; if all do, or any region, it is another image."""
    frame = prediction.frame
    on_frame = shapely.box(frame.x, frame.y, frame.right, frame.bottom)
    found = 0
    for kind, outlines in (("outlines", annotations.glands), ("regions", annotations.regions)):
        outside = int(np.count_nonzero(~shapely.intersects(np.array(outlines, dtype=object), on_frame)))
        if outside and (outside == len(outlines) or kind == "regions"):
            raise InputError(
                f"{truth.name}: {outside} of {len(outlines)} {kind} lie outside {prediction.path}; expected "
                "level-0 pixels of what was segmented, relative to its --origin"
            )
        found += outside
    return found


def _regions(annotations: Annotations) -> list[Outline | None]:
    """Return the separate annotated areas, from top to bottom; [None] is all of the image."""
    if not annotations.regions:
        return [None]
    parts = shapely.get_parts(shapely.union_all(annotations.regions)).tolist()
    return sorted(parts, key=lambda part: (part.bounds[1], part.bounds[0]))


def _score(
    prediction: LabelFile, annotations: Annotations, region: Outline | None, *, name: str
) -> ImageScores:
    frame = prediction.frame
    box = frame if region is None else pixels_around(region).intersection(frame)
    return evaluate_pair(
        prediction.read(box),
        paint_outlines(annotations.glands, box),
        mpp=prediction.mpp,
        name=name,
        valid=_valid(annotations, region, box),
    )


def _valid(annotations: Annotations, region: Outline | None, box: Box) -> BoolMask | None:
    """Return where the truth is known: inside the region, and not in what was left out; None: everywhere."""
    if region is None and not annotations.left_out:
        return None
    inside = np.ones((box.height, box.width), bool) if region is None else paint_outlines([region], box) > 0
    valid: BoolMask = inside & (paint_outlines(annotations.left_out, box) == 0)
    return valid
