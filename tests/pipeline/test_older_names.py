"""Settings files and models that know a setting by the name it had before are read as ever."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from acinus.core.settings import settings_to_plain
from acinus.grouping.settings import GroupingSettings, UNetSpec
from acinus.inference.instances import InstanceSettings
from acinus.pipeline.estimator import GlandSegmenter
from acinus.pipeline.model import save_model
from acinus.pipeline.settings import Settings, load_settings


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
        grouping=GroupingSettings(network=network), instances=InstanceSettings(neck_depth_um=7.5)
    )
    save_model(tmp_path / "model", network.build(), settings, stain={})
    path = tmp_path / "model" / "model.json"
    description = json.loads(path.read_text())
    instances = description["settings"]["instances"]
    instances["parting_um"] = instances.pop("neck_depth_um")
    path.write_text(json.dumps(description))
    assert GlandSegmenter.load(tmp_path / "model", device="cpu").settings == settings
