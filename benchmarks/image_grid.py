"""Images of a data set with what one model finds on them, as one picture: the best, median and worst, or any.

    acinus fit DATA/glas/train --mpp 0.62 --seed 0 --out runs/fit0
    python benchmarks/image_grid.py glas --root DATA/glas --model runs/fit0 --out grid.png --images
    python benchmarks/image_grid.py ebhi --root DATA/ebhi --model runs/ebhi0 --out eight.png --drawn 8

With --worst 10 the picture shows the ten worst alone, five in a row; with --drawn 8, eight that are drawn by
lot with a fixed seed, larger, with the outlines that were found (green) and the true ones (yellow).
Otherwise it shows agreement (green: gland in both, red: predicted only, blue: missed) and holds no pixel of
the data set, whose terms may not allow passing it on; with --images, each image stands beside.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from skimage.segmentation import find_boundaries

from acinus import GlandSegmenter
from acinus.core.image import RgbImage
from acinus.data.ebhi import ebhi
from acinus.data.glas import glas
from acinus.data.rings import rings
from acinus.data.sample import Sample
from acinus.metrics import evaluate_pair
from acinus.results.overlay import draw_outlines

_Found = tuple[float, str, RgbImage, np.ndarray, np.ndarray]  # mIoU, name, image, labels, truth
_SETS = {"glas": glas, "ebhi": ebhi, "rings": rings}
_CELL_PX, _DRAWN_PX = 260, 480  # widths of a cell
_YELLOW = (255, 230, 0)
_BOTH, _FALSE, _MISSED, _NEITHER = (110, 180, 110), (214, 76, 70), (70, 110, 214), (242, 242, 242)


def main() -> None:
    """Segment images with the model and draw the grid."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", choices=_SETS)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--images", action="store_true", help="show the images beside the agreement")
    parser.add_argument("--each", type=int, default=4, help="how many of the best, median and worst")
    parser.add_argument("--worst", type=int, default=0, help="draw so many of the worst and nothing else")
    parser.add_argument("--drawn", type=int, default=0, help="draw so many by lot, with outlines")
    arguments = parser.parse_args()
    model = GlandSegmenter.load(arguments.model)
    samples = _SETS[arguments.data](arguments.root)
    if arguments.drawn:
        drawn = np.random.default_rng(0).permutation(len(samples))[: arguments.drawn]
        cells = [_outlines(_found(model, samples[index])) for index in sorted(drawn.tolist())]
        rows = [cells[start : start + 4] for start in range(0, len(cells), 4)]
    else:
        found = sorted((_found(model, sample) for sample in samples), key=lambda entry: -entry[0])
        rows = [
            [cell for entry in row for cell in _cells(title, entry, images=arguments.images)]
            for title, row in _rows(found, arguments.each, arguments.worst)
        ]
    cv2.imwrite(str(arguments.out), _sheet(rows)[:, :, ::-1])
    print(arguments.out)


def _sheet(rows: list[list[np.ndarray]]) -> np.ndarray:
    """Return the rows of cells below each other, on white."""
    height = max(cell.shape[0] for row in rows for cell in row)
    width = max(sum(cell.shape[1] for cell in row) for row in rows)
    sheet = np.full((height * len(rows), width, 3), 255, dtype=np.uint8)
    for number, row in enumerate(rows):
        left = 0
        for cell in row:
            sheet[number * height : number * height + cell.shape[0], left : left + cell.shape[1]] = cell
            left += cell.shape[1]
    return sheet


def _found(model: GlandSegmenter, sample: Sample) -> _Found:
    image, truth = sample.image(), sample.truth()
    labels = model.segment(image).labels
    return evaluate_pair(labels, truth, mpp=image.mpp).pixels.miou, sample.name, image, labels, truth


def _outlines(found: _Found) -> np.ndarray:
    score, name, image, labels, truth = found
    picture = draw_outlines(image.rgb, labels, mpp=image.mpp)
    picture[find_boundaries(truth, mode="inner")] = _YELLOW
    return _cell(picture, f"{name}  mIoU {score:.2f}", width=_DRAWN_PX)


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


def _cell(picture: np.ndarray, title: str, *, width: int = _CELL_PX) -> np.ndarray:
    height = round(picture.shape[0] / picture.shape[1] * width)
    small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    framed = cv2.copyMakeBorder(small, 22, 4, 4, 4, cv2.BORDER_CONSTANT, value=(255, 255, 255))
    return cv2.putText(framed, title, (6, 15), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (20, 20, 20), 1, cv2.LINE_AA)


if __name__ == "__main__":
    main()
