"""Label maps in folders: which there are, whose image each one's is, and what is noted beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acinus.core.errors import InputError, MppError
from acinus.core.files import read_json
from acinus.core.geometry import Box, Size, origin_of
from acinus.core.image import LabelMap
from acinus.core.naming import natural_key
from acinus.core.units import check_mpp
from acinus.results.ngff import open_labels
from acinus.slides.labels import LABEL_ENDINGS, LABEL_FOLDER, LABEL_SUFFIXES, read_labels

__all__ = ["LabelFile", "is_drawn", "is_one_map", "label_files", "open_label_file"]

_ZARR = "labels.zarr"
_DRAWN = (".geojson", ".geojson.gz")


@dataclass(frozen=True)
class LabelFile:
    """A label map on disk, and where its pixels lie on the image or slide.

    Attributes
    ----------
    path : Path
    size : Size
        Of the map.
    mpp : float
        µm per pixel of the map.
    read : callable
        Takes a box of the map and returns its labels, int32 of shape (box.height, box.width).
    pixels_per_level0 : float or None
        Pixels of the map per level-0 pixel: 1 for an image's; None where nothing beside a slide's says so.
    origin_px : (float, float)
        Level-0 x, y of the point from which coordinates beside the map count.
    """

    path: Path
    size: Size
    mpp: float
    read: Callable[[Box], LabelMap]
    pixels_per_level0: float | None = 1.0
    origin_px: tuple[float, float] = (0.0, 0.0)

    @property
    def frame(self) -> Box:
        """All of the map."""
        return Box(0, 0, self.size.width, self.size.height)


def open_label_file(path: Path, *, mpp: float | None = None) -> LabelFile:
    """Open an image's label map, which is then in memory, or a slide's ``labels.zarr``, which is not.

    Parameters
    ----------
    path : Path
    mpp : float, optional
        µm per pixel of the map; by default what ``acinus segment`` noted in ``image.json`` beside it.

    Raises
    ------
    InputError
        When it cannot be read.
    MppError
        When neither `mpp` nor ``image.json`` gives the resolution.
    """
    if path.name == _ZARR:
        return _open_zarr(path, mpp=mpp)
    labels = read_labels(path)
    size = Size(labels.shape[1], labels.shape[0])
    frame = Box(0, 0, size.width, size.height)
    mpp = check_mpp(_noted(path).get("mpp") if mpp is None else mpp, source=str(path))
    return LabelFile(path, size, mpp, lambda box: labels[box.slices_in(frame)])


def _open_zarr(path: Path, *, mpp: float | None) -> LabelFile:
    noted = _noted(path)
    native, working = noted.get("mpp"), noted.get("working_mpp")
    chunks = open_labels(path)
    return LabelFile(
        path,
        chunks.size,
        check_mpp(working if mpp is None else mpp, source=str(path)),
        chunks.read,
        pixels_per_level0=native / working if native and working else None,
        origin_px=origin_of(noted),
    )


def _noted(labels: Path) -> dict[str, Any]:
    """Return what ``image.json`` beside a label map says; nothing where there is none."""
    description = labels.with_name("image.json")
    if not description.is_file():
        return {}
    try:
        noted: dict[str, Any] = read_json(description)
        return noted | {key: float(noted[key]) for key in ("mpp", "working_mpp") if key in noted}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MppError(f"{description} is damaged; segment this image again, or pass --mpp") from error


def label_files(path: Path, *, drawn: bool = False) -> dict[str, Path]:
    """Return the label maps of a folder by the stem of the image they belong to.

    In a folder that holds images and their ``_anno`` maps or outlines, only the latter are taken, and beside
    a folder ``labels`` only what that one holds.

    Parameters
    ----------
    path : Path
        A folder, or one file (``labels.zarr`` is one, too).
    drawn : bool
        Take GeoJSON files as well.

    Raises
    ------
    InputError
        When there is none, or two of one image.
    """
    if is_one_map(path):
        return {_stem(path): path}
    if not path.is_dir():
        raise InputError(f"{path} does not exist; check the path")
    entries = _visible(path)
    folders = [path, *(entry for entry in entries if entry.is_dir())]
    nested = [file for folder in folders for file in _visible(folder) if _is_result(file)]
    flat = [file for file in entries if file.is_file() and file.suffix.lower() in LABEL_SUFFIXES]
    marked = [file for file in flat if _stem(file) != file.stem]
    outlines = [file for file in entries if file.is_file() and is_drawn(file)] if drawn else []
    if not (nested or marked or outlines) and (path / LABEL_FOLDER).is_dir():
        return label_files(path / LABEL_FOLDER, drawn=drawn)  # the other layout of a folder of images
    found: dict[str, Path] = {}
    for file in [*(nested or marked), *outlines] or flat:
        other = found.setdefault(_stem(file), file)
        if other is not file:
            raise InputError(f"{other} and {file} are label maps of one image; leave only one of them there")
    if not found:
        kinds = "<stem>/labels.png, <stem>/labels.zarr, <stem>_anno.png or <stem>.png"
        raise InputError(
            f"{path} holds no label map; expected {kinds}{' or <stem>.geojson' if drawn else ''} files"
        )
    return dict(sorted(found.items(), key=lambda item: natural_key(item[0])))


def is_one_map(path: Path) -> bool:
    """Say whether a path is a label map itself and not a folder of some."""
    return path.is_file() or (path.name == _ZARR and path.is_dir())


def is_drawn(path: Path) -> bool:
    """Say whether a file holds outlines instead of a map."""
    return path.name.lower().endswith(_DRAWN)


def _is_result(file: Path) -> bool:
    """Say whether this is what ``acinus segment`` writes into the folder of an image or slide."""
    return file.name == _ZARR or (file.stem == "labels" and file.suffix.lower() in LABEL_SUFFIXES)


def _visible(folder: Path) -> list[Path]:
    """Return what a folder holds but for hidden entries, which may be the rest of an interrupted run."""
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))


def _stem(path: Path) -> str:
    if path.stem == "labels":
        return path.absolute().parent.name
    stem = path.stem.removesuffix(".geojson") if path.suffix.lower() == ".gz" else path.stem
    for ending in LABEL_ENDINGS:
        if stem.endswith(ending) and stem != ending:
            return stem.removesuffix(ending)
    return stem
