"""Does the label-free estimate of quality rank images as their true mIoU does?

Run ``python benchmarks/quality.py --root DATA/glas MODEL [MODEL ...]`` with folders of ``acinus fit``.
Prints one line a model: Spearman's rank correlation over the images, and the mean and the least mIoU of the
images in each band of trust that the report shows.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from acinus import GlandSegmenter
from acinus.data.glas import glas
from acinus.metrics.confusion import ConfusionMatrix
from acinus.report.wording import trust


def judge(model: GlandSegmenter, root: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the estimated quality and the true mIoU of each image."""
    qualities, mious = [], []
    for sample in glas(root):
        found = model.segment(sample.image())
        qualities.append(np.nan if found.quality is None else found.quality)
        mious.append(ConfusionMatrix.of(found.labels > 0, sample.truth() > 0).miou)
    return np.array(qualities), np.array(mious)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--root", type=Path, required=True)
    arguments = parser.parse_args()
    bands = ("high", "fair", "low")
    print("| model | Spearman | " + " | ".join(f"{band}: images, mean, least mIoU" for band in bands) + " |")
    print("|" + "---|" * (2 + len(bands)))
    for folder in arguments.models:
        quality, miou = judge(GlandSegmenter.load(folder), arguments.root)
        cells = []
        for band in bands:
            chosen = miou[[trust(value)[0] == band for value in quality]]
            cells.append(f"{len(chosen)}, {chosen.mean():.3f}, {chosen.min():.3f}" if len(chosen) else "none")
        correlation = float(spearmanr(quality, miou, nan_policy="omit").statistic)
        print(f"| {folder.name} | {correlation:.3f} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
