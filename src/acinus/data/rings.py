"""RINGS: H&E images of prostate biopsies, single benign glands and fields of tumour.

M. Salvi et al., "A hybrid deep learning approach for gland segmentation in prostate histopathological
images", Artificial Intelligence in Medicine 115 (2021), doi 10.1016/j.artmed.2021.102076; data (CC BY 4.0)
doi 10.17632/h8bdwrtnr5.1.
"""

from __future__ import annotations

import re
from pathlib import Path

from acinus.core.errors import DatasetError
from acinus.core.naming import natural_key
from acinus.data.reference import ReferenceSet, check_annotated
from acinus.data.sample import Sample
from acinus.slides.opening import IMAGE_SUFFIXES

__all__ = ["RINGS", "RINGS_MPP", "RINGS_SOURCE", "rings"]

RINGS_MPP = 2.7
"""µm per pixel of images reduced from 1,500×1,500 to 512×512 px."""

RINGS_SOURCE = "RINGS is obtained from doi 10.17632/h8bdwrtnr5.1 (Salvi et al. 2021; CC BY 4.0)"

_NAME = re.compile(r"(benign|tumour)_(P\d+)_.+")


def rings(root: Path | str) -> list[Sample]:
    """Return the samples of a folder of reduced images of RINGS.

    Parameters
    ----------
    root : Path or str
        Holds ``benign_NAME.png`` or ``tumour_NAME.png``, 512×512 px, with ``..._anno.png`` beside each.

    Returns
    -------
    list of Sample
        In natural order, benign ones first. The `grade` is "benign" or "tumour"; NAME begins with the
        `patient` ("P3").

    Raises
    ------
    DatasetError
        When there is no image, or an image has no annotation: which, and where the data set is obtained.
    """
    root = Path(root)
    if not root.is_dir():
        raise DatasetError(f"{root} is not a folder; {RINGS_SOURCE}")
    samples = []
    for path in sorted(root.iterdir(), key=lambda path: natural_key(path.stem)):
        match = _NAME.fullmatch(path.stem)
        if match is None or path.suffix.lower() not in IMAGE_SUFFIXES or path.stem.endswith("_anno"):
            continue
        truth = path.with_name(f"{path.stem}_anno{path.suffix}")
        samples.append(Sample(path.stem, path, truth, RINGS_MPP, patient=match[2], grade=match[1]))
    if not samples:
        raise DatasetError(f"{root} holds no image of RINGS; expected benign_NAME.png; {RINGS_SOURCE}")
    check_annotated(samples, root=root, source=RINGS_SOURCE)
    return samples


RINGS = ReferenceSet(
    rings,
    note="The labels of RINGS outline fields of tumour as regions: pixels are scored, not glands.",
    has_test_part=False,
    parts_glands=False,
)
"""What ``acinus benchmark rings`` reads."""
