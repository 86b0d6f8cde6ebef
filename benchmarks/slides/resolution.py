"""What is lost where glands are drawn and measured at the model's resolution, as on slides?

Run ``python benchmarks/slides/resolution.py --model MODEL --root DATA/glas/train --mpp 0.62`` on a folder of
images with an annotation each (``NAME_anno.png`` beside ``NAME.png``). Each is segmented as it is and reduced
to the model's resolution (1.25 µm/px). Printed are the agreement of both with the annotations and, for each
statistic, how two ways of measuring at the model's resolution differ from measuring at the image's own: the
same outlines, reduced; and those found on the reduced image, of glands with more than half in common.
Differences are medians over glands, in standard deviations of the statistic. Annotations score, and choose
nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from acinus import GlandSegmenter
from acinus.core.image import LabelMap, RgbImage
from acinus.data.resample import resize_regions, rgb_at_mpp
from acinus.glands import Glands, measure_glands
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


def main() -> None:
    """Print the agreement and the differences."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--mpp", type=float, required=True)
    parser.add_argument("--every", type=int, default=1, help="only every k-th image")
    arguments = parser.parse_args()
    model = GlandSegmenter.load(arguments.model, device="cpu")
    scores: dict[str, list[ImageScores]] = {"own": [], "reduced": []}
    own_outlines, own_matched, same_outlines, found_matched = [], [], [], []
    for truth_path in sorted(arguments.root.glob("*_anno.png"))[:: arguments.every]:
        name = truth_path.stem.removesuffix("_anno")
        image = read_image(truth_path.with_name(f"{name}.png"), mpp=arguments.mpp)
        mpp = model.fitted_settings.grouping.mpp
        small = RgbImage(rgb_at_mpp(image, mpp), mpp, name)
        own, coarse = model.segment(image), model.segment(small)
        enlarged = resize_regions(coarse.labels, image.shape)
        truth = read_labels(truth_path)
        for way, labels in (("own", own.labels), ("reduced", enlarged)):
            scores[way].append(evaluate_pair(labels, truth, mpp=arguments.mpp, name=name))
        same = measure_glands(resize_regions(own.labels, small.shape), mpp=mpp, image=small.rgb)
        numbers = [int(label) for label in same["label"]]
        matched = list(pairs(own.labels, enlarged))
        own_outlines.append(values(own.glands, numbers))
        same_outlines.append(values(same, numbers))
        own_matched.append(values(own.glands, [one for one, _ in matched]))
        found_matched.append(values(coarse.glands, [other for _, other in matched]))
    for way, of_way in scores.items():
        pooled = pool(of_way).as_dict()
        names = ("miou_label_free", "detection_f1", "object_dice", "object_hausdorff_um")
        print(way, ", ".join(f"{name} {pooled[name]:.3f}" for name in names))
    own_all, same_all, own_found, found = map(
        np.concatenate, (own_outlines, same_outlines, own_matched, found_matched)
    )
    print(f"glands: {len(own_all)} with the same outlines, {len(found)} found on both")
    print("| statistic | same: shift | size | rank correlation | found: shift | size | rank correlation |")
    print("|" + "---|" * 7)
    spread = np.nanstd(own_all, axis=0)
    for column, name in enumerate(COLUMNS):
        cells = [
            *compared(own_all[:, column], same_all[:, column], spread[column]),
            *compared(own_found[:, column], found[:, column], spread[column]),
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
