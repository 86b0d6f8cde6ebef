"""A model that knows glands of two sizes reads each image and slide as the size that suits it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torch import nn

from acinus.core.files import read_json
from acinus.core.image import RgbImage
from acinus.core.segmenter import ProbabilityMap
from acinus.data.synthetic import synthetic_tile
from acinus.grouping.settings import GroupingSettings
from acinus.networks.unet import UNetSpec
from acinus.pipeline.estimator import GlandSegmenter
from acinus.pipeline.segment import segment_files

from .drawn import GLAND, TISSUE

TILE = synthetic_tile(seed=0, height_px=384, width_px=384)


@dataclass
class SureAt:
    """A `Segmenter` that knows what is dark at one resolution, and nothing at others."""

    mpp: float
    sure_at: float
    network: nn.Module

    def probability(self, image: RgbImage) -> ProbabilityMap:
        if not np.isclose(image.mpp, self.sure_at, rtol=0.05):
            return np.full(image.shape, 0.5, np.float32)
        green = image.rgb[..., 1].astype(np.float32)
        return np.clip((TISSUE[1] - green) / (TISSUE[1] - GLAND[1]), 0.0, 1.0)


def model(*, sure_at: float, size_um: tuple[float, float] = (36.0, 276.0)) -> GlandSegmenter:
    grouping = GroupingSettings(network=UNetSpec())  # which tells no depth
    made = GlandSegmenter(grouping=grouping, device="cpu")
    made._gland_size_um = size_um
    segmenter = SureAt(made.fitted_settings.grouping.mpp, sure_at, nn.Identity())
    made._segmenter = segmenter  # type: ignore[assignment]
    made.stain = {"size_factors": [0.5, 1.0, 2.0]}
    return made


@pytest.mark.parametrize("larger_by", [0.5, 1.0, 2.0])
def test_an_image_is_read_as_the_size_at_which_the_network_is_sure(larger_by):
    image = RgbImage(TILE.image.rgb, TILE.image.mpp * larger_by)
    result = model(sure_at=1.25 * larger_by).segment(image)
    settings = result.made_by["settings"]
    assert tuple(settings["gland_size_um"]) == (36.0 * larger_by, 276.0 * larger_by)
    assert settings["grouping"]["mpp"] == 1.25 * larger_by
    assert result.image.mpp == image.mpp  # so everything is measured in its own µm


def test_the_result_of_an_image_tells_the_size_that_it_was_read_as(tmp_path: Path):
    path = tmp_path / "tile.png"
    Image.fromarray(TILE.image.rgb).save(path)
    out = tmp_path / "out"
    segment_files([path], model(sure_at=2.5), model_name="m", out=out, mpp=2 * TILE.image.mpp)
    assert read_json(out / "tile" / "run.json")["settings"]["gland_size_um"] == [72.0, 552.0]


def test_images_of_one_folder_are_read_as_the_size_that_suits_most_of_them(tmp_path: Path):
    folder = tmp_path / "images"
    folder.mkdir()
    blank = np.full_like(TILE.image.rgb, 243)
    for name, rgb in (("a", TILE.image.rgb), ("b", blank), ("c", TILE.image.rgb)):
        Image.fromarray(rgb).save(folder / f"{name}.png")
    (folder / "broken.png").write_bytes(b"no image")
    out = tmp_path / "out"
    segment_files([folder], model(sure_at=2.5), model_name="m", out=out, mpp=2 * TILE.image.mpp)
    sizes = [read_json(out / name / "run.json")["settings"]["gland_size_um"] for name in "abc"]
    assert sizes == [[72.0, 552.0]] * 3


def test_where_no_size_suits_better_the_usual_one_is_taken():
    nothing = RgbImage(np.full((64, 64, 3), 243, np.uint8), 1.0)
    assert model(sure_at=9.0).suited_to([nothing]).fitted_settings.gland_size_um == (36.0, 276.0)


def test_a_slide_is_read_as_the_size_that_suits_its_fields_and_only_once(tissue_slide, tmp_path: Path):
    knows = model(sure_at=2.5)
    out = tmp_path / "out"
    # At twice its true µm/px its glands are twice as large.
    first = segment_files([tissue_slide], knows, model_name="m", out=out, mpp=1.24)
    assert first.done == ["tissue"]
    settings = read_json(out / "tissue" / "run.json")["settings"]
    assert (settings["gland_size_um"], settings["grouping"]["mpp"]) == ([72.0, 552.0], 2.5)
    assert read_json(out / "tissue" / "image.json")["working_mpp"] == pytest.approx(2.5, rel=0.05)
    again = segment_files([tissue_slide], knows, model_name="m", out=out, mpp=1.24)
    assert (again.done, again.skipped) == ([], ["tissue"])
