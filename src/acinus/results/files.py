"""The names of all files of a folder of results, and which of them make a result whole.

A batch folder holds one folder for each image or slide, named by the file's stem, and what sums them up.
Images and slides share one layout, except where a slide's size forbids it: its label map is a pyramid that is
read in parts, its outlines are compressed, and its probability is that of the network, in windows.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Literal

from acinus.core.errors import OutputError
from acinus.core.files import hidden_stem, leads_nowhere, output_error

__all__ = [
    "ARTEFACTS",
    "BATCH_FILES",
    "CHANGES",
    "CORRECTIONS",
    "FAILURES",
    "GLANDS_CSV",
    "GLANDS_PARQUET",
    "IMAGE_FILES",
    "LABELS_PNG",
    "LABELS_TIFF",
    "LABELS_ZARR",
    "LIST",
    "MADE_FROM",
    "MARKS",
    "MEASURED_FILES",
    "OUTLINES",
    "OUTLINES_GZ",
    "OVERLAY",
    "PROBABILITY",
    "RECORD",
    "REPORT",
    "RESULT_FILES",
    "RESULT_NAMES",
    "RUN",
    "SLIDE_FILES",
    "SUMMARY_CSV",
    "SUMMARY_JSON",
    "WINDOWS",
    "find_artefacts",
    "find_outlines",
    "find_overlay",
    "find_table",
    "is_result",
    "is_whole",
    "keep_what_others_wrote",
    "lost_results",
    "remove_leftovers",
    "result_folders",
    "work_folder",
]

RECORD = "image.json"
"""What was found on the image or slide; `acinus.results.record.ImageRecord` describes its fields."""

RUN = "run.json"
"""Command, settings, versions and inputs: of the whole folder, and of each image or slide."""

LABELS_PNG, LABELS_TIFF, LABELS_ZARR = "labels.png", "labels.tif", "labels.zarr"
"""Label map: of an image (TIFF if it has more than 65,535 glands), and of a slide (OME-NGFF)."""

PROBABILITY = "probability.png"
"""Probability of gland of an image, 0 to 255."""

OVERLAY = "overlay.jpg"
"""The image, or the scanned part of the slide, with its glands outlined."""

OUTLINES, OUTLINES_GZ = "glands.geojson", "glands.geojson.gz"
"""Outlines for QuPath, of an image and of a slide."""

ARTEFACTS = "artefacts.geojson"
"""Of a slide: outlines of pen, folds, blur and the like, which were left out; only where there are some."""

GLANDS_CSV, GLANDS_PARQUET = "glands.csv", "glands.parquet"
"""One row per gland; the CSV also of all results in the folder together."""

SUMMARY_CSV = "summary.csv"
"""One row per image or slide, of all results in the folder."""

SUMMARY_JSON = "summary.json"
"""What ``acinus measure`` writes: statistics summed up over the image."""

FAILURES = "failures.log"
"""Tracebacks of inputs that failed."""

REPORT = "report.html"
"""The page that ``acinus report`` writes."""

MARKS = "marks.json"
"""Glands marked as right or wrong in the viewer; kept when results are made again."""

CHANGES = "changes.csv"
"""What people changed, of results that ``acinus measure`` corrected: which gland, how, who and when."""

CORRECTIONS = "corrections.geojson"
"""What people said of a result that ``acinus measure`` corrected, for ``acinus fit --corrections``."""

WINDOWS = "windows"
"""Of a slide: the probability by the network, in windows, for results with other settings; may be deleted."""

MADE_FROM = "made_from.json"
"""In ``windows``: a digest of what they were computed from."""

LIST = ".acinus.json"
"""What acinus wrote into the folder it lies in, with checksums; it replaces and removes nothing else."""

_BOTH = (OVERLAY, GLANDS_CSV, GLANDS_PARQUET, RUN)

IMAGE_FILES = (PROBABILITY, OUTLINES, *_BOTH)
"""What an image's result has beside its record and its label map."""

SLIDE_FILES = (f"{LABELS_ZARR}/zarr.json", OUTLINES_GZ, *_BOTH)
"""What a slide's result has beside its record."""

_OVERLAY_1 = "overlay.png"  # of images, in version 1
_IMAGE_FILES_1 = (PROBABILITY, OUTLINES, _OVERLAY_1, GLANDS_CSV)

RESULT_FILES = (
    RECORD,
    LABELS_PNG,
    LABELS_TIFF,
    LABELS_ZARR,
    *IMAGE_FILES,
    OUTLINES_GZ,
    ARTEFACTS,
    WINDOWS,
    CHANGES,
    CORRECTIONS,
    _OVERLAY_1,
)
"""What a new result of an image or slide replaces."""

BATCH_FILES = (GLANDS_CSV, SUMMARY_CSV, RUN, FAILURES)
"""What a run replaces in the folder above."""

MEASURED_FILES = (RECORD, GLANDS_CSV, GLANDS_PARQUET, OUTLINES, SUMMARY_JSON, RUN)
"""What ``acinus measure`` writes."""

RESULT_NAMES = frozenset((*RESULT_FILES, *BATCH_FILES, *MEASURED_FILES, REPORT))
"""Names that an image cannot have, since its folder would lie under the name of a file."""

_LEFTOVER = re.compile(r"(?P<stem>\..+)\.[0-9a-f]{8}\.(?:old|tmp(?:\..+)?)")  # see `atomic_path`


def is_whole(folder: Path, *, kind: Literal["image", "slide"], version: int) -> bool:
    """Say whether a folder holds every file that a result of this kind and version has beside its record."""
    if kind == "slide":
        return all((folder / name).is_file() for name in SLIDE_FILES)
    labels = any((folder / name).is_file() for name in (LABELS_PNG, LABELS_TIFF))
    needed = IMAGE_FILES if version > 1 else _IMAGE_FILES_1
    return labels and all((folder / name).is_file() for name in needed)


def is_result(folder: Path) -> bool:
    """Say whether a folder is that of one image's or slide's results."""
    return (folder / RECORD).is_file()


def result_folders(batch: Path) -> list[Path]:
    """Return the folders of results in that of a batch; not what an interrupted run was writing.

    Examples
    --------
    >>> import tempfile
    >>> batch = Path(tempfile.mkdtemp())
    >>> for name in ("a", ".b.0123abcd.tmp"):
    ...     (batch / name).mkdir()
    ...     _ = (batch / name / RECORD).write_text("{}")
    >>> [folder.name for folder in result_folders(batch)]
    ['a']
    """
    return sorted(
        folder for folder in batch.iterdir() if not folder.name.startswith(".") and is_result(folder)
    )


def lost_results(batch: Path) -> list[Path]:
    """Return the links in a folder of results that lead nowhere: each may have been a case."""
    return sorted(
        entry
        for entry in batch.iterdir()
        if not entry.name.startswith(".") and entry.name not in RESULT_NAMES and leads_nowhere(entry)
    )


def find_outlines(folder: Path) -> Path | None:
    """Return the outlines of a result, None where there are none."""
    return _first(folder, OUTLINES, OUTLINES_GZ)


def find_artefacts(folder: Path) -> Path | None:
    """Return the outlines of what was left out of a slide, None where there are none."""
    return _first(folder, ARTEFACTS)


def find_overlay(folder: Path) -> Path | None:
    """Return the overlay of a result, None where there is none."""
    return _first(folder, OVERLAY, _OVERLAY_1)


def find_table(folder: Path) -> Path | None:
    """Return the table of a result's glands, at full precision if it can be had; None where there is none."""
    return _first(folder, GLANDS_PARQUET, GLANDS_CSV)


def work_folder(batch: Path, name: str) -> Path:
    """Return where what is computed of a slide is kept until its results are whole."""
    return batch / f"{hidden_stem(name)}.work"


def remove_leftovers(batch: Path, names: Collection[str]) -> None:
    """Remove what a run that was killed had half written: of the results of these names, and of the batch.

    A result that it was about to replace is there again, with what others put into it.
    """
    results = {hidden_stem(name): batch / name for name in names}
    files = {hidden_stem(name) for name in BATCH_FILES}
    # An older result first: until the new one has its name, the old one holds what others wrote.
    for entry in sorted(batch.iterdir(), key=lambda entry: entry.suffix != ".old"):
        match = _LEFTOVER.fullmatch(entry.name)
        if not match:
            continue
        stem = match["stem"]
        if stem in results and entry.is_dir() and not entry.is_symlink():
            if entry.suffix == ".old" and not os.path.lexists(results[stem]):
                entry.replace(results[stem])
            else:
                shutil.rmtree(entry, ignore_errors=True)
        elif stem in files and entry.is_file():
            entry.unlink(missing_ok=True)


def keep_what_others_wrote(old: Path, new: Path, *, own: Collection[str] = RESULT_FILES) -> None:
    """Copy what is not acinus's own from a folder into the one that will replace it.

    That is where people keep things: the viewer's marks, notes, a QuPath project.

    Parameters
    ----------
    own : collection of str
        Names that acinus writes there.

    Raises
    ------
    OutputError
        When something cannot be copied; the old folder is as it was.
    """
    if not old.is_dir():
        return
    for entry in sorted(old.iterdir()):
        if entry.name in own or entry.name == LIST:
            continue
        try:
            if entry.is_dir() and not entry.is_symlink():
                shutil.copytree(entry, new / entry.name, symlinks=True)
            else:
                shutil.copy2(entry, new / entry.name, follow_symlinks=False)
        except (OSError, shutil.Error) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise output_error(error, new / entry.name) from error
            raise OutputError(f"{entry} could not be kept ({error}); move it elsewhere") from error


def _first(folder: Path, *names: str) -> Path | None:
    paths = (folder / name for name in names)
    return next((path for path in paths if path.is_file()), None)
