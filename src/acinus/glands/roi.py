"""Regions of interest: where on a slide somebody wants the work to be done, drawn in QuPath."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely

from acinus.core.errors import UsageError
from acinus.core.files import as_named, leads_nowhere
from acinus.core.geometry import Box, Size
from acinus.core.image import BoolMask
from acinus.core.run import fingerprint
from acinus.glands.features import read_annotations
from acinus.glands.paint import paint_outlines
from acinus.glands.polygons import Outline

__all__ = ["RegionOfInterest", "RoiFolder", "read_roi"]

_ENDINGS = (".geojson", ".geojson.gz")


@dataclass(frozen=True)
class RegionOfInterest:
    """What is to be looked at on one slide.

    Attributes
    ----------
    inside : tuple of Polygon or MultiPolygon
        In level-0 pixels from the corner of the whole slide. Without any, everything is of interest.
    outside : tuple of Polygon or MultiPolygon
        What is left out, likewise.

    Examples
    --------
    >>> roi = RegionOfInterest(inside=(shapely.box(4, 0, 12, 8),), outside=(shapely.box(8, 0, 12, 4),))
    >>> roi.mask(Size(4, 2), scale=4.0).astype(int).tolist()
    [[0, 1, 0, 0], [0, 1, 1, 0]]
    """

    inside: tuple[Outline, ...] = ()
    outside: tuple[Outline, ...] = ()

    def mask(self, size: Size, *, scale: float) -> BoolMask:
        """Return which pixels are of interest, (size.height, size.width) bool.

        Parameters
        ----------
        size : Size
            Of a picture of the whole slide.
        scale : float
            Level-0 pixels per pixel of it.
        """
        frame = Box(0, 0, size.width, size.height)

        def painted(outlines: tuple[Outline, ...]) -> BoolMask:
            smaller = [shapely.transform(each, lambda xy: xy / scale) for each in outlines]
            return np.asarray(paint_outlines(smaller, frame) > 0, dtype=bool)

        wanted = painted(self.inside) if self.inside else np.ones((size.height, size.width), dtype=bool)
        return wanted & ~painted(self.outside) if self.outside else wanted

    @property
    def state(self) -> str:
        """A digest that changes with any outline."""
        return fingerprint(
            *(each.wkb for each in self.inside), "outside", *(each.wkb for each in self.outside)
        )


def read_roi(path: Path, *, corner: tuple[float, float] = (0.0, 0.0)) -> RegionOfInterest:
    """Read a region of interest from annotations as QuPath exports them.

    Outlines of class ``Region*`` are worked on; where there are none, all outlines whose class has no star.
    Those of any other class with a star, such as ``Ignore*``, are left out.

    Parameters
    ----------
    path : Path
        ``.geojson`` or ``.geojson.gz``.
    corner : (float, float)
        x, y in level-0 pixels from which the file counts: QuPath's is that of the scanned part.

    Raises
    ------
    InputError
        When it cannot be read as GeoJSON, or holds no outline.
    """
    drawn = read_annotations(path)

    def moved(outlines: list[Outline]) -> tuple[Outline, ...]:
        return tuple(shapely.transform(each, lambda xy: xy + np.asarray(corner)) for each in outlines)

    return RegionOfInterest(moved(drawn.regions or drawn.glands), moved(drawn.left_out))


@dataclass(frozen=True)
class RoiFolder:
    """A folder of GeoJSON files named after slides and images; those without a file are worked on whole.

    Attributes
    ----------
    folder : Path or None
        None for no regions of interest at all.
    """

    folder: Path | None = None

    def find(self, image: Path) -> Path | None:
        """Return the file for a slide or image; QuPath may export ``slide.svs.geojson`` for ``slide.svs``.

        A link that leads nowhere is found, so that reading it says so.
        """
        if self.folder is None:
            return None
        names = (f"{name}{ending}" for name in (image.stem, image.name) for ending in _ENDINGS)
        places = (as_named(self.folder / name) for name in names)
        return next((path for path in places if path.is_file() or leads_nowhere(path)), None)

    def check(self, images: Sequence[Path]) -> None:
        """Refuse a folder that has nothing for any of these images: most likely it is another one.

        Raises
        ------
        UsageError
            When it is no folder, or no file in it is named after an input.
        """
        if self.folder is None or any(self.find(image) for image in images):
            return
        if not self.folder.is_dir():
            raise UsageError(f"{self.folder} is not a folder; --roi takes a folder of GeoJSON files")
        example = images[0].stem if images else "slide"
        raise UsageError(
            f"no file in {self.folder} is named after an input, such as {example}.geojson; check --roi"
        )
