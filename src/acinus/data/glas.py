"""GlaS (Warwick-QU): 165 H&E images of colon with every gland outlined, from the MICCAI 2015 challenge.

K. Sirinukunwattana et al., "Gland segmentation in colon histology images: the GlaS challenge contest",
Medical Image Analysis 35 (2017), doi 10.1016/j.media.2016.08.008; and "A stochastic polygons model for
glandular structures in colon histology images", IEEE Transactions on Medical Imaging 34 (2015),
doi 10.1109/TMI.2015.2433900.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from acinus.core.errors import DatasetError
from acinus.data.reference import ReferenceSet
from acinus.data.sample import Sample

__all__ = ["GLAS", "GLAS_COUNTS", "GLAS_MPP", "GLAS_SOURCE", "glas"]

GLAS_MPP = 0.620
"""µm per pixel, 20×: Sirinukunwattana et al. 2017 (scanned at 0.465 and reduced)."""

GLAS_COUNTS = {"train": 85, "testA": 60, "testB": 20}
"""Images of each split in the released archive."""

GLAS_SOURCE = (
    "GlaS is obtained from the GlaS@MICCAI2015 page of the Tissue Image Analytics (TIA) Centre, University "
    "of Warwick; research only, no commercial use, cite doi 10.1016/j.media.2016.08.008 and "
    "10.1109/TMI.2015.2433900"
)

_FILE = re.compile(r"(train|testA|testB)_(\d+)(_anno)?\.(bmp|png|tiff?)", re.IGNORECASE)


def glas(root: Path | str, *, split: Literal["train", "testA", "testB", "all"] = "train") -> list[Sample]:
    """Return the samples of GlaS, after checking that every file is there.

    Parameters
    ----------
    root : Path or str
        The released archive's folder (all BMP files and Grade.csv side by side), or one with a folder for
        each split and Grade.csv beside them; BMP, PNG or TIFF.
    split : str
        One of the challenge's three parts, or all of them.

    Returns
    -------
    list of Sample
        In the order of their numbers, with patient and grade ("benign" or "malignant").

    Raises
    ------
    DatasetError
        When files are missing: which, how many, and where the data set is obtained, in one line.
    """
    root = Path(root)
    if not root.is_dir():
        raise DatasetError(f"{root} is not a folder; {GLAS_SOURCE}")
    splits = list(GLAS_COUNTS) if split == "all" else [split]
    images, truths = _files(root)
    grades = _grades(root)
    expected = [f"{part}_{number}" for part in splits for number in range(1, GLAS_COUNTS[part] + 1)]
    problems = [
        _missing("images", expected, images),
        _missing("annotations", expected, truths),
        _missing("rows of Grade.csv", expected, grades) if grades is not None else "Grade.csv is missing",
    ]
    if any(problems):
        raise DatasetError(
            f"{root} is not a complete GlaS ({split}): {'; '.join(filter(None, problems))}; {GLAS_SOURCE}"
        )
    assert grades is not None
    return [
        Sample(
            name=name,
            image_path=images[name],
            truth_path=truths[name],
            mpp=GLAS_MPP,
            patient=grades[name][0],
            grade=grades[name][1],
            held_out=not name.startswith("train"),
        )
        for name in expected
    ]


def _whole(root: Path) -> list[Sample]:
    """Return all images; of a copy without any test image, those of the training part."""
    try:
        return glas(root, split="all")
    except DatasetError:
        if root.is_dir() and any(root.rglob("test[AB]_*")):
            raise  # some of the test images are worse than none: they would pass for all
        return glas(root, split="train")


GLAS = ReferenceSet(_whole, note="The challenge's training part, and its test parts A and B together.")
"""What ``acinus benchmark glas`` reads."""


def _files(root: Path) -> tuple[dict[str, Path], dict[str, Path]]:
    """Return images and annotations by the image's name, from `root` and the folders in it."""
    images: dict[str, Path] = {}
    truths: dict[str, Path] = {}
    folders = [root, *sorted(path for path in root.iterdir() if path.is_dir())]
    parts = {part.lower(): part for part in GLAS_COUNTS}
    for path in (path for folder in folders for path in sorted(folder.iterdir())):
        if (match := _FILE.fullmatch(path.name)) is not None:
            name = f"{parts[match[1].lower()]}_{int(match[2])}"
            (truths if match[3] else images).setdefault(name, path)
    return images, truths


def _grades(root: Path) -> dict[str, tuple[str, str]] | None:
    """Return (patient, grade) by name, None without Grade.csv."""
    found = sorted(path for path in [*root.iterdir(), *root.glob("*/*")] if path.name.lower() == "grade.csv")
    if not found:
        return None
    grades = {}
    with found[0].open(newline="", encoding="utf-8-sig") as file:
        for row in csv.reader(file):
            fields = [field.strip() for field in row]  # the archive has spaces after its commas
            if len(fields) >= 3 and fields[0].lower() != "name":
                grades[fields[0]] = (fields[1], fields[2])
    return grades


def _missing(what: str, expected: list[str], found: Iterable[str]) -> str:
    """Return what lacks in words: "3 of 85 images missing (train_2, train_7 to train_8)"."""
    have = set(found)
    lacking = [name for name in expected if name not in have]
    if not lacking:
        return ""
    runs: list[list[str]] = []
    for before, name in zip([None, *expected], expected, strict=False):
        if name in have:
            continue
        same_run = before is not None and before not in have and before.split("_")[0] == name.split("_")[0]
        if same_run:
            runs[-1].append(name)
        else:
            runs.append([name])
    names = ", ".join(run[0] if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)
    return f"{len(lacking)} of {len(expected)} {what} missing ({names})"
