"""Do the wide lumina of slides come out as those of images do?

Run ``python benchmarks/slides/lumina.py RINGS MODEL`` with the folder of RINGS (prostate, lumina of up to
1.5 mm) and one of ``acinus fit``. Each image is segmented as an image, as a slide, and as a slide on which no
wide gap is a lumen; the pooled mIoU of each is printed. Labels are read to score alone.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from unittest.mock import patch

import cv2
import numpy as np
import tifffile

from acinus import GlandSegmenter
from acinus.core.geometry import Box
from acinus.core.image import BoolMask, RgbImage
from acinus.data.rings import RINGS_MPP, rings
from acinus.metrics.confusion import ConfusionMatrix
from acinus.pipeline.segment_slide import segment_slide
from acinus.results.ngff import open_labels
from acinus.slides import read_labels


def as_slide(image: RgbImage, model: GlandSegmenter, folder: Path) -> BoolMask:
    """Return where gland is found on a slide that shows an image, (H, W) bool."""
    path = folder / f"{image.name}.tif"
    scale = {"resolution": (1e4 / image.mpp, 1e4 / image.mpp), "resolutionunit": "CENTIMETER"}
    tifffile.imwrite(path, image.rgb, tile=(256, 256), photometric="rgb", compression="zlib", **scale)
    segment_slide(path, model, out=folder)
    height, width = image.shape
    to_grid = image.mpp / model.fitted_settings.grouping.mpp
    labels = open_labels(folder / image.name / "labels.zarr")
    grid = Box(0, 0, *(int(np.ceil(length * to_grid - 1e-6)) for length in (width, height)))
    found = labels.read(grid)
    rows, columns = (
        np.minimum(((np.arange(length) + 0.5) * to_grid).astype(int), found.shape[axis] - 1)
        for axis, length in enumerate((height, width))
    )
    return np.asarray(found[np.ix_(rows, columns)] > 0)


def without_lumina(image: RgbImage, model: GlandSegmenter, folder: Path) -> BoolMask:
    """Return what `as_slide` does where no wide gap is a lumen."""
    with patch("acinus.inference.slide.finding.find_lumina", return_value=None):
        return as_slide(image, model, folder)


def main() -> None:
    """Print the pooled mIoU of each way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rings", type=Path)
    parser.add_argument("model", type=Path)
    arguments = parser.parse_args()
    model = GlandSegmenter.load(arguments.model)
    ways = ("image", "slide", "slide without wide lumina")
    totals = dict.fromkeys(ways, ConfusionMatrix())
    for sample in rings(arguments.rings):
        rgb = cv2.cvtColor(cv2.imread(str(sample.image_path)), cv2.COLOR_BGR2RGB)
        image = RgbImage(rgb, mpp=RINGS_MPP, name=sample.name)
        truth = read_labels(sample.truth_path) > 0
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
            masks = (
                model.segment(image).labels > 0,
                as_slide(image, model, Path(one)),
                without_lumina(image, model, Path(other)),
            )
        scores = [ConfusionMatrix.of(mask, truth) for mask in masks]
        for way, score in zip(ways, scores, strict=True):
            totals[way] += score
        print(sample.name, *(f"{score.miou:.3f}" for score in scores), flush=True)
    for way, total in totals.items():
        print(f"{way}: {total.miou:.3f}")


if __name__ == "__main__":
    main()
