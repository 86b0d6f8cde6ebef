"""What a person sees of the regions that were learnt from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from acinus.core.geometry import Box
from acinus.core.image import RgbImage
from acinus.mining.regions.describe import Description
from acinus.mining.regions.folder import SlideRegions, write_regions
from acinus.mining.regions.survey import Candidate, SlideToSurvey

PINK = (200, 120, 170)


def test_regions_on_the_contact_sheet_have_one_scale_and_rows_end_below_the_highest(tmp_path):
    sizes_px = [(100, 400), (50, 100), *[(50, 50)] * 10, (200, 200)]  # the last one is in a row of its own
    images = [RgbImage(np.full((*size, 3), PINK, np.uint8), 1.25) for size in sizes_px]
    shows = Description(rings=1, ring_share=0.1, focus=1.0, tissue=1.0, look=(0.0,) * 8)
    chosen = tuple(Candidate(Box(0, 0, width, height), shows) for height, width in sizes_px)
    slide = SlideToSurvey("slide", Path("slide.tif"))
    write_regions(tmp_path, [SlideRegions(slide, chosen)], images)
    with Image.open(tmp_path / "contact_sheet.jpg") as sheet:
        pixels = np.asarray(sheet.convert("RGB")).astype(int)
    # The widest, 500 µm, takes 160 px; 6 px lie between pictures, and 30 px for captions below each row.
    assert pixels.shape == (6 + (40 + 30 + 6) + (80 + 30 + 6), 6 + 12 * (160 + 6), 3)
    pink = np.abs(pixels - PINK).max(axis=2) < 40

    def pink_size(left: int, top: int, *, high: int) -> tuple[int, int]:
        cell = pink[top : top + high + 20, left : left + 160]
        return int(cell[:, 6:12].all(axis=1).sum()), int(cell[6:12].all(axis=0).sum())

    for left, top, (height, width) in (
        (6, 6, (40, 160)),
        (172, 6, (20, 40)),
        (338, 6, (20, 20)),
        (6, 82, (80, 80)),
    ):
        found = pink_size(left, top, high=height)
        assert abs(found[0] - height) <= 4  # JPEG blurs the frame into the picture
        assert abs(found[1] - width) <= 4
