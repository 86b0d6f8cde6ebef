"""Settings files and models that know a setting by the name it had before are read as ever."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from acinus.core.image import RgbImage
from acinus.core.settings import settings_to_plain
from acinus.grouping.settings import GroupingSettings
from acinus.inference.instances import InstanceSettings, label_glands
from acinus.inference.refinement import RefinementSettings, refined
from acinus.networks.unet import UNetSpec
from acinus.pipeline.estimator import GlandSegmenter
from acinus.pipeline.model import save_model
from acinus.pipeline.settings import Settings, described_settings, load_settings


def test_a_settings_file_may_call_the_neck_depth_parting(tmp_path: Path):
    path = tmp_path / "old.json"
    path.write_text(json.dumps({"instances": {"parting_um": 14.0, "threshold": 0.4}}))
    found = load_settings(path).instances
    assert found == InstanceSettings(neck_depth_um=14.0, threshold=0.4)
    assert settings_to_plain(found)["neck_depth_um"] == 14.0
    assert "parting_um" not in settings_to_plain(found)


def test_a_model_of_an_older_version_splits_glands_as_it_did(tmp_path: Path):
    torch.manual_seed(0)
    network = UNetSpec(widths=(4, 8), context_cells=3)
    settings = Settings(
        grouping=GroupingSettings(network=network, mpp=2.5), instances=InstanceSettings(neck_depth_um=7.5)
    )
    save_model(tmp_path / "model", network.build(), settings, stain={})
    path = tmp_path / "model" / "model.json"
    description = json.loads(path.read_text())
    instances = description["settings"]["instances"]
    instances["parting_um"] = instances.pop("neck_depth_um")
    path.write_text(json.dumps(description))
    assert GlandSegmenter.load(tmp_path / "model", device="cpu").settings == settings


NEW = {
    "grouping": ("borders", "depth_weight", "warm_start"),
    "refinement": ("sure_share", "gland_least", "background_most"),
    "instances": ("least_dip",),
}
"""Settings that the descriptions of models did not have when a U-Net that tells no depth was the default."""


@pytest.fixture
def model_of_then(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    spec = UNetSpec(widths=(4, 8), context_cells=3)
    network = spec.build()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None  # statistics of the next batch, or all pixels get the same answer
    network(torch.randn(4, 3, 64, 64))
    torch.nn.init.normal_(network.classifier.weight, std=4.0)
    torch.nn.init.constant_(network.classifier.bias, 1.5)
    settings = Settings(grouping=GroupingSettings(network=spec, mpp=2.5, crop_px=112))
    save_model(tmp_path / "then", network, settings, stain={})
    path = tmp_path / "then" / "model.json"
    description = json.loads(path.read_text())
    for section, names in NEW.items():
        for name in names:
            del description["settings"][section][name]
    path.write_text(json.dumps(description))
    return path.parent


def test_a_model_that_tells_no_depth_segments_as_it_did(model_of_then: Path):
    model = GlandSegmenter.load(model_of_then, device="cpu")
    assert model.settings.grouping.mpp == 2.5
    assert isinstance(model.settings.grouping.network, UNetSpec)
    blots = cv2.GaussianBlur(np.random.default_rng(0).random((120, 150)), (0, 0), 4)[..., None]
    purple = np.clip((blots - 0.5) * 12 + 0.5, 0, 1)
    rgb = np.rint(purple * (110, 60, 140) + (1 - purple) * (225, 150, 190))
    image = RgbImage(rgb.astype(np.uint8), mpp=2.5)
    result = model.segment(image)
    network = model.fitted.probability(image)
    fixed = RefinementSettings(sure_share=0.0)
    expected = refined(network, image.rgb, fixed, mpp=2.5).probability
    assert np.array_equal(result.probability, expected)
    assert np.array_equal(result.labels, label_glands(expected, model.settings.instances, mpp=2.5))
    adapting = refined(network, image.rgb, RefinementSettings(), mpp=2.5).probability
    assert not np.array_equal(result.probability, adapting)


def test_what_is_told_of_an_older_model_is_what_it_does(model_of_then: Path):
    assert "sure_share = 0.0" in described_settings(model_of_then / "model.json")
    assert "sure_share = 0.0" not in described_settings(None)


def test_an_older_model_saved_again_stays_what_it_was(model_of_then: Path, tmp_path: Path):
    model = GlandSegmenter.load(model_of_then, device="cpu")
    model.save(tmp_path / "again")
    assert GlandSegmenter.load(tmp_path / "again", device="cpu").settings == model.settings
