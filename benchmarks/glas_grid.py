"""The best, median and worst GlaS images of one fit, as pictures.

    python benchmarks/glas_grid.py --root DATA/glas --model runs/glas/stage2_seed0 --out grid.png --images

Without --images the picture shows agreement alone (green: gland in both, red: predicted only, blue: missed)
and holds no pixel of the data set, whose terms do not allow passing it on; with it, each image stands beside.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from acinus import GlandSegmenter
from acinus.data.glas import glas
from acinus.inference.overlay import draw_outlines
from acinus.metrics import evaluate_pair

_CELL = (260, 176)
_BOTH, _FALSE, _MISSED, _NEITHER = (110, 180, 110), (214, 76, 70), (70, 110, 214), (242, 242, 242)


def main() -> None:
    """Segment all images with the model, sort them by mIoU, draw the grid."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--images", action="store_true", help="show the images beside the agreement")
    parser.add_argument("--each", type=int, default=4, help="how many of the best, median and worst")
    arguments = parser.parse_args()
    model = GlandSegmenter.load(arguments.model)
    found = []
    for sample in glas(arguments.root):
        image, truth = sample.image(), sample.truth()
        labels = model.segment(image).labels
        score = evaluate_pair(labels, truth, mpp=image.mpp).pixels.miou
        found.append((score, sample.name, image, labels, truth))
    found.sort(key=lambda entry: -entry[0])
    middle = (len(found) - arguments.each) // 2
    rows = (found[: arguments.each], found[middle : middle + arguments.each], found[-arguments.each :])
    picture = []
    for title, row in zip(("best", "median", "worst"), rows, strict=True):
        cells = []
        for score, name, image, labels, truth in row:
            if arguments.images:
                cells.append(_cell(draw_outlines(image.rgb, labels, mpp=image.mpp), f"{title}: {name}"))
            cells.append(_cell(_agreement(labels, truth), f"{name}  mIoU {score:.2f}"))
        picture.append(np.hstack(cells))
    cv2.imwrite(str(arguments.out), np.vstack(picture)[:, :, ::-1])
    print(arguments.out)


def _agreement(labels: np.ndarray, truth: np.ndarray) -> np.ndarray:
    picture = np.full((*labels.shape, 3), _NEITHER, dtype=np.uint8)
    picture[(labels > 0) & (truth > 0)] = _BOTH
    picture[(labels > 0) & (truth == 0)] = _FALSE
    picture[(labels == 0) & (truth > 0)] = _MISSED
    return picture


def _cell(picture: np.ndarray, title: str) -> np.ndarray:
    small = cv2.resize(picture, _CELL, interpolation=cv2.INTER_AREA)
    framed = cv2.copyMakeBorder(small, 22, 4, 4, 4, cv2.BORDER_CONSTANT, value=(255, 255, 255))
    return cv2.putText(framed, title, (6, 15), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (20, 20, 20), 1, cv2.LINE_AA)


if __name__ == "__main__":
    main()
