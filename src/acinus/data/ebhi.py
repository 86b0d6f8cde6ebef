"""EBHI-Seg: 224×224 images of colon biopsies in six classes, whose stains differ widely.

L. Shi et al., "EBHI-Seg: a novel enteroscope biopsy histopathological hematoxylin and eosin image dataset
for image segmentation tasks", Frontiers in Medicine 10 (2023), doi 10.3389/fmed.2023.1114673; data
(CC BY 4.0) doi 10.6084/m9.figshare.21540159.
"""

from __future__ import annotations

import re
from pathlib import Path

from acinus.core.errors import DatasetError
from acinus.core.naming import natural_key
from acinus.data.reference import ReferenceSet, check_annotated
from acinus.data.sample import Sample
from acinus.slides.opening import IMAGE_SUFFIXES

__all__ = ["EBHI", "EBHI_CLASSES", "EBHI_MPP", "EBHI_SOURCE", "ebhi"]

EBHI_MPP = 1.3
"""µm per pixel. The authors give none ("400×"): at this one, crypts have their usual size (ours)."""

EBHI_CLASSES = {
    "normal": "normal",
    "polyp": "polyp",
    "low-grade in": "low",
    "high-grade in": "high",
    "serrated adenoma": "serrated",
    "adenocarcinoma": "carcinoma",
}
"""The archive's folders, in small letters, and what the classes are called here, least to most malignant."""

EBHI_SOURCE = "EBHI-Seg is obtained from doi 10.6084/m9.figshare.21540159 (Shi et al. 2023; CC BY 4.0)"

_FLAT = re.compile(rf"({'|'.join(EBHI_CLASSES.values())})_GT[A-Za-z]*(\d+)-.+")
_IN_FOLDER = re.compile(r"GT[A-Za-z]*(\d+)-.+")


def ebhi(root: Path | str) -> list[Sample]:
    """Return the samples of EBHI-Seg, or of a part of it.

    Parameters
    ----------
    root : Path or str
        The archive's folder (``Low-grade IN/image/NAME.png``, ``Low-grade IN/label/NAME.png`` and so on), or
        one with ``low_NAME.png`` and ``low_NAME_anno.png`` side by side.

    Returns
    -------
    list of Sample
        Class by class, least malignant first, each in natural order. The class is the `grade`; the `patient`
        is the number that NAME begins with ("1838291" of GT1838291-1-400-003).

    Raises
    ------
    DatasetError
        When there is no image, or an image has no annotation: which, and where the data set is obtained.
    """
    root = Path(root)
    if not root.is_dir():
        raise DatasetError(f"{root} is not a folder; {EBHI_SOURCE}")
    samples = [*_flat(root), *_in_folders(root)]
    if not samples:
        raise DatasetError(
            f"{root} holds no image of EBHI-Seg; expected CLASS/image/NAME.png or CLASS_NAME.png; "
            f"{EBHI_SOURCE}"
        )
    check_annotated(samples, root=root, source=EBHI_SOURCE)
    order = list(EBHI_CLASSES.values())
    return sorted(samples, key=lambda sample: (order.index(str(sample.grade)), natural_key(sample.name)))


EBHI = ReferenceSet(
    ebhi,
    note=(
        "The labels of EBHI-Seg join glands that touch and cover the whole field of many carcinomas: "
        "pixels are scored, not glands."
    ),
    has_test_part=False,
    parts_glands=False,
)
"""What ``acinus benchmark ebhi`` reads."""


def _flat(root: Path) -> list[Sample]:
    """Return the images beside their annotations."""
    found = []
    for path in _images(root):
        if (match := _FLAT.fullmatch(path.stem)) is not None and not path.stem.endswith("_anno"):
            truth = path.with_name(f"{path.stem}_anno{path.suffix}")
            found.append(Sample(path.stem, path, truth, EBHI_MPP, patient=match[2], grade=match[1]))
    return found


def _in_folders(root: Path) -> list[Sample]:
    """Return the images of the archive's folders, named by class as `_flat` has them."""
    found = []
    for folder in root.iterdir():
        grade = EBHI_CLASSES.get(folder.name.lower())
        if grade is None or not (folder / "image").is_dir():
            continue
        for path in _images(folder / "image"):
            if (match := _IN_FOLDER.fullmatch(path.stem)) is not None:
                name, truth = f"{grade}_{path.stem}", folder / "label" / path.name
                found.append(Sample(name, path, truth, EBHI_MPP, patient=match[1], grade=grade))
    return found


def _images(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES]
