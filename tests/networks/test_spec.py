"""A new network is one file: this one adds one, fits it, and finds it again in the model folder."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from acinus import GlandSegmenter
from acinus.core.errors import UsageError
from acinus.core.limits import Count
from acinus.core.settings import settings_class
from acinus.grouping.rounds import build_network
from acinus.grouping.settings import GroupingSettings
from acinus.mining.settings import MiningSettings
from acinus.mining.train import ShallowSettings
from acinus.networks.prediction import Prediction
from acinus.networks.pretrained import PretrainedSpec
from acinus.networks.pspnet import PSPNetSpec
from acinus.networks.spec import NetworkSpec
from acinus.networks.unet import UNetSpec
from acinus.pipeline.settings import settings_from_plain


class Toy(nn.Module):
    """Two convolutions."""

    def __init__(self, *, channels: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU()
        )
        self.classifier = nn.Conv2d(channels, 1, 1)
        self.stride = 1

    def forward(self, images: torch.Tensor) -> Prediction:
        features = self.features(images)
        return Prediction(logits=self.classifier(features), features=features)


@settings_class
class ToySpec(NetworkSpec):
    """A toy.

    Attributes
    ----------
    channels : int
        Of its only layer.
    """

    channels: Count = 4

    @property
    def stride(self) -> int:
        return 1

    @property
    def reach_px(self) -> int:
        return 1

    def build(self) -> Toy:
        return Toy(channels=self.channels)


def test_a_new_network_is_chosen_fitted_saved_and_loaded_and_nothing_else_changes(
    tmp_path: Path, tiles: Path
):
    changes = {"network": {"kind": "ToySpec", "channels": 3}, "steps": 2, "rounds": 2, "crop_px": 31}
    settings = settings_from_plain({"grouping": changes | {"batch_crops": 2}})
    assert settings.grouping.network == ToySpec(channels=3)
    mining = MiningSettings(shallow=ShallowSettings(steps=2, batch_crops=2, crop_px=32))
    model = GlandSegmenter(mining=mining, grouping=settings.grouping)
    image = sorted(tiles.glob("tile_00?.png"))[0]
    model.fit([image], processes=1).save(tmp_path / "model")
    loaded = GlandSegmenter.load(tmp_path / "model")
    assert loaded.settings.grouping.network == ToySpec(channels=3)
    assert np.array_equal(loaded.segment(image).probability, model.segment(image).probability)


def test_a_spec_that_does_not_say_all_cannot_be_made():
    class Unfinished(NetworkSpec):
        pass

    with pytest.raises(TypeError, match="abstract"):
        Unfinished()  # type: ignore[abstract]


def test_a_network_without_initial_weights_says_so():
    assert not ToySpec().takes_weights
    assert ToySpec().own_weights is None
    with pytest.raises(UsageError, match="UNetSpec takes no initial weights, got imagenet"):
        build_network(GroupingSettings(network=UNetSpec(widths=(4, 8))), seed=0, weights="imagenet")


@pytest.mark.parametrize(
    ("spec", "stride", "reach_px"),
    [
        (UNetSpec(), 8, 106),
        (UNetSpec(widths=(4, 8), context_cells=3), 2, 12),  # 2 + 1 + 2 · (1 + 2) + 1 + 2
        (PSPNetSpec(), 8, None),
    ],
)
def test_a_spec_says_stride_and_reach_of_the_network_it_builds(
    spec: NetworkSpec, stride: int, reach_px: int | None
):
    assert (spec.stride, spec.reach_px) == (stride, reach_px)
    assert spec.build().stride == stride
    assert not spec.tells_depth


def test_who_takes_weights_and_who_has_its_own():
    assert PSPNetSpec().takes_weights
    assert PSPNetSpec().own_weights is None
    from acinus.networks.backbone import BackboneDescription

    described = BackboneDescription("{}", widths=(8,), strides=(4,))
    mine = PretrainedSpec("timm", "somewhere", backbone=described)
    assert (mine.takes_weights, mine.own_weights, mine.reach_px) == (False, "somewhere", None)


def test_no_other_room_asks_which_network_it_has():
    source = Path(__file__).parents[2] / "src" / "acinus"
    asking = re.compile(r"isinstance\([^)]*Spec\b")
    rooms = [path for path in source.rglob("*.py") if path.parent.name != "networks"]
    assert len(rooms) > 100
    assert not [path for path in rooms if asking.search(path.read_text())]
