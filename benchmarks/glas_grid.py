"""The best, median and worst GlaS images of one fit, as pictures.

    acinus fit DATA/glas/train --mpp 0.62 --seed 0 --out runs/fit0
    python benchmarks/glas_grid.py --root DATA/glas --model runs/fit0 --out grid.png --images

With --worst 10 the picture shows the ten worst alone, five in a row.
Without --images the picture shows agreement alone (green: gland in both, red: predicted only, blue: missed)
and holds no pixel of the data set, whose terms do not allow passing it on; with it, each image stands beside.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from acinus import GlandSegmenter
from acinus.core.image import RgbImage
from acinus.data.glas import glas
from acinus.metrics import evaluate_pair
from acinus.results.overlay import draw_outlines

_Found = tuple[float, str, RgbImage, np.ndarray, np.ndarray]  # mIoU, name, image, labels, truth
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
    parser.add_argument("--worst", type=int, default=0, help="draw so many of the worst and nothing else")
    arguments = parser.parse_args()
    model = GlandSegmenter.load(arguments.model)
    found: list[_Found] = []
    for sample in glas(arguments.root):
        image, truth = sample.image(), sample.truth()
        labels = model.segment(image).labels
        score = evaluate_pair(labels, truth, mpp=image.mpp).pixels.miou
        found.append((score, sample.name, image, labels, truth))
    found.sort(key=lambda entry: -entry[0])
    picture = [
        np.hstack([cell for entry in row for cell in _cells(title, entry, images=arguments.images)])
        for title, row in _rows(found, arguments.each, arguments.worst)
    ]
    cv2.imwrite(str(arguments.out), np.vstack(picture)[:, :, ::-1])
    print(arguments.out)


def _rows(found: list[_Found], each: int, worst: int) -> list[tuple[str, list[_Found]]]:
    """Return what to show, row by row, of what is sorted from best to worst."""
    if worst:
        last = found[: -worst - 1 : -1]
        return [("worst", last[start : start + 5]) for start in range(0, len(last), 5)]
    middle = (len(found) - each) // 2
    return [("best", found[:each]), ("median", found[middle : middle + each]), ("worst", found[-each:])]


def _cells(title: str, found: _Found, *, images: bool) -> list[np.ndarray]:
    score, name, image, labels, truth = found
    cells = [_cell(_agreement(labels, truth), f"{name}  mIoU {score:.2f}")]
    if images:
        cells.insert(0, _cell(draw_outlines(image.rgb, labels, mpp=image.mpp), f"{title}: {name}"))
    return cells


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
