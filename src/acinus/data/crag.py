"""CRAG: 213 H&E images of colorectal adenocarcinoma with every gland outlined.

S. Graham et al., "MILD-Net: minimal information loss dilated network for gland instance segmentation in colon
histology images", Medical Image Analysis 52 (2019), doi 10.1016/j.media.2018.12.001.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

from acinus.core.errors import DatasetError
from acinus.core.naming import natural_key, plural
from acinus.data.reference import ReferenceSet
from acinus.data.sample import Sample
from acinus.slides.opening import IMAGE_SUFFIXES

__all__ = ["CRAG", "CRAG_COUNTS", "CRAG_MPP", "CRAG_SOURCE", "crag"]

CRAG_MPP = 0.55
"""µm per pixel, 20×, Omnyx VL120: Graham et al. 2019."""

CRAG_COUNTS = {"train": 173, "valid": 40}
"""Images of each split in the released archive."""

CRAG_SOURCE = (
    "CRAG is obtained from the Tissue Image Analytics (TIA) Centre, University of Warwick "
    "(Graham et al. 2019, MILD-Net); research only, cite doi 10.1016/j.media.2018.12.001"
)

_IMAGE_FOLDERS = ("images", "image")
_TRUTH_FOLDERS = ("annotation", "annotations", "annots", "labels")
_NAMES_SHOWN = 10


def crag(root: Path | str, *, split: Literal["train", "valid", "all"] = "train") -> list[Sample]:
    """Return the samples of CRAG, after checking that every file is there.

    Parameters
    ----------
    root : Path or str
        The folder that holds ``train`` and ``valid``, each with ``Images`` and ``Annotation``, in any of the
        spellings that copies have.
    split : str
        One of the two parts, or both.

    Returns
    -------
    list of Sample
        In natural order; of both parts, images whose names meet are called ``train-NAME`` and
        ``valid-NAME``.

    Raises
    ------
    DatasetError
        When files are missing: which, how many, and where the data set is obtained, in one line.
    """
    root = Path(root)
    if not root.is_dir():
        raise DatasetError(f"{root} is not a folder; {CRAG_SOURCE}")
    splits = list(CRAG_COUNTS) if split == "all" else [split]
    problems: list[str] = []
    parts = {part: _part(root, part, problems) for part in splits}
    if problems:
        raise DatasetError(f"{root} is not a complete CRAG ({split}): {'; '.join(problems)}; {CRAG_SOURCE}")
    counts = Counter(sample.name for samples in parts.values() for sample in samples)
    return [
        replace(sample, name=f"{part}-{sample.name}") if counts[sample.name] > 1 else sample
        for part, samples in parts.items()
        for sample in samples
    ]


CRAG = ReferenceSet(partial(crag, split="all"), note="CRAG's own two parts.")
"""What ``acinus benchmark crag`` reads."""


def _part(root: Path, part: str, problems: list[str]) -> list[Sample]:
    """Return the samples of one split and add to `problems` what it lacks."""
    folder = _folder(root, (part,))
    images_folder = folder and _folder(folder, _IMAGE_FOLDERS)
    truths_folder = folder and _folder(folder, _TRUTH_FOLDERS)
    for name, found in ((f"{part}/Images", images_folder), (f"{part}/Annotation", truths_folder)):
        if found is None:
            problems.append(f"{name} is missing")
    if images_folder is None or truths_folder is None:
        return []
    images, truths = _by_stem(images_folder), _by_stem(truths_folder)
    if len(images) < CRAG_COUNTS[part]:
        problems.append(f"{len(images)} of {CRAG_COUNTS[part]} images in {part}/{images_folder.name}")
    for (what, other), lacking in (
        (("image", "an annotation"), [name for name in images if name not in truths]),
        (("annotation", "an image"), [name for name in truths if name not in images]),
    ):
        if lacking:
            shown = ", ".join(lacking[:_NAMES_SHOWN])
            more = f" and {len(lacking) - _NAMES_SHOWN} more" if len(lacking) > _NAMES_SHOWN else ""
            problems.append(f"{plural(len(lacking), what)} without {other} in {part} ({shown}{more})")
    return [
        Sample(name, path, truths.get(name), mpp=CRAG_MPP, held_out=part == "valid")
        for name, path in images.items()
    ]


def _folder(root: Path, names: tuple[str, ...]) -> Path | None:
    found = {path.name.lower(): path for path in sorted(root.iterdir()) if path.is_dir()}
    return next((found[name] for name in names if name in found), None)


def _by_stem(folder: Path) -> dict[str, Path]:
    paths = [path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES]
    return {path.stem: path for path in sorted(paths, key=lambda path: natural_key(path.stem))}
