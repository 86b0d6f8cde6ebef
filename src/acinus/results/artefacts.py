"""Artefacts of a slide as outlines, which files keep and people see: drawn, written and read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely

from acinus.core.errors import InputError
from acinus.glands.crops import gland_crops
from acinus.glands.feature_stream import read_features
from acinus.glands.geojson import write_geojson
from acinus.glands.outline_builder import OutlineBuilder
from acinus.glands.polygons import Outline, crop_outline
from acinus.slides.artefacts import KINDS, Artefacts

__all__ = ["DrawnArtefact", "areas_in_words", "draw_artefacts", "read_artefacts", "write_artefacts"]

_ORANGE = (230, 120, 20)


@dataclass(frozen=True)
class DrawnArtefact:
    """One artefact.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    outline : Polygon
        In level-0 pixels from the corner of the whole slide.
    """

    kind: str
    outline: Outline


def draw_artefacts(artefacts: Artefacts, *, scale: float) -> tuple[DrawnArtefact, ...]:
    """Return the outline of each artefact, exact to a pixel of the overview.

    Parameters
    ----------
    scale : float
        Level-0 pixels per pixel of the overview.
    """
    drawn = []
    for crop in gland_crops(artefacts.kinds.astype(np.int32)):
        for part in shapely.get_parts(crop_outline(crop)).tolist():
            level0 = shapely.transform(part, lambda xy: np.rint(xy * scale))
            for whole in shapely.get_parts(shapely.make_valid(level0.simplify(scale / 4))).tolist():
                if whole.geom_type == "Polygon":
                    drawn.append(DrawnArtefact(KINDS[crop.label - 1], whole))
    return tuple(drawn)


def write_artefacts(
    path: Path,
    drawn: Sequence[DrawnArtefact],
    *,
    name: str,
    origin_px: tuple[float, float] = (0.0, 0.0),
) -> None:
    """Write artefacts as annotations in classes such as ``Fold*``, which QuPath and ``--roi`` leave out.

    Parameters
    ----------
    path : Path
        ``.geojson``.
    name : str
        Of the slide, from which the outlines' ids are made.
    origin_px : (float, float)
        Level-0 x, y from which the written outlines are to count.

    Raises
    ------
    OutputError
        When the file cannot be written.
    """
    write_geojson(
        path,
        enumerate((each.outline for each in drawn), start=1),
        name=f"artefacts of {name}",
        offset=(-origin_px[0], -origin_px[1]),
        object_type="annotation",
        classes={number: f"{each.kind.capitalize()}*" for number, each in enumerate(drawn, start=1)},
        color=_ORANGE,
    )


def read_artefacts(path: Path, *, origin_px: tuple[float, float] = (0.0, 0.0)) -> list[DrawnArtefact]:
    """Read what `write_artefacts` wrote, for pages; empty where the file is missing or damaged.

    Parameters
    ----------
    origin_px : (float, float)
        Level-0 x, y of the point from which the file counts.
    """
    if not path.is_file():
        return []
    kind_of = {f"{kind.capitalize()}*": kind for kind in KINDS}
    kinds: list[str] = []
    builder = OutlineBuilder()
    try:
        for feature in read_features(path):
            kind = kind_of.get(feature["properties"]["classification"]["name"])
            if kind is not None and builder.add(feature["geometry"]):
                kinds.append(kind)
        outlines = builder.build()
    except (InputError, KeyError, TypeError, ValueError, shapely.GEOSException):
        return []
    moved = shapely.transform(outlines, lambda xy: xy + np.asarray(origin_px))
    return [DrawnArtefact(kind, outline) for kind, outline in zip(kinds, moved.tolist(), strict=True)]


def areas_in_words(areas_um2: Mapping[str, float]) -> str:
    """Return kinds with their areas, the largest first.

    Examples
    --------
    >>> areas_in_words({"pen": 20_000.0, "fold": 1_250_000.0})
    'fold 1.25 mm², pen 0.02 mm²'
    """
    largest = sorted(areas_um2.items(), key=lambda item: -item[1])
    return ", ".join(f"{kind} {area / 1e6:.3g} mm²" for kind, area in largest)
