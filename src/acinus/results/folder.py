"""What ``acinus segment`` left in a folder, read once: the run, and one result an image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from acinus.core.errors import AcinusError, InputError
from acinus.core.files import is_there, read_json
from acinus.core.geometry import origin_of
from acinus.core.naming import natural_key
from acinus.core.units import check_mpp
from acinus.glands import Glands, read_table

__all__ = ["ImageResult", "Results", "read_results"]


@dataclass(frozen=True, eq=False)
class ImageResult:
    """The result of one image or slide.

    Attributes
    ----------
    name : str
        As the run gave it.
    folder : Path
        Where its files lie.
    source : Path or None
        The stained image, where it still exists.
    width_px, height_px : int
        At full resolution.
    mpp : float
        µm per pixel at full resolution.
    glands : Glands
        The table of ``glands.csv``.
    gland_area_fraction : float
        Share of the image's pixels that is gland, 0..1.
    quality : float or None
        Label-free estimate of how far to trust the result, 0..1; None where it was not made.
    scores : dict of str to float
        Against truth; empty where none was given.
    summary : dict of str to float
        Over the image's tissue, as `acinus.glands.summarise` names it; missing values are left out, and it is
        empty where none was written.
    origin_px : (float, float)
        Level-0 x, y of the point from which the outlines count.
    scanned_width_px : int or None
        Width at full resolution of the scanned part of a slide, which its overlay shows; None where the
        overlay shows the whole image.
    """

    name: str
    folder: Path
    source: Path | None
    width_px: int
    height_px: int
    mpp: float
    glands: Glands
    gland_area_fraction: float
    quality: float | None = None
    scores: dict[str, float] = field(default_factory=dict)
    summary: dict[str, float] = field(default_factory=dict)
    origin_px: tuple[float, float] = (0.0, 0.0)
    scanned_width_px: int | None = None

    @property
    def area_um2(self) -> float:
        """Area of the whole image in µm²."""
        return self.width_px * self.height_px * self.mpp**2

    @property
    def tissue_area_um2(self) -> float | None:
        """Area of the tissue in µm²; None where it was not delineated."""
        return self.summary.get("tissue_area_um2")

    @property
    def overlay(self) -> Path | None:
        """The picture with outlines drawn, where it was written."""
        paths = (self.folder / "overlay.png", self.folder / "overlay.jpg")
        return next((path for path in paths if path.is_file()), None)

    @property
    def overlay_width_um(self) -> float:
        """Width of what the overlay shows in µm."""
        return (self.scanned_width_px or self.width_px) * self.mpp

    @property
    def geojson(self) -> Path | None:
        """The outlines as polygons, where they were written."""
        paths = (self.folder / "glands.geojson", self.folder / "glands.geojson.gz")
        return next((path for path in paths if path.is_file()), None)


@dataclass(frozen=True)
class Results:
    """A folder of results.

    Attributes
    ----------
    folder : Path
    run : dict
        ``run.json``; empty where there is none.
    images : tuple of ImageResult
        In the natural order of their names, at least one.
    problems : tuple of str
        One line for every result that is missing or cannot be read.
    """

    folder: Path
    run: dict[str, Any]
    images: tuple[ImageResult, ...]
    problems: tuple[str, ...]


def read_results(folder: Path) -> Results:
    """Read a folder of results, or the folder of a single image.

    Raises
    ------
    InputError
        When it is no folder, or no image in it has a result that can be read.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; expected the output folder of acinus segment")
    images: list[ImageResult] = []
    problems: list[str] = []
    for path in _image_files(folder):
        try:
            images.append(_read_image(path))
        except AcinusError as error:
            problems.append(str(error))
    if not images:
        found = f": {problems[0]}" if problems else " (no <image>/image.json in it)"
        raise InputError(f"{folder} holds no results that can be read{found}; run acinus segment first")
    run = _read_run(folder, problems)
    problems.extend(_without_result(run, images))
    images.sort(key=lambda image: natural_key(image.name))
    return Results(folder, run, tuple(images), tuple(problems))


def _image_files(folder: Path) -> Iterator[Path]:
    """Yield the image.json of the folder itself, or those of the folders in it."""
    if (folder / "image.json").is_file():
        yield folder / "image.json"
        return
    for path in sorted(folder.glob("*/image.json")):
        if not path.parent.name.startswith("."):  # what a killed run was writing or replacing
            yield path


def _read_image(path: Path) -> ImageResult:
    facts = _read_object(path)
    try:
        width_px, height_px = int(facts["width_px"]), int(facts["height_px"])
        if min(width_px, height_px) < 1:
            raise ValueError(f"a size of {width_px} × {height_px} px")
        mpp = check_mpp(float(facts["mpp"]), source=str(path))
        quality = facts.get("quality")
        glands = read_table(path.parent / "glands.csv")
        area_um2 = width_px * height_px * mpp**2
        fraction = facts.get("gland_area_fraction", float(glands["area_um2"].sum()) / max(area_um2, 1e-9))
        return ImageResult(
            name=str(facts.get("name", path.parent.name)),
            folder=path.parent,
            source=_source(facts.get("path"), path.parent),
            width_px=width_px,
            height_px=height_px,
            mpp=mpp,
            glands=glands,
            gland_area_fraction=float(fraction),
            quality=None if quality is None else float(quality),
            scores=_known(facts.get("scores")),
            summary=_known(facts.get("summary")),
            origin_px=origin_of(facts),
            scanned_width_px=_scanned_width_px(facts.get("scanned")),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{path} lacks or garbles {error}; run acinus segment on this image again"
        ) from error


def _scanned_width_px(scanned: Any) -> int | None:
    """Return the width of the scanned part; None where there is no such entry, as in images."""
    if scanned is None:
        return None
    width_px = int(scanned["width_px"])
    if width_px < 1:
        raise ValueError(f"a scanned part of {width_px} px")
    return width_px


def _known(values: Any) -> dict[str, float]:
    """Return the entries that have a number."""
    return {str(key): float(value) for key, value in (values or {}).items() if value is not None}


def _source(written: object, folder: Path) -> Path | None:
    """Return the stained image: at its path, or beside the results if they were moved together."""
    if not written:
        return None
    path = Path(str(written))
    places = (path, folder / path, folder.parent / path, folder.parent / path.name, folder / path.name)
    return next((place for place in places if is_there(place)), None)


def _read_run(folder: Path, problems: list[str]) -> dict[str, Any]:
    """Return run.json of the folder (or of the batch it belongs to); a damaged one is a problem, no end."""
    for path in (folder / "run.json", folder.parent / "run.json"):
        if path.is_file() and (path.parent == folder or (folder / "image.json").is_file()):
            try:
                return _read_object(path)
            except InputError as error:
                problems.append(str(error))
    return {}


def _read_object(path: Path) -> dict[str, Any]:
    try:
        value = read_json(path)
    except (OSError, orjson.JSONDecodeError) as error:
        raise InputError(f"{path} cannot be read ({error}); run acinus segment again") from error
    if not isinstance(value, dict):
        raise InputError(f"{path} is not an object of names and values; run acinus segment again")
    return value


def _without_result(run: dict[str, Any], images: list[ImageResult]) -> Iterator[str]:
    """Yield one line for the inputs of a batch that left no result."""
    inputs = [entry for entry in run.get("inputs") or [] if isinstance(entry, dict)]
    done = {image.name for image in images} | {image.folder.name for image in images}
    names = [str(entry.get("name") or Path(str(entry.get("path", "?"))).stem) for entry in inputs]
    lacking = [name for name in names if name not in done and Path(name).stem not in done]
    if lacking and len(images) + len(lacking) >= len(inputs):
        shown = ", ".join(lacking[:10]) + (f" and {len(lacking) - 10} more" if len(lacking) > 10 else "")
        yield f"{len(lacking)} of {len(inputs)} inputs have no result: {shown}"
