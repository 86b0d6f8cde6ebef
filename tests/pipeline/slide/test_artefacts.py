"""Artefacts of a slide are found and left out, and everybody is told."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from acinus.core.files import read_json
from acinus.pipeline.segment import segment_files
from acinus.pipeline.segment_slide import segment_slide
from acinus.report import write_report
from acinus.results.files import ARTEFACTS
from acinus.results.folder import read_results
from acinus.slides.opening import open_slide

from .drawn import DISCS, MPP, TISSUE, discs, purple_model, write_slide

FOLD = (490, 150, 620, 1050)  # left, top, right, bottom in level-0 px: 65 × 450 µm, between the discs


@pytest.fixture(scope="module")
def folded(tmp_path_factory):
    """The slide of discs, its tissue lying double in a band."""
    rgb = discs()
    left, top, right, bottom = FOLD
    once = (np.array(TISSUE, float) + 1) / 256
    rgb[top:bottom, left:right] = (once**2.2 * 256 - 1).astype(np.uint8)
    return write_slide(tmp_path_factory.mktemp("folded") / "folded.tif", rgb, mpp=MPP)


def test_a_fold_is_no_tissue_holds_no_gland_and_is_said_in_every_file(folded, tmp_path):
    result = segment_files([folded], purple_model(), model_name="m", out=tmp_path)
    assert result.done == ["folded"]
    left, top, right, bottom = FOLD
    fold_um2 = (right - left) * (bottom - top) * MPP**2
    image = read_results(tmp_path).images[0]
    assert list(image.record.artefacts) == ["fold"]
    area_um2 = image.record.artefacts["fold"]
    assert fold_um2 < area_um2 < 2.2 * fold_um2  # its faint rim goes with it
    assert image.record.tissue_area_um2 == pytest.approx(1300 * 1000 * MPP**2 - area_um2, rel=0.05)
    [drawn] = image.artefacts
    assert drawn.kind == "fold"
    assert drawn.outline.area * MPP**2 == pytest.approx(area_um2, rel=0.05)
    features = json.loads((image.folder / ARTEFACTS).read_text())["features"]
    assert features[0]["properties"]["classification"]["name"] == "Fold*"
    with (tmp_path / "summary.csv").open(encoding="utf-8", newline="") as file:
        [row] = csv.DictReader(file)
    assert float(row["artefact_area_um2"]) == pytest.approx(area_um2, rel=1e-5)
    page = write_report(tmp_path).read_text(encoding="utf-8")
    assert "<title>Fold, left out</title>" in page
    assert f"fold {area_um2 / 1e6:.3g} mm²" in page


def test_kept_artefacts_are_tissue_and_make_another_result(folded, tmp_path):
    def run(*, artefacts: bool) -> list[str]:
        return segment_files([folded], purple_model(), model_name="m", out=tmp_path, artefacts=artefacts).done

    assert run(artefacts=True) == ["folded"]
    assert run(artefacts=False) == ["folded"]
    image = read_results(tmp_path).images[0]
    assert image.record.artefacts is None
    assert image.artefacts == []
    assert not (image.folder / ARTEFACTS).exists()
    assert image.record.tissue_area_um2 == pytest.approx(1300 * 1000 * MPP**2, rel=0.05)
    assert run(artefacts=False) == []
    page = write_report(tmp_path).read_text(encoding="utf-8")
    assert 'class="artefact"' not in page
    assert "Artefacts left out" not in page


def test_a_slide_without_artefacts_has_no_file_of_them_and_loses_no_gland(disc_slide, tmp_path):
    record = segment_slide(disc_slide, purple_model(), out=tmp_path)
    assert record.artefacts == {}
    assert record.gland_count == len(DISCS)
    assert not (tmp_path / "discs" / ARTEFACTS).exists()
    assert read_json(tmp_path / "discs" / "image.json")["artefacts"] == {}


def test_a_slide_is_looked_at_from_afar_once(folded, tmp_path, monkeypatch):
    coarse = []
    with open_slide(folded) as slide:
        kind = type(slide)
    reads = kind.read_working

    def counted(reader, box, *, mpp):
        if mpp >= 8.0:
            coarse.append(box)
        return reads(reader, box, mpp=mpp)

    monkeypatch.setattr(kind, "read_working", counted)
    segment_slide(folded, purple_model(), out=tmp_path)
    assert len(coarse) == 1
