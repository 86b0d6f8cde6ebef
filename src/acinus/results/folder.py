"""A folder that ``acinus segment`` wrote, read once: the run, and one result per image or slide."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson

from acinus.core.errors import AcinusError, InputError
from acinus.core.files import read_json
from acinus.core.naming import natural_key, plural
from acinus.glands import Glands
from acinus.results.anndata import to_anndata
from acinus.results.artefacts import DrawnArtefact, read_artefacts
from acinus.results.changes import GlandChange, read_changes
from acinus.results.files import (
    ARTEFACTS,
    GLANDS_CSV,
    LABELS_PNG,
    LABELS_TIFF,
    LABELS_ZARR,
    RECORD,
    RUN,
    SUMMARY_CSV,
    find_outlines,
    find_overlay,
    is_result,
    lost_results,
    result_folders,
)
from acinus.results.record import ImageRecord, find_source, read_record
from acinus.results.tables import read_table

__all__ = ["ImageResult", "Results", "read_image", "read_records", "read_results", "read_run"]


@dataclass(frozen=True, eq=False)
class ImageResult:
    """The result of one image or slide.

    Attributes
    ----------
    folder : Path
        Where its files lie.
    record : ImageRecord
        What is known of it.
    glands : Glands
        The table of ``glands.csv``.
    """

    folder: Path
    record: ImageRecord
    glands: Glands

    @property
    def name(self) -> str:
        """As the run gave it."""
        return self.record.name

    @cached_property
    def source(self) -> Path | None:
        """The stained image, where it still exists."""
        return find_source(self.record, self.folder)

    @property
    def labels_file(self) -> Path | None:
        """The label map: PNG or TIFF of an image, NGFF of a slide."""
        paths = (self.folder / name for name in (LABELS_PNG, LABELS_TIFF, LABELS_ZARR))
        return next((path for path in paths if path.exists()), None)

    @cached_property
    def changes(self) -> list[GlandChange]:
        """Which glands people changed, where ``acinus measure`` corrected this result; else empty."""
        return read_changes(self.folder)

    @property
    def overlay_file(self) -> Path | None:
        """The picture with outlines."""
        return find_overlay(self.folder)

    @property
    def outlines_file(self) -> Path | None:
        """The outlines as polygons, in level-0 pixels from `record.origin`."""
        return find_outlines(self.folder)

    @cached_property
    def artefacts(self) -> list[DrawnArtefact]:
        """What was left out of a slide, in level-0 pixels from its corner; empty where there is nothing."""
        return read_artefacts(self.folder / ARTEFACTS, origin_px=self.record.origin_px)

    def to_anndata(self) -> Any:
        """Return its glands as `anndata.AnnData`, see `acinus.results.anndata.to_anndata`."""
        return to_anndata({self.name: self.glands})

    @property
    def table_file(self) -> Path:
        """The table of its glands, for people."""
        return self.folder / GLANDS_CSV


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

    def to_anndata(self) -> Any:
        """Return the glands of all images as one `anndata.AnnData`, see `acinus.results.anndata`."""
        return to_anndata({image.name: image.glands for image in self.images})

    @property
    def summary_file(self) -> Path | None:
        """The table with one row per image, where there is one."""
        path = self.folder / SUMMARY_CSV
        return path if path.is_file() else None


def read_results(folder: Path | str) -> Results:
    """Read a folder of results, or the folder of a single image or slide.

    Raises
    ------
    InputError
        When it is no folder, or no image in it has a result that can be read.

    Examples
    --------
    >>> results = read_results("results")  # doctest: +SKIP
    >>> [(image.name, len(image.glands), image.record.quality) for image in results.images]  # doctest: +SKIP
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; expected the output folder of acinus segment")
    images: list[ImageResult] = []
    problems = _lost(folder)
    for path in [folder] if is_result(folder) else result_folders(folder):
        try:
            image = read_image(path)
        except AcinusError as error:
            problems.append(str(error))
            continue
        images.append(image)
        if len(image.glands) != image.record.gland_count:
            problems.append(
                f"{image.table_file} has {plural(len(image.glands), 'gland')}, {RECORD} beside it has "
                f"{image.record.gland_count}; one of the two was changed"
            )
    if not images:
        found = f": {problems[0]}" if problems else f" (no <image>/{RECORD} in it)"
        raise InputError(f"{folder} holds no results that can be read{found}; run acinus segment first")
    run = _run_of(folder, problems)
    problems.extend(_without_result(run, images))
    images.sort(key=lambda image: natural_key(image.name))
    return Results(folder, run, tuple(images), tuple(problems))


def read_image(folder: Path) -> ImageResult:
    """Read the result of one image or slide.

    Raises
    ------
    InputError
        When its record or its table cannot be read.
    """
    return ImageResult(folder, read_record(folder), read_table(folder / GLANDS_CSV))


def read_records(folder: Path) -> tuple[dict[str, tuple[Path, ImageRecord]], list[str]]:
    """Read what is known of all images of a folder of results, without their glands.

    Returns
    -------
    records : dict of str to (Path, ImageRecord)
        Folder and record by the name of the image, in natural order.
    problems : list of str
        One line for every result that cannot be used.

    Raises
    ------
    InputError
        When it is no folder, or holds no result that can be read.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; expected the output folder of acinus segment")
    found: list[tuple[Path, ImageRecord]] = []
    problems = _lost(folder)
    for path in [folder] if is_result(folder) else result_folders(folder):
        try:
            record = read_record(path)
        except InputError as error:
            problems.append(str(error))
            continue
        if record.summary:
            found.append((path, record))
        else:
            problems.append(f"{path / RECORD} has no statistics; run acinus segment on this image again")
    if not found:
        reason = f": {problems[0]}" if problems else f" (no <image>/{RECORD} in it)"
        raise InputError(f"{folder} holds no results that can be read{reason}; run acinus segment first")
    found.sort(key=lambda pair: natural_key(pair[1].name))
    return {record.name: (path, record) for path, record in found}, problems


def read_run(folder: Path) -> dict[str, Any]:
    """Read the run file of a folder; empty where there is none.

    Raises
    ------
    InputError
        When it is damaged.
    """
    path = folder / RUN
    if not path.is_file():
        return {}
    try:
        run = read_json(path)
    except (OSError, orjson.JSONDecodeError) as error:
        raise InputError(f"{path} cannot be read ({error}); run acinus segment again") from error
    if not isinstance(run, dict):
        raise InputError(f"{path} is not an object of names and values; run acinus segment again")
    return run


def _run_of(folder: Path, problems: list[str]) -> dict[str, Any]:
    """Return the run file of a folder, or of the batch it belongs to; a damaged one is a problem, no end."""
    for place in (folder, folder.parent) if is_result(folder) else (folder,):
        try:
            run = read_run(place)
        except InputError as error:
            problems.append(str(error))
        else:
            if run:
                return run
    return {}


def _lost(folder: Path) -> list[str]:
    return [f"{link} is a link that leads nowhere; mend or delete it" for link in lost_results(folder)]


def _without_result(run: dict[str, Any], images: list[ImageResult]) -> Iterator[str]:
    """Yield one line for the inputs of a batch that left no result."""
    inputs = [entry for entry in run.get("inputs") or [] if isinstance(entry, dict)]
    done = {image.name for image in images} | {image.folder.name for image in images}
    # A result may be made from several files, such as a label map and its image.
    names = dict.fromkeys(
        str(entry.get("name") or Path(str(entry.get("path", "?"))).stem) for entry in inputs
    )
    lacking = [name for name in names if name not in done and Path(name).stem not in done]
    if lacking and len(images) + len(lacking) >= len(names):
        shown = ", ".join(lacking[:10]) + (f" and {len(lacking) - 10} more" if len(lacking) > 10 else "")
        yield f"no result for {len(lacking)} of {plural(len(names), 'input')}: {shown}"
