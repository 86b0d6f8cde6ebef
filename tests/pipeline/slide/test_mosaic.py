"""A slide put together from tiles of GlaS is segmented as well as the tiles are.

By the network alone: the colours of a slide are learnt from all of it, here from six patients, and those of a
tile from the tile.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from acinus.core.geometry import Box
from acinus.core.image import RgbImage
from acinus.core.segmenter import ProbabilityMap
from acinus.metrics import evaluate_pair, pool
from acinus.pipeline import segment_slide as module
from acinus.results.ngff import open_labels
from acinus.slides.images import read_image
from acinus.slides.label_image import read_labels

from .drawn import SeesPurple, purple_model, write_slide

MPP = 0.62
MARGIN_PX = 64  # around each tile its own mirror image, so that a tile's side looks the same on the slide
NAMES = [f"train_{number}" for number in (1, 2, 3, 5, 10, 12)]


class SeesDark(SeesPurple):
    """Takes for gland what is dark within some 20 µm: right about two pixels of three on GlaS."""

    def probability(self, image: RgbImage) -> ProbabilityMap:
        step = self.mpp / image.mpp
        size = (round(image.shape[1] / step), round(image.shape[0] / step))
        red = cv2.resize(image.rgb[..., 0].astype(np.float32), size, interpolation=cv2.INTER_AREA)
        smooth = cv2.GaussianBlur(red, (0, 0), 4.0, borderType=cv2.BORDER_REFLECT)
        probability = np.clip((180.0 - smooth) / 60.0 + 0.5, 0.0, 1.0)
        return cv2.resize(probability, image.shape[::-1], interpolation=cv2.INTER_LINEAR)


@pytest.mark.real_data
def test_a_mosaic_of_tiles_has_the_accuracy_of_the_tiles(
    tmp_path: Path, acinus_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = acinus_data / "glas" / "train"
    tiles = [read_image(folder / f"{name}.png", mpp=MPP).rgb for name in NAMES]
    truths = [read_labels(folder / f"{name}_anno.png") for name in NAMES]
    height, width = (max(tile.shape[axis] for tile in tiles) + 2 * MARGIN_PX for axis in (0, 1))
    canvas = np.full((2 * height, 3 * width, 3), 244, np.uint8)
    corners = [(place // 3 * height, place % 3 * width) for place in range(len(tiles))]
    for (y, x), tile in zip(corners, tiles, strict=True):
        framed = np.pad(tile, ((MARGIN_PX, MARGIN_PX), (MARGIN_PX, MARGIN_PX), (0, 0)), mode="reflect")
        canvas[y : y + framed.shape[0], x : x + framed.shape[1]] = framed
    slide = write_slide(tmp_path / "mosaic.tif", canvas, mpp=MPP)
    model = purple_model()
    model._segmenter = SeesDark()  # type: ignore[assignment]
    alone = replace(model.settings.refinement, colour_weight=0.0)
    model.settings = replace(model.settings, refinement=alone)
    # Windows far smaller than the slide: most tiles are cut by their borders.
    monkeypatch.setattr(module, "plan_windows", partial(module.plan_windows, window_px=160))
    module.segment_slide(slide, model, out=tmp_path)
    labels = open_labels(tmp_path / "mosaic" / "labels.zarr")
    whole = labels.read(Box(0, 0, labels.size.width, labels.size.height))
    on_slide, on_tiles = [], []
    for (y, x), tile, truth in zip(corners, tiles, truths, strict=True):
        rows, columns = (
            ((start + MARGIN_PX + np.arange(length) + 0.5) * MPP / model.fitted.mpp).astype(int)
            for start, length in ((y, truth.shape[0]), (x, truth.shape[1]))
        )
        on_slide.append(evaluate_pair(whole[np.ix_(rows, columns)], truth, mpp=MPP))
        on_tiles.append(evaluate_pair(model.segment(tile, mpp=MPP).labels, truth, mpp=MPP))
    slide_miou, tiles_miou = (pool(scores).as_dict()["miou_label_free"] for scores in (on_slide, on_tiles))
    assert tiles_miou > 0.45  # not so bad that any result would do
    assert slide_miou == pytest.approx(tiles_miou, abs=0.01)
