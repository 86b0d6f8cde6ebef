"""Why glands are wrong: merged with a neighbour, in pieces, missed, or false; counted, and shown as pictures.

Run ``python benchmarks/gland_errors.py RESULTS TRUTH [--pictures FOLDER]`` on a folder of ``acinus segment``
and one of true label maps. Pictures show the truth in yellow, the prediction in green, and each wrong gland
filled: merged red, fragments orange, missed blue, false violet.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from acinus import read_image, read_results
from acinus.core.image import LabelMap
from acinus.metrics import LabelPair
from acinus.metrics.gland_errors import GlandErrors, gland_errors
from acinus.results.label_files import label_files
from acinus.results.labels import open_label_file
from acinus.slides.label_image import read_labels

_KINDS = ("merged", "missed", "fragments", "false")
_COLOURS = {
    "merged": (230, 40, 40),
    "missed": (40, 90, 230),
    "fragments": (255, 150, 0),
    "false": (160, 60, 200),
}
_TRUTH, _PREDICTION = (255, 230, 0), (40, 230, 60)


def main() -> None:
    """Print one row per image and the sums; write the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("truth", type=Path)
    parser.add_argument("--pictures", type=Path)
    arguments = parser.parse_args()
    truths = label_files(arguments.truth)
    glands = predicted = 0
    sums = dict.fromkeys(_KINDS, 0)
    for image in read_results(arguments.results).images:
        if image.labels_file is None or image.name not in truths:
            continue
        found = open_label_file(image.labels_file).whole()
        pair = LabelPair.of(found, read_labels(truths[image.name]))
        errors = gland_errors(pair)
        counts = {kind: len(getattr(errors, kind)) for kind in _KINDS}
        print(
            f"{image.name:20s} {len(pair.truth):4d} glands  "
            + "  ".join(f"{n} {k}" for k, n in counts.items())
        )
        glands, predicted = glands + len(pair.truth), predicted + len(pair.prediction)
        sums = {kind: sums[kind] + counts[kind] for kind in _KINDS}
        if arguments.pictures and any(counts.values()) and image.source:
            arguments.pictures.mkdir(parents=True, exist_ok=True)
            picture = drawn(read_image(image.source, mpp=image.record.mpp).rgb, pair, errors)
            Image.fromarray(picture).save(arguments.pictures / f"{image.name}.jpg", quality=88)
    print(f"{glands} glands, {predicted} predicted")
    for kind, count in sums.items():
        print(f"{kind:10s} {count:5d}  {count / max(1, glands):6.1%} of the true glands")


def drawn(rgb: NDArray[np.uint8], pair: LabelPair, errors: GlandErrors) -> NDArray[np.uint8]:
    """Return the image with all outlines and every wrong gland filled."""
    picture = rgb.astype(np.float32)
    for kind in _KINDS:
        labels = pair.truth.labels if kind in ("merged", "missed") else pair.prediction.labels
        wrong = np.isin(labels, getattr(errors, kind))
        picture[wrong] = 0.6 * picture[wrong] + 0.4 * np.array(_COLOURS[kind], np.float32)
    result = picture.astype(np.uint8)
    for labels, colour in ((pair.truth.labels, _TRUTH), (pair.prediction.labels, _PREDICTION)):
        result[outline(labels)] = colour
    return result


def outline(labels: LabelMap) -> NDArray[np.bool_]:
    """Return the pixels of glands beside another number, two pixels wide."""
    values = labels.astype(np.float32)
    kernel = np.ones((3, 3), np.uint8)
    return np.asarray(cv2.dilate(values, kernel) != cv2.erode(values, kernel)) & (labels > 0)


if __name__ == "__main__":
    main()
