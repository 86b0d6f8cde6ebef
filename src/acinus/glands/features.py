"""Outlines that people drew, from GeoJSON: which are glands, and where glands were looked for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import shapely

from acinus.core.errors import InputError
from acinus.glands.feature_stream import read_features
from acinus.glands.outline_builder import OutlineBuilder
from acinus.glands.polygons import Outline

__all__ = ["Annotations", "read_annotations"]

_Kind = Literal["gland", "right", "wrong", "region", "left out", "core"]


@dataclass(frozen=True)
class Annotations:
    """What somebody drew on an image or slide, in level-0 pixels from the file's own origin.

    Attributes
    ----------
    glands : list of Polygon or MultiPolygon
    regions : list of Polygon or MultiPolygon
        Where glands were annotated; empty means everywhere.
    left_out : list of Polygon or MultiPolygon
        What is neither gland nor background.
    dropped : int
        Features without an area: points, lines, rings of less than three corners.
    split : int
        Outlines of several parts that became as many glands.
    wrong : list of Polygon or MultiPolygon
        What somebody marked as no gland.
    complete : bool
        Whether the glands are meant to be all there are (in the regions); not where each has a verdict of its
        own, ``Right`` or ``Wrong``.
    cores : int
        Cores of a tissue microarray, which are no glands.
    classes : list of str
        Name of the class of each gland; empty without one.
    """

    glands: list[Outline]
    regions: list[Outline]
    left_out: list[Outline]
    dropped: int
    split: int = 0
    wrong: list[Outline] = field(default_factory=list)
    complete: bool = True
    cores: int = 0
    classes: list[str] = field(default_factory=list)

    def moved(self, by_px: tuple[float, float]) -> Annotations:
        """Return the same drawing, moved by x and y."""

        def shifted(outlines: list[Outline]) -> list[Outline]:
            return [shapely.transform(each, lambda xy: xy + np.asarray(by_px)) for each in outlines]

        return replace(
            self,
            glands=shifted(self.glands),
            regions=shifted(self.regions),
            left_out=shifted(self.left_out),
            wrong=shifted(self.wrong),
        )


def read_annotations(path: Path) -> Annotations:
    """Read annotations as QuPath exports them, sorted by class.

    A class named ``Region*`` (with the star or without) marks where glands were annotated. Any other class
    whose name ends in ``*``, such as ``Ignore*``, marks what is left out; that is what the star means in
    QuPath. ``Wrong``, as the viewer exports it, is no gland, and neither is a core of a tissue microarray.
    Everything else, annotation or detection, of whatever class or of none, is a gland. A gland is in one
    piece: an annotation of several parts is as many glands, and so is a detection where it is the only
    outline. (Detections of several parts among others are what a program found to be one gland.)

    Parameters
    ----------
    path : Path
        As `read_features` reads it.

    Raises
    ------
    InputError
        When it cannot be read as GeoJSON, or holds no outline at all.

    Examples
    --------
    >>> import json, tempfile
    >>> square = {"type": "Polygon", "coordinates": [[[0, 0], [4, 0], [4, 4], [0, 4], [0, 0]]]}
    >>> gland, other = {"geometry": square}, {"geometry": square}
    >>> other["properties"] = {"classification": {"name": "Ignore*"}}
    >>> path = Path(tempfile.mkdtemp()) / "slide.geojson"
    >>> _ = path.write_text(json.dumps([gland, other]))
    >>> found = read_annotations(path)
    >>> len(found.glands), len(found.regions), len(found.left_out)
    (1, 0, 1)
    """
    kinds: list[_Kind] = []
    names: list[str] = []
    detected: list[bool] = []
    builder = OutlineBuilder()
    dropped = 0
    try:
        for feature in read_features(path):
            if builder.add(feature.get("geometry")):
                properties = feature.get("properties") or {}
                kinds.append(_kind(properties))
                names.append(_class_name(properties.get("classification")))
                detected.append(properties.get("objectType") in ("detection", "cell", "tile"))
            else:
                dropped += 1
        outlines = builder.build()
    except (ValueError, TypeError, AttributeError, KeyError, IndexError, shapely.GEOSException) as error:
        raise InputError(f"{path.name} is no GeoJSON of outlines ({error}); export it again") from error
    if kinds.count("core") == len(kinds):
        raise InputError(
            f"{path.name} holds no outline; export the annotations themselves, and where there is no gland "
            "draw one of class Region* around what was looked at"
        )
    of_kind: dict[_Kind, list[Outline]] = {kind: [] for kind in get_args(_Kind)}
    classes: dict[_Kind, list[str]] = {kind: [] for kind in get_args(_Kind)}
    split, alone = 0, kinds.count("gland") + kinds.count("right") == 1
    for kind, name, outline, whole in zip(kinds, names, outlines.tolist(), detected, strict=True):
        parts = [] if outline.is_empty else [outline]
        if kind in ("gland", "right") and shapely.get_num_geometries(outline) > 1 and (not whole or alone):
            parts = shapely.get_parts(outline).tolist()
            split += 1
        of_kind[kind] += parts
        classes[kind] += [name] * len(parts)
    return Annotations(
        of_kind["gland"] + of_kind["right"],
        of_kind["region"],
        of_kind["left out"],
        dropped,
        split,
        wrong=of_kind["wrong"],
        complete=bool(of_kind["gland"] or of_kind["region"]),
        cores=len(of_kind["core"]),
        classes=classes["gland"] + classes["right"],
    )


def _kind(properties: dict[str, Any]) -> _Kind:
    if properties.get("objectType") == "tma_core":
        return "core"
    name = _class_name(properties.get("classification"))
    if name.rstrip("*").strip().lower() == "region":
        return "region"
    if name in ("Right", "Wrong"):
        return "right" if name == "Right" else "wrong"
    return "left out" if name.endswith("*") else "gland"


def _class_name(classification: Any) -> str:
    """Return the name of a class, which is an object in QuPath's files and mere text in those of others."""
    if isinstance(classification, dict):
        classification = classification.get("name") or classification.get("names")
    if isinstance(classification, list):
        return ": ".join(map(str, classification))
    return str(classification or "")
