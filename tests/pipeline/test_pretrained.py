"""A fit with a pretrained backbone, from a user's folder to a model folder that needs it no longer."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import orjson
import pytest
import tifffile
import torch

from acinus import GlandSegmenter
from acinus.core.errors import ModelError, UsageError
from acinus.core.settings import settings_to_plain
from acinus.grouping.rounds import build_network
from acinus.grouping.settings import GroupingSettings
from acinus.inference.instances import InstanceSettings
from acinus.inference.slide.plan import plan_windows
from acinus.mining.settings import MiningSettings
from acinus.mining.train import ShallowSettings
from acinus.networks.backbone import BackboneDescription
from acinus.networks.pretrained import PretrainedSpec
from acinus.networks.pspnet import PSPNetSpec
from acinus.pipeline.settings import Settings, load_settings, settings_from_plain, with_weights
from acinus.slides.opening import open_slide

Write = Callable[..., Path]

MINING = MiningSettings(shallow=ShallowSettings(steps=2, batch_crops=2, crop_px=32))


def spec_of_stride(stride: int) -> PretrainedSpec:
    """A network whose backbone is described, so that no library is asked about it."""
    description = BackboneDescription("{}", widths=(8, 8), strides=(4, stride))
    return PretrainedSpec("transformers", "nowhere", backbone=description)


@pytest.mark.parametrize(("kind", "frozen"), [("resnet", True), ("convnext", False), ("dinov2", False)])
def test_a_fitted_model_needs_neither_the_backbone_s_folder_nor_the_hub(
    tmp_path: Path, tiles: Path, backbone_folder: Write, kind: str, frozen: bool
):
    folder = backbone_folder(kind)
    network = PretrainedSpec("transformers", str(folder), features=8, frozen=frozen)
    grouping = GroupingSettings(
        network=network, mpp=2.5, steps=4, rounds=2, batch_crops=2, crop_px=2 * network.stride
    )
    more = {"mining": MINING, "instances": InstanceSettings(threshold=0.4), "seed": 1}
    model = GlandSegmenter(grouping=grouping, **more).fit([tiles], processes=1)
    image = sorted(tiles.glob("tile_00?.png"))[0]
    expected = model.segment(image).probability
    model.save(tmp_path / "model")
    shutil.rmtree(folder)
    loaded = GlandSegmenter.load(tmp_path / "model")
    assert loaded.fitted_settings == model.fitted_settings
    names = {path.name for path in (tmp_path / "model").iterdir()}
    assert names == {"model.json", "weights.safetensors", ".acinus.json"}
    assert np.array_equal(loaded.segment(image).probability, expected)
    written = orjson.loads((tmp_path / "model" / "model.json").read_bytes())
    described = json.loads(written["settings"]["grouping"]["network"]["backbone"]["configuration"])
    assert described["model_type"] == kind


def test_a_fit_starts_from_the_folder_s_weights_in_every_round(tmp_path: Path, backbone_folder: Write):
    folder = backbone_folder("resnet")
    settings = GroupingSettings(network=PretrainedSpec("transformers", str(folder), features=8), crop_px=128)
    first, second, empty = (
        build_network(settings, seed=seed, weights=weights).backbone.state_dict()
        for seed, weights in ((0, str(folder)), (1, str(folder)), (0, None))
    )
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    assert not all(torch.equal(value, empty[name]) for name, value in first.items())


def test_a_settings_file_chooses_a_pretrained_network(tmp_path: Path, backbone_folder: Write):
    folder = backbone_folder("dinov2")
    network = {"kind": "PretrainedSpec", "library": "transformers", "model": str(folder), "features": 16}
    (tmp_path / "mine.json").write_text(json.dumps({"grouping": {"network": network}}))
    settings = load_settings(tmp_path / "mine.json")
    expected = PretrainedSpec("transformers", str(folder), features=16)
    assert settings.grouping.network == expected
    assert expected.stride == 14
    shutil.rmtree(folder)
    assert settings_from_plain(orjson.loads(orjson.dumps(settings_to_plain(settings)))) == settings


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"library": "keras"},
            'mine: grouping.network.library is "keras"; expected one of transformers, timm',
        ),
        ({"stages": [9]}, r"mine: grouping.network: stages are \[9\]; choose ascending ones from 0 to 4"),
        ({"features": 0}, "mine: grouping.network.features is 0; expected a whole number of at least 1"),
        ({"bins": []}, r"mine: grouping.network.bins is \[\]; expected a list of one or more whole"),
        ({"frozen": 1}, "mine: grouping.network.frozen is 1; expected true or false"),
        ({"depth": 18}, "mine: grouping.network.depth is not a setting; grouping.network has backbone, bins"),
        ({"model": 3}, "mine: grouping.network.model is 3; expected a text"),
        ({"backbone": "resnet"}, 'mine: grouping.network.backbone is "resnet"; expected a table'),
    ],
)
def test_a_wrong_setting_is_named_with_its_place(backbone_folder: Write, changes: dict, reason: str):
    network = {"kind": "PretrainedSpec", "library": "transformers", "model": str(backbone_folder("resnet"))}
    with pytest.raises(UsageError, match=reason):
        settings_from_plain({"grouping": {"crop_px": 128, "network": network | changes}}, where="mine")


def test_library_and_model_have_no_default():
    with pytest.raises(
        UsageError, match=r"grouping\.network has no default for library, model; give a value"
    ):
        settings_from_plain({"grouping": {"network": {"kind": "PretrainedSpec"}}})


def test_crops_are_a_multiple_of_the_backbone_s_stride():
    message = "crop_px is 112; expected a multiple of the network's stride, 32"
    with pytest.raises(UsageError, match=f"GroupingSettings.{message}"):
        GroupingSettings(network=spec_of_stride(32), crop_px=112)
    network = settings_to_plain(spec_of_stride(32))
    with pytest.raises(UsageError, match=f"mine.json: grouping.{message}"):
        settings_from_plain({"grouping": {"network": network, "crop_px": 112}}, where="mine.json")
    GlandSegmenter(grouping=GroupingSettings(network=spec_of_stride(32), crop_px=128))
    GlandSegmenter(grouping=GroupingSettings(network=spec_of_stride(28), crop_px=112))


def test_weights_of_a_resnet_do_not_replace_a_pretrained_network():
    settings = Settings(grouping=GroupingSettings(network=spec_of_stride(16)))
    with pytest.raises(UsageError, match="has those of nowhere; leave one of them out"):
        with_weights(settings, "imagenet")
    assert with_weights(settings, None) == settings
    assert with_weights(Settings(), "imagenet").grouping.network == PSPNetSpec()


def test_a_model_whose_description_is_damaged_is_told(tmp_path: Path, tiles: Path, backbone_folder: Write):
    network = PretrainedSpec("transformers", str(backbone_folder("resnet")), features=8)
    grouping = GroupingSettings(network=network, mpp=2.5, steps=1, rounds=1, batch_crops=2, crop_px=64)
    GlandSegmenter(grouping=grouping, mining=MINING).fit([tiles], processes=1).save(tmp_path)
    whole = orjson.loads((tmp_path / "model.json").read_bytes())
    described = whole["settings"]["grouping"]["network"]["backbone"]
    for changes in (
        {"configuration": "{"},
        {"configuration": "{}"},
        {"strides": []},
        {"widths": [1, 1, 1, 1]},
    ):
        whole["settings"]["grouping"]["network"]["backbone"] = described | changes
        (tmp_path / "model.json").write_bytes(orjson.dumps(whole))
        with pytest.raises(ModelError, match="is a damaged model") as caught:
            GlandSegmenter.load(tmp_path)
        assert "\n" not in str(caught.value)


def test_a_model_says_which_library_it_needs(
    tmp_path: Path, tiles: Path, backbone_folder: Write, monkeypatch
):
    network = PretrainedSpec("transformers", str(backbone_folder("resnet")), features=8)
    grouping = GroupingSettings(network=network, mpp=2.5, steps=1, rounds=1, batch_crops=2, crop_px=64)
    GlandSegmenter(grouping=grouping, mining=MINING).fit([tiles], processes=1).save(tmp_path)
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ModelError, match=r'run pip install "acinus\[transformers\]"$'):
        GlandSegmenter.load(tmp_path)


def test_windows_of_a_slide_have_a_margin_and_are_multiples_of_the_stride(tmp_path: Path):
    tifffile.imwrite(
        tmp_path / "slide.tif",
        np.full((512, 512, 3), 243, np.uint8),
        photometric="rgb",
        tile=(256, 256),
        resolution=(4000, 4000),
        resolutionunit="CENTIMETER",
    )
    with open_slide(tmp_path / "slide.tif") as reader:
        for stride, window_px, halo_px in ((16, 1024, 128), (32, 1024, 128), (28, 1036, 140)):
            network = spec_of_stride(stride)
            plan = plan_windows(reader, mpp=2.5, reach_px=network.reach_px, stride_px=network.stride)
            assert (plan.window_px, plan.halo_px, plan.stride_px) == (window_px, halo_px, stride)
