"""What is lost where glands are found at the model's resolution and drawn at twice that, as on slides?

Run ``python benchmarks/slides/resolution.py --model MODEL --root DATA/glas/train --mpp 0.62`` on a folder of
images with an annotation each (``NAME_anno.png`` beside ``NAME.png``). Each is segmented as it is and reduced
to the model's resolution (1.25 µm/px). Printed are the agreement with the annotations and, for each
statistic, how glands of the reduced image differ from those of the image itself with which they have more
than half in common: measured as they are, and drawn and measured with twice as many pixels across, as those
of slides are. Differences are medians over glands, in standard deviations of the statistic. Annotations
score, and choose nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from acinus import GlandSegmenter
from acinus.core.geometry import Box
from acinus.core.image import LabelMap, RgbArray
from acinus.core.segmenter import to_bytes
from acinus.data.resample import image_at_mpp, resize_regions
from acinus.glands import Glands
from acinus.glands.crops import gland_crops
from acinus.glands.measure import columns_of, measure_gland, with_neighbours
from acinus.glands.neighbours import OutlinesInMemory
from acinus.inference.segmentation import Segmentation
from acinus.inference.slide.fine import MARGIN_PX, fine_crop
from acinus.metrics import ImageScores, evaluate_pair, pool
from acinus.slides.images import read_image
from acinus.slides.label_image import read_labels

COLUMNS = (
    *("area_um2", "perimeter_um", "circularity", "solidity", "convexity", "irregularity"),
    *("fractal_dimension", "best_alignment", "lumen_fraction", "lumina", "thickness_um", "thickness_cv"),
    *("haematoxylin_od", "nuclear_crowding", "nuclear_stratification", "nearest_gap_um"),
)


def pairs(labels: LabelMap, others: LabelMap) -> Iterator[tuple[int, int]]:
    """Yield the numbers of glands of two maps that have more than half of their union in common."""
    base = int(others.max()) + 1
    both, common = np.unique(labels.astype(np.int64) * base + others, return_counts=True)
    areas, other_areas = np.bincount(labels.ravel()), np.bincount(others.ravel())
    for code, shared in zip(both.tolist(), common.tolist(), strict=True):
        one, other = divmod(code, base)
        if one and other and 2 * shared > areas[one] + other_areas[other] - shared:
            yield one, other


def values(glands: Glands, numbers: list[int]) -> NDArray[np.float64]:
    """Return the statistics of some glands by their numbers, (N, columns)."""
    rows = {int(label): row for row, label in enumerate(glands["label"])}
    chosen = [rows[number] for number in numbers]
    return np.stack([np.asarray(glands[name], float)[chosen] for name in COLUMNS], axis=1)


def drawn_finer(
    found: Segmentation, rgb: RgbArray, *, threshold: float, factor: int
) -> tuple[LabelMap, Glands]:
    """Return the glands of an image with `factor` pixels for each across, and their table.

    Parameters
    ----------
    rgb : (H × factor, W × factor, 3) uint8
        The image in these pixels.
    """
    height, width = found.image.shape
    whole, mpp = Box(0, 0, width, height), found.image.mpp / factor
    probability = to_bytes(found.probability)
    labels, measured = np.zeros(rgb.shape[:2], np.int32), []
    for crop in gland_crops(found.labels):
        around = crop.box.grown(MARGIN_PX - 1).intersection(whole)
        view = around.slices_in(whole)
        fine = fine_crop(
            crop.label,
            found.labels[view],
            probability[view],
            box=around,
            touches_side=crop.touches_side,
            threshold=threshold,
            factor=factor,
        )
        labels[fine.window][fine.mask] = crop.label
        measured.append(measure_gland(fine, rgb, mpp=mpp))
    outlines = OutlinesInMemory([gland.outline for gland in measured])
    return labels, with_neighbours(columns_of(gland.row for gland in measured), outlines)


def main() -> None:
    """Print the agreement and the differences."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--mpp", type=float, required=True)
    parser.add_argument("--every", type=int, default=1, help="only every k-th image")
    arguments = parser.parse_args()
    model = GlandSegmenter.load(arguments.model, device="cpu")
    scores: dict[str, list[ImageScores]] = {"own": [], "reduced": [], "drawn finer": []}
    own_values, coarse_values, fine_values = [], [], []
    for truth_path in sorted(arguments.root.glob("*_anno.png"))[:: arguments.every]:
        name = truth_path.stem.removesuffix("_anno")
        image = read_image(truth_path.with_name(f"{name}.png"), mpp=arguments.mpp)
        mpp = model.fitted_settings.grouping.mpp
        small = image_at_mpp(image, mpp)
        own, coarse = model.segment(image), model.segment(small)
        threshold = model.fitted_settings.instances.threshold
        twice = (2 * small.shape[1], 2 * small.shape[0])
        rgb = np.asarray(cv2.resize(image.rgb, twice, interpolation=cv2.INTER_AREA), np.uint8)
        fine_labels, fine = drawn_finer(coarse, rgb, threshold=threshold, factor=2)
        truth = read_labels(truth_path)
        enlarged = resize_regions(coarse.labels, image.shape)
        finer = resize_regions(fine_labels, image.shape)
        for way, labels in (("own", own.labels), ("reduced", enlarged), ("drawn finer", finer)):
            scores[way].append(evaluate_pair(labels, truth, mpp=arguments.mpp, name=name))
        matched = list(pairs(own.labels, enlarged))
        own_values.append(values(own.glands, [one for one, _ in matched]))
        coarse_values.append(values(coarse.glands, [other for _, other in matched]))
        fine_values.append(values(fine, [other for _, other in matched]))
    for way, of_way in scores.items():
        pooled = pool(of_way).as_dict()
        names = ("miou_label_free", "detection_f1", "object_dice", "object_hausdorff_um")
        print(way, ", ".join(f"{name} {pooled[name]:.3f}" for name in names))
    own_all, coarse_all, fine_all = map(np.concatenate, (own_values, coarse_values, fine_values))
    print(f"glands found on both: {len(own_all)}")
    print("| statistic | reduced: shift | size | rank correlation | finer: shift | size | rank correlation |")
    print("|" + "---|" * 7)
    spread = np.nanstd(own_all, axis=0)
    for column, name in enumerate(COLUMNS):
        cells = [
            cell
            for other in (coarse_all, fine_all)
            for cell in compared(own_all[:, column], other[:, column], spread[column])
        ]
        print(f"| {name} | {' | '.join(cells)} |")


def compared(own: NDArray[np.float64], other: NDArray[np.float64], spread: float) -> list[str]:
    """Return the median difference, the median of its size, both in `spread`, and Spearman's correlation."""
    known = np.isfinite(own) & np.isfinite(other)
    off = (other - own)[known] / spread
    rank = spearmanr(own[known], other[known])[0]
    return [f"{np.median(off):+.2f}", f"{np.median(np.abs(off)):.2f}", f"{rank:.3f}"]


if __name__ == "__main__":
    main()
