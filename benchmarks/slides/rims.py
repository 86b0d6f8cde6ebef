"""What does a narrow rim of glass around an image take from the closed shapes that a fit begins with?

Run ``python benchmarks/slides/rims.py GLAS`` with the folder of the GlaS data. Closed shapes are looked for
in every fourth training image as it is, with 8 µm of glass around it, and without its outermost 8 µm. Labels
are read to score alone.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from acinus.core.image import RgbImage
from acinus.data.glas import glas
from acinus.data.resample import image_at_mpp
from acinus.metrics.confusion import ConfusionMatrix
from acinus.mining.closed_shapes import ClosedShapes

MPP = 1.25
RIM_UM = 8.0
GLASS = 243


def main() -> None:
    """Print how much of the glands closed shapes cover, and how much of them is gland."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("glas", type=Path)
    arguments = parser.parse_args()
    totals: dict[str, ConfusionMatrix] = {}
    for sample in glas(arguments.glas, split="train")[::4]:
        image, truth = sample.image(), sample.truth() > 0
        rim = round(RIM_UM / image.mpp)
        sides = ((rim, rim), (rim, rim))
        inside = np.s_[rim:-rim, rim:-rim]
        ways = {
            "as it is": (image.rgb, truth),
            "glass around it": (
                np.pad(image.rgb, (*sides, (0, 0)), constant_values=GLASS),
                np.pad(truth, sides),
            ),
            "inside": (np.ascontiguousarray(image.rgb[inside]), truth[inside]),
        }
        for name, (rgb, gland) in ways.items():
            small = image_at_mpp(RgbImage(rgb, image.mpp, name), MPP)
            shapes = ClosedShapes()(small, np.zeros(small.shape, np.uint8)).gland
            rows, columns = (
                ((np.arange(length) + 0.5) * full / length).astype(int)
                for length, full in zip(small.shape, gland.shape, strict=True)
            )
            seen = ConfusionMatrix.of(shapes, gland[np.ix_(rows, columns)])
            totals[name] = totals.get(name, ConfusionMatrix()) + seen
    for name, total in totals.items():
        print(f"{name}: recall {total.recall:.3f}, precision {total.precision:.3f}")


if __name__ == "__main__":
    main()
