"""Slides that tests draw, and a model that sees what was drawn."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import tifffile
from torch import nn

from acinus.core.image import RgbImage
from acinus.core.segmenter import ProbabilityMap
from acinus.grouping.settings import GroupingSettings
from acinus.networks.unet import UNetSpec
from acinus.pipeline.estimator import GlandSegmenter

MPP = 0.5
GLASS, TISSUE, GLAND = (245, 245, 245), (235, 180, 215), (120, 60, 150)
# Level-0 x, y and radius of each gland; 40 to 60 px are 20 to 30 µm.
DISCS = [(300, 300, 60), (700, 320, 50), (1100, 500, 60), (420, 800, 45), (900, 900, 60), (1230, 190, 40)]
WIDTH, HEIGHT = 1500, 1200


def write_slide(path: Path, rgb: np.ndarray, *, mpp: float | None) -> Path:
    """Write a tiled TIFF of three levels without loss."""
    scale = {} if mpp is None else {"resolution": (1e4 / mpp, 1e4 / mpp), "resolutionunit": "CENTIMETER"}
    common = {"tile": (256, 256), "compression": "zlib", "photometric": "rgb"}
    with tifffile.TiffWriter(path) as file:
        file.write(rgb, subifds=2, **common, **scale)
        for step in (2, 4):
            size = (rgb.shape[1] // step, rgb.shape[0] // step)
            file.write(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), subfiletype=1, **common)
    return path


def discs() -> np.ndarray:
    """Return glass with a sheet of tissue and the glands of `DISCS` on it, each with a pale lumen."""
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    rgb = np.full((HEIGHT, WIDTH, 3), GLASS, np.uint8)
    rgb[100:1100, 100:1400] = TISSUE
    for left, top, radius in DISCS:
        distance = np.hypot(x - left, y - top)
        rgb[distance < radius] = GLAND
        rgb[distance < radius / 3] = GLASS
    return rgb


class SeesPurple:
    """A `Segmenter` that knows `GLAND` when it sees it, by mixing of the colours even within a pixel."""

    mpp = 2.5
    network = nn.Identity()

    def probability(self, image: RgbImage) -> ProbabilityMap:
        green = image.rgb[..., 1].astype(np.float32)
        share = (TISSUE[1] - green) / (TISSUE[1] - GLAND[1])
        return np.clip(share, 0.0, 1.0).astype(np.float32)


def purple_model() -> GlandSegmenter:
    """Return a model that takes no fitting."""
    grouping = GroupingSettings(network=UNetSpec(), mpp=SeesPurple.mpp)  # which tells no depth
    model = GlandSegmenter(grouping=grouping, device="cpu")
    model._segmenter = SeesPurple()  # type: ignore[assignment]
    return model
