"""A lumen of 0.2 mm² is part of its gland; a gap of the same size in stroma is none."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from acinus.core.cluster import local_cluster
from acinus.core.errors import OutputError
from acinus.pipeline.segment_slide import segment_slide
from acinus.results.ngff import LabelChunks
from acinus.results.tables import read_table

from .drawn import GLAND, GLASS, MPP, TISSUE, purple_model, write_slide
from .test_segment_slide import full

LUMEN, OUTER = 505, 560  # radii in px of 0.5 µm
SHEET_UM2 = 1180 * 1380 * MPP**2


def slide_with_gap(path: Path, *, lined: bool) -> Path:
    """Write a sheet of tissue with glass around it and a wide gap in its middle."""
    y, x = np.mgrid[:1300, :1500] + 0.5
    distance = np.hypot(x - 750, y - 650)
    rgb = np.full((1300, 1500, 3), GLASS, np.uint8)
    rgb[60:1240, 60:1440] = TISSUE
    if lined:
        rgb[distance < OUTER] = GLAND
    rgb[distance < LUMEN] = GLASS
    return write_slide(path, rgb, mpp=MPP)


@pytest.fixture(scope="module")
def lined_slide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return slide_with_gap(tmp_path_factory.mktemp("lined") / "lined.tif", lined=True)


def test_a_wide_lumen_belongs_to_the_gland_that_lines_it_and_to_the_tissue(tmp_path, lined_slide):
    record = segment_slide(lined_slide, purple_model(), out=tmp_path)
    assert record.gland_count == 1
    assert record.tissue_area_um2 == pytest.approx(SHEET_UM2, rel=0.03)  # half a pixel of the overview around
    glands = read_table(tmp_path / "lined" / "glands.parquet")
    assert glands["area_um2"][0] == pytest.approx(np.pi * (OUTER * MPP) ** 2, rel=0.02)
    assert glands["lumen_fraction"][0] == pytest.approx((LUMEN / OUTER) ** 2, abs=0.02)


def test_a_gap_of_the_same_size_in_stroma_is_neither_gland_nor_tissue(tmp_path):
    slide = slide_with_gap(tmp_path / "bare.tif", lined=False)
    record = segment_slide(slide, purple_model(), out=tmp_path)
    assert record.gland_count == 0
    gap_um2 = np.pi * (LUMEN * MPP) ** 2
    assert record.tissue_area_um2 == pytest.approx(SHEET_UM2 - gap_um2, rel=0.1)


def test_a_lumen_is_the_same_after_a_run_that_was_cut_short_and_with_workers(
    tmp_path, lined_slide, monkeypatch
):
    segment_slide(lined_slide, purple_model(), out=tmp_path / "undisturbed")
    with monkeypatch.context() as patch:
        patch.setattr(LabelChunks, "_store", full)
        with pytest.raises(OutputError):
            segment_slide(lined_slide, purple_model(), out=tmp_path / "resumed")
    with local_cluster(1) as client:
        segment_slide(lined_slide, purple_model(), out=tmp_path / "resumed", client=client)
    files = [path for path in (tmp_path / "undisturbed").rglob("*") if path.is_file()]
    for path in files:
        other = tmp_path / "resumed" / path.relative_to(tmp_path / "undisturbed")
        if path.name not in ("image.json", "run.json"):  # which hold times
            assert path.read_bytes() == other.read_bytes(), path.name
    summaries = [
        json.loads((tmp_path / run / "lined" / "image.json").read_text())["summary"]
        for run in ("undisturbed", "resumed")
    ]
    assert summaries[0] == summaries[1]
