"""Artefacts of a slide as outlines, which files keep and people see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from acinus.glands.crops import gland_crops
from acinus.glands.polygons import Outline, crop_outline
from acinus.slides.artefacts import KINDS, Artefacts

__all__ = ["DrawnArtefact", "draw_artefacts"]


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
