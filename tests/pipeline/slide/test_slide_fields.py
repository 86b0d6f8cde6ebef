"""The fields by which a slide is judged lie where its tissue is."""

from __future__ import annotations

import numpy as np

from acinus.core.geometry import Box
from acinus.inference.slide.grid import WorkingGrid
from acinus.inference.slide.tissue import SlideTissue
from acinus.pipeline.slide_fields import fields_of
from acinus.slides.opening import open_slide

from .drawn import GLASS, TISSUE, write_slide


class Everywhere:
    """Labels of a gland that is everywhere left of 1,000 µm."""

    def read(self, box: Box) -> np.ndarray:
        x = (np.arange(box.x, box.right) + 0.5) * 2.0
        return np.tile((x < 1000).astype(np.int32), (box.height, 1))


def test_fields_hold_tissue_and_its_glands_and_glass_is_left_out(tmp_path):
    rgb = np.full((600, 3000, 3), GLASS, np.uint8)  # 1.2 × 6 mm
    rgb[:, :600], rgb[:, 2600:] = TISSUE, TISSUE
    with open_slide(write_slide(tmp_path / "s.tif", rgb, mpp=2.0), mpp=None) as reader:
        grid = WorkingGrid.of(reader, 2.0)
        fields = list(fields_of(reader, grid, SlideTissue.of(reader, grid), Everywhere()))
    assert {image.mpp for image, _, _ in fields} == {2.5}
    # Of the fields of 1,024 µm the first holds tissue alone, as does the one from 5,120 µm on but for 80 µm.
    shares = [round(float(glands.mean()), 2) for _, glands, _ in fields]
    assert shares == [round(1000 / 1024, 2), 0.0]
    for image, glands, within in fields:
        assert image.shape[1] == round(glands.shape[1] * 2.0 / 2.5)
        assert (image.rgb[..., 1] < 200).mean() > 0.8
        assert within.mean() > 0.8
