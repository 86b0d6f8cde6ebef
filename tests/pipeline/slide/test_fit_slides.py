"""Fits on slides, mixed with images: what is learnt from, what is left out, what is shown of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from acinus.core.errors import InputError, UsageError
from acinus.core.image import RgbImage
from acinus.mining.regions.describe import Description, describe_region
from acinus.pipeline.fit_files import fit_files
from acinus.results.batch import BatchResult

SIDE_UM = 150.0


@pytest.fixture
def settings(tmp_path: Path, tiny_settings: Path) -> Path:
    """Settings of a tiny fit on small regions."""
    plain = json.loads(tiny_settings.read_text())
    plain["mining"]["regions"] = {"side_mm": SIDE_UM / 1000}
    path = tmp_path / "tiny_regions.json"
    path.write_text(json.dumps(plain))
    return path


def fitted(inputs: list[Path], out: Path, settings: Path, **more: Any) -> BatchResult:
    return fit_files(inputs, out=out, settings_path=settings, processes=1, **{"regions": 6, **more})


def learnt(model: Path) -> list[str]:
    return sorted(
        path.name.removesuffix(".regions.png") for path in (model / "proposals").glob("*.regions.png")
    )


def squares(path: Path) -> list[tuple[float, float, float, float]]:
    features = json.loads(path.read_text())["features"]
    corners = [np.array(feature["geometry"]["coordinates"][0]) for feature in features]
    return [(*xy.min(axis=0).tolist(), *xy.max(axis=0).tolist()) for xy in corners]


def roi_file(path: Path, *boxes: tuple[int, int, int, int], name: str = "Region*") -> None:
    def feature(left: int, top: int, right: int, bottom: int) -> dict[str, Any]:
        ring = [[left, top], [right, top], [right, bottom], [left, bottom], [left, top]]
        return {
            "type": "Feature",
            "geometry": {"type": "Polygon", "coordinates": [ring]},
            "properties": {"classification": {"name": name}},
        }

    features = [feature(*box) for box in boxes]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))


def test_as_many_regions_as_asked_are_learnt_from_and_shown(tmp_path, tissue_slide, settings):
    result = fitted([tissue_slide], tmp_path / "model", settings)
    assert result.done == ["tissue"]
    names = learnt(tmp_path / "model")
    assert len(names) == 6
    assert all(name.startswith("tissue.x") for name in names)
    shown = squares(tmp_path / "model" / "regions" / "tissue.geojson")
    assert sorted(f"tissue.x{box[0]:.0f}.y{box[1]:.0f}" for box in shown) == names
    side_px = SIDE_UM / 0.62
    assert all(side_px / 4 <= box[2] - box[0] <= side_px + 8 / 0.62 for box in shown)
    with Image.open(tmp_path / "model" / "regions" / "contact_sheet.jpg") as sheet:
        assert sheet.width > 6 * 160
    [record] = json.loads((tmp_path / "model" / "run.json").read_text())["inputs"]
    assert record["name"] == "tissue"


def test_slides_and_images_are_learnt_from_together(tmp_path, tissue_slide, tiles, settings):
    result = fitted([tissue_slide, tiles], tmp_path / "model", settings, regions=2)
    assert sorted(result.done) == ["tile_000", "tile_001", "tile_002", "tissue"]
    names = learnt(tmp_path / "model")
    assert names[:3] == ["tile_000", "tile_001", "tile_002"]
    assert len(names) == 5


def test_the_same_command_resumes_and_another_number_of_regions_is_another_fit(
    tmp_path, tissue_slide, settings
):
    out = tmp_path / "model"
    fitted([tissue_slide], out, settings)
    expected = (out / "weights.safetensors").read_bytes()
    (out / "model.json").unlink()
    (out / "weights.safetensors").unlink()
    fitted([tissue_slide], out, settings)
    assert (out / "weights.safetensors").read_bytes() == expected
    with pytest.raises(UsageError, match="holds a fit of other images, settings or seed"):
        fitted([tissue_slide], out, settings, regions=5)


def test_slides_that_fail_or_are_empty_are_named_and_the_others_learnt_from(tmp_path, tissue_slide, settings):
    slides = tmp_path / "slides"
    slides.mkdir()
    shutil.copy(tissue_slide, slides / "good.tif")
    (slides / "broken.svs").write_bytes(b"II*\0" + bytes(200))
    Image.new("RGB", (600, 600), (244, 244, 244)).save(slides / "background.svs", format="TIFF")
    result = fitted([slides], tmp_path / "model", settings, mpp=0.62)
    assert result.done == ["good"]
    assert [Path(failure.name).name for failure in result.failures] == ["broken.svs"]
    assert "damaged or truncated" in result.failures[0].reason
    assert result.warnings == ["background: no region with enough tissue; nothing was learnt from it"]
    assert (tmp_path / "model" / "model.json").is_file()


def test_without_any_region_the_reason_is_told_and_nothing_is_written(tmp_path, settings):
    Image.new("RGB", (600, 600), (244, 244, 244)).save(tmp_path / "background.svs", format="TIFF")
    with pytest.raises(InputError, match="nothing to learn from: background: no region with enough tissue"):
        fitted([tmp_path / "background.svs"], tmp_path / "model", settings, mpp=0.62)
    assert not (tmp_path / "model").exists()


def test_a_second_fit_with_more_slides_reads_only_the_new_ones(tmp_path, tissue_slide, settings, monkeypatch):
    slides = tmp_path / "slides"
    slides.mkdir()
    shutil.copy(tissue_slide, slides / "first.tif")
    fitted([slides], tmp_path / "one", settings)
    shutil.copy(tissue_slide, slides / "second.tif")
    described: list[str] = []

    def noted(image: RgbImage) -> Description:
        described.append(image.name)
        return describe_region(image)

    monkeypatch.setattr("acinus.mining.regions.survey.describe_region", noted)
    # Other processes would not note it.
    monkeypatch.setattr(
        "acinus.mining.regions.parallel.in_processes", lambda work, items, **_: map(work, items)
    )
    fitted([slides], tmp_path / "two", settings)
    assert described
    assert all(name.startswith("second.") for name in described)


def test_regions_lie_where_somebody_drew_them(tmp_path, tissue_slide, settings):
    (tmp_path / "roi").mkdir()
    roi_file(tmp_path / "roi" / "tissue.geojson", (500, 75, 1174, 918))
    fitted([tissue_slide], tmp_path / "model", settings, roi=tmp_path / "roi")
    shown = squares(tmp_path / "model" / "regions" / "tissue.geojson")
    assert shown
    assert min(box[0] for box in shown) >= 500 - 13  # a pixel of the overview: 8 µm


def test_an_image_with_a_region_of_interest_is_learnt_from_there_only(tmp_path, tiles, settings):
    (tmp_path / "roi").mkdir()
    roi_file(tmp_path / "roi" / "tile_001.geojson", (0, 0, 130, 256), name="Ignore*")
    fitted([tiles], tmp_path / "model", settings, roi=tmp_path / "roi")
    names = learnt(tmp_path / "model")
    assert {"tile_000", "tile_002"} < set(names)
    assert len(names) == 3
    [box] = squares(tmp_path / "model" / "regions" / "tile_001.geojson")
    assert 117 <= box[0] <= 143  # a pixel of the overview: 8 µm
    assert box[2] <= 256


def test_a_folder_of_regions_for_other_slides_is_refused_before_anything_is_read(
    tmp_path, tissue_slide, settings
):
    (tmp_path / "roi").mkdir()
    with pytest.raises(UsageError, match=r"is named after an input, such as tissue\.geojson; check --roi"):
        fitted([tissue_slide], tmp_path / "model", settings, roi=tmp_path / "roi")
    with pytest.raises(UsageError, match="--regions is 0; choose 1 or more"):
        fitted([tissue_slide], tmp_path / "model", settings, regions=0)
    assert not (tmp_path / "model").exists()
