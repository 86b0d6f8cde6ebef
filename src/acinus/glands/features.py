"""GeoJSON from disk: its features, one at a time, and outlines that people drew."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import orjson
import shapely

from acinus.core.errors import InputError
from acinus.glands.outline_builder import OutlineBuilder
from acinus.glands.polygons import Outline

__all__ = ["Annotations", "read_annotations", "read_features"]

_Kind = Literal["gland", "region", "left out"]


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
    """

    glands: list[Outline]
    regions: list[Outline]
    left_out: list[Outline]
    dropped: int


def read_annotations(path: Path) -> Annotations:
    """Read annotations as QuPath exports them, sorted by class.

    A class named ``Region*`` (with the star or without) marks where glands were annotated. Any other class
    whose name ends in ``*``, such as ``Ignore*``, marks what is left out; that is what the star means in
    QuPath. Everything else, annotation or detection, of whatever class or of none, is a gland.

    Parameters
    ----------
    path : Path
        ``.geojson`` or ``.geojson.gz``.

    Raises
    ------
    InputError
        When it cannot be read as GeoJSON, or holds no outline at all.

    Examples
    --------
    >>> import tempfile
    >>> square = {"type": "Polygon", "coordinates": [[[0, 0], [4, 0], [4, 4], [0, 4], [0, 0]]]}
    >>> gland, other = {"geometry": square}, {"geometry": square}
    >>> other["properties"] = {"classification": {"name": "Ignore*"}}
    >>> path = Path(tempfile.mkdtemp()) / "slide.geojson"
    >>> _ = path.write_bytes(orjson.dumps([gland, other]))
    >>> found = read_annotations(path)
    >>> len(found.glands), len(found.regions), len(found.left_out)
    (1, 0, 1)
    """
    kinds: list[_Kind] = []
    builder = OutlineBuilder()
    dropped = 0
    try:
        for feature in read_features(path):
            if builder.add(feature.get("geometry")):
                kinds.append(_kind(feature.get("properties") or {}))
            else:
                dropped += 1
        outlines = builder.build()
    except (ValueError, TypeError, AttributeError, KeyError, IndexError, shapely.GEOSException) as error:
        raise InputError(f"{path.name} is no GeoJSON of outlines ({error}); export it again") from error
    if not kinds:
        raise InputError(
            f"{path.name} holds no outline; export the annotations themselves, and where there is no gland "
            "draw one of class Region* around what was looked at"
        )
    of_kind: dict[_Kind, list[Outline]] = {"gland": [], "region": [], "left out": []}
    for kind, outline in zip(kinds, outlines.tolist(), strict=True):
        if not outline.is_empty:
            of_kind[kind].append(outline)
    return Annotations(of_kind["gland"], of_kind["region"], of_kind["left out"], dropped)


def read_features(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the features of a GeoJSON file, one line at a time when it was written one to a line.

    A FeatureCollection, a list of features or a single one.

    Raises
    ------
    InputError
        When it is damaged or none of these.
    """
    opener: Any = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rb") as file:
            head = file.readline()
            if not head.rstrip().endswith(b'"features":['):
                yield from _features(orjson.loads(head + file.read()))
                return
            for line in file:
                text = line.strip().rstrip(b",")
                if text not in (b"", b"]}", b"]", b"}"):
                    yield orjson.loads(text)
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path.name} cannot be read as GeoJSON ({error}); write it again") from error


def _features(content: Any) -> list[dict[str, Any]]:
    if isinstance(content, dict):
        content = [content] if content.get("type") == "Feature" else content["features"]
    if not isinstance(content, list):
        raise TypeError(f"expected a list of features, got {type(content).__name__}")
    return content


def _kind(properties: dict[str, Any]) -> _Kind:
    classification = properties.get("classification") or {}
    name = str(classification.get("name") or ": ".join(classification.get("names") or ()))
    if name.rstrip("*").strip().lower() == "region":
        return "region"
    return "left out" if name.endswith("*") else "gland"
