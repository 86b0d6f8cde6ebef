"""What does a network that was fitted on images make of the glass beside tissue?

Run ``python benchmarks/slides/surroundings.py GLAS MODEL`` with the folder of the GlaS data and one of
``acinus fit``. Every third training image is segmented by the network alone, by itself in four views and in
the two of slides, and with 200 µm around it: glass, its median colour, its outermost pixels, or its mirror
image; the latter two all around, and for the first 24 to 96 µm with glass beyond. Labels are read to score
alone.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch

from acinus import GlandSegmenter
from acinus.core.image import RgbArray
from acinus.data.glas import glas
from acinus.data.resample import rgb_at_mpp
from acinus.grouping.segmenter import predict
from acinus.metrics.confusion import ConfusionMatrix

AROUND_PX = 160  # at 1.25 µm per pixel
GLASS = 243
NEAR_UM = (24, 48, 64, 96)


def surrounded(rgb: RgbArray) -> dict[str, RgbArray]:
    """Return the image in each kind of surroundings."""
    sides = ((AROUND_PX, AROUND_PX), (AROUND_PX, AROUND_PX), (0, 0))
    median = np.pad(rgb, sides)
    outside = np.pad(np.zeros(rgb.shape[:2], bool), AROUND_PX, constant_values=True)
    median[outside] = np.median(rgb.reshape(-1, 3), axis=0)
    ways = {"glass": np.pad(rgb, sides, constant_values=GLASS), "median colour": median}
    for name, mode in (("outermost pixels", "edge"), ("mirror image", "symmetric")):
        ways[name] = np.pad(rgb, sides, mode=mode)
        for near_um in NEAR_UM:
            beyond = AROUND_PX - round(near_um / 1.25)
            way = ways[name].copy()
            way[:beyond], way[-beyond:], way[:, :beyond], way[:, -beyond:] = GLASS, GLASS, GLASS, GLASS
            ways[f"{name}, {near_um} µm"] = way
    return ways


def main() -> None:
    """Print the pooled mIoU of each way."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("glas", type=Path)
    parser.add_argument("model", type=Path)
    arguments = parser.parse_args()
    model = GlandSegmenter.load(arguments.model)
    network, mpp = model.fitted.network, model.fitted_settings.grouping.mpp
    totals: dict[str, ConfusionMatrix] = {}
    for sample in glas(arguments.glas, split="train")[::3]:
        rgb = rgb_at_mpp(sample.image(), mpp)
        height, width = rgb.shape[:2]
        truth = cv2.resize(
            (sample.truth() > 0).astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST
        )
        ways = {"itself, four views": (rgb, 4, 0), "itself": (rgb, 2, 0)}
        ways |= {name: (around, 2, AROUND_PX) for name, around in surrounded(rgb).items()}
        for name, (seen, views, start) in ways.items():
            found = predict(network, seen, device=torch.device("cpu"), views=views).probability >= 0.5
            inside = found[start : start + height, start : start + width]
            totals[name] = totals.get(name, ConfusionMatrix()) + ConfusionMatrix.of(inside, truth > 0)
    for name, total in totals.items():
        print(f"{name}: mIoU {total.miou:.3f}, precision {total.precision:.3f}, recall {total.recall:.3f}")


if __name__ == "__main__":
    main()
