"""Which statistic of the glands tells benign from malignant images: a Markdown table of ROC areas on GlaS.

    python examples/statistics_against_grade.py --root ../shared/data/glas
    python examples/statistics_against_grade.py --root ../shared/data/glas --predictions out/

Each image gives one number per statistic, the mean over its glands weighted by their area; the table says
how well that number alone separates the grades (`acinus.glands.auc`), with an arrow for the side malignant
images lie on. Label maps in ``--predictions`` (``<stem>/labels.png``) are measured the same way and read in
the true masks' direction, so the last column says how much of the diagnosis survives the segmentation.
"""

from __future__ import annotations

import argparse
import csv
import math
import sys
from pathlib import Path

import cv2
import numpy as np

from acinus.core.errors import AcinusError, DatasetError, InputError
from acinus.core.image import LabelMap, RgbArray
from acinus.glands import measure_glands
from acinus.glands.roc import auc
from acinus.glands.summary import STATISTICS, summarise

MPP = 0.620  # µm per pixel, from the challenge's paper
SLIDE_STATISTICS = (
    "gland_area_fraction",
    "glands_per_mm2",
    "clark_evans",
    "gland_formation",
    "cribriform_area_fraction",
    "solid_per_mm2",
    "buds_per_mm2",
    "area_cv",
)

Summary = dict[str, float]


def main() -> None:
    """Print the table, or one line that says what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--root", type=Path, required=True, help="folder with Grade.csv and train/")
    parser.add_argument("--predictions", type=Path, help="folder with <stem>/labels.png")
    arguments = parser.parse_args()
    try:
        print(table(arguments.root, arguments.predictions))
    except AcinusError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)


def table(root: Path, predictions: Path | None) -> str:
    """Return the Markdown table of every statistic's ROC area, best on the true masks first."""
    grades = read_grades(root / "Grade.csv")
    true, predicted = {}, {}
    for stem in sorted(grades):
        image_path = root / "train" / f"{stem}.png"
        if not image_path.exists():
            continue  # Grade.csv lists the test images too
        image = read_rgb(image_path)
        true[stem] = summary_of(read_labels(image_path.with_name(f"{stem}_anno.png")), image)
        if predictions is not None:
            predicted[stem] = summary_of(read_labels(predictions / stem / "labels.png"), image)
    if not true:
        raise DatasetError(f"no train/train_N.png under {root}; pass --root with the GlaS folder")
    names = [f"{name}_area_weighted_mean" for name in STATISTICS] + list(SLIDE_STATISTICS)
    areas = {name: separation(name, true, grades) for name in names}
    lines = [f"| statistic ({len(true)} images) | true masks |" + (" predictions |" if predicted else "")]
    lines.append("|---|---|" + ("---|" if predicted else ""))
    for name in sorted(names, key=lambda name: -abs(areas[name] - 0.5)):
        rises = areas[name] >= 0.5
        row = f"| {name.removesuffix('_area_weighted_mean')} | {shown(areas[name], rises=rises)} |"
        if predicted:  # read in the direction of the true masks, so that a reversal shows as less than 0.5
            row += f" {shown(separation(name, predicted, grades), rises=rises)} |"
        lines.append(row)
    return "\n".join(lines)


def read_grades(path: Path) -> dict[str, bool]:
    """Return for every image's stem whether it is malignant."""
    if not path.exists():
        raise DatasetError(f"{path} is missing; pass --root with the GlaS folder that holds Grade.csv")
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = [
            {key.strip(): (value or "").strip() for key, value in row.items() if key is not None}
            for row in csv.DictReader(file)
        ]
    return {row["name"]: row["grade (GlaS)"] == "malignant" for row in rows}


def read_rgb(path: Path) -> RgbArray:
    """Read an image as (H, W, 3) RGB."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise InputError(f"{path} cannot be read as an image")
    return np.ascontiguousarray(image[..., ::-1])


def read_labels(path: Path) -> LabelMap:
    """Read a label map as (H, W) int32."""
    labels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if labels is None:
        raise InputError(f"{path} is missing or not an image; expected a label map there")
    return np.asarray(labels, dtype=np.int32)


def summary_of(labels: LabelMap, image: RgbArray) -> Summary:
    """Measure the glands and summarise them, the image's area standing for the tissue's."""
    glands = measure_glands(labels, mpp=MPP, image=image)
    return summarise(glands, tissue_area_um2=labels.size * MPP**2)


def separation(name: str, summaries: dict[str, Summary], grades: dict[str, bool]) -> float:
    """Return the ROC area of one statistic over the images that have it."""
    return auc([summary[name] for summary in summaries.values()], [grades[stem] for stem in summaries])


def shown(area: float, *, rises: bool) -> str:
    """Return the ROC area of a statistic that rises, or falls, with malignancy; the arrow says which."""
    if math.isnan(area):
        return "–"
    return f"{area:.3f} ↑" if rises else f"{1.0 - area:.3f} ↓"


if __name__ == "__main__":
    main()
