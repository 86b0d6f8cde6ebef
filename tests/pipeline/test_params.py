"""The estimator's parameters, as who knows scikit-learn expects them."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest

from acinus import GlandSegmenter, GroupingSettings, InstanceSettings, MiningSettings, RefinementSettings
from acinus.core.errors import UsageError
from acinus.mining.cue import DarkestCluster
from acinus.networks.pspnet import PSPNetSpec


def clone(model: GlandSegmenter) -> GlandSegmenter:
    """What `sklearn.base.clone` does, its check included."""
    params = {name: copy.deepcopy(value) for name, value in model.get_params(deep=False).items()}
    made = type(model)(**params)
    found = made.get_params(deep=False)
    assert all(found[name] is value for name, value in params.items())
    return made


def test_parameters_come_back_as_they_were_given():
    grouping = GroupingSettings(steps=3)
    model = GlandSegmenter(grouping=grouping, seed=4, device="cpu")
    assert model.get_params(deep=False) == {
        "mining": MiningSettings(),
        "grouping": grouping,
        "refinement": RefinementSettings(),
        "instances": InstanceSettings(),
        "gland_size_um": None,
        "from_model": None,
        "seed": 4,
        "device": "cpu",
        "weights": None,
    }
    assert clone(model).get_params() == model.get_params()


def test_deep_parameters_reach_into_the_settings():
    params = GlandSegmenter().get_params()
    assert params["refinement__gland_above"] == 0.75
    assert params["mining__cue__doubter__closing_um"] == 6.0
    assert params["grouping__network__widths"] == (16, 32, 64, 128)


def test_set_params_changes_what_it_names_and_nothing_else():
    model = GlandSegmenter(seed=1)
    same = model.set_params(instances__threshold=0.4, mining__cue__doubter__closing_um=5, seed=2)
    assert same is model
    expected = GlandSegmenter(seed=2).get_params()
    changed = {name for name, value in model.get_params().items() if value != expected[name]}
    assert changed == {
        "instances",
        "instances__threshold",
        "mining",
        "mining__cue",
        "mining__cue__doubter",
        "mining__cue__doubter__closing_um",
    }
    assert model.settings.instances == InstanceSettings(threshold=0.4)


def test_all_deep_parameters_can_be_set_again():
    model = GlandSegmenter(seed=3, refinement=RefinementSettings(gland_above=0.8))
    scalars = {
        name: value
        for name, value in model.get_params().items()
        if "__" in name and isinstance(value, int | float | bool)
    }
    assert len(scalars) > 40
    assert GlandSegmenter(seed=3).set_params(**scalars).get_params() == model.get_params()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"threshold": 0.4}, "threshold is not a parameter; there are device, from_model, gland_size_um"),
        ({"seed__x": 1}, "seed__x is not a parameter; seed has no fields"),
        ({"instances__thresh": 1}, "instances: thresh is not a setting; there are least_dip, max_hole_um2"),
        ({"instances__threshold": 7}, "instances: threshold is 7; expected a number from 0 to 1"),
        ({"grouping__crop_px": 100}, "grouping: crop_px is 100; expected a multiple of the network's stride"),
        ({"seed": -1}, "the seed is -1"),
        ({"grouping": 3}, "Settings.grouping is 3; expected a table of settings"),
    ],
)
def test_a_wrong_parameter_is_named_and_changes_nothing(params: dict[str, object], message: str):
    model = GlandSegmenter(seed=1)
    before = model.get_params()
    with pytest.raises(UsageError) as caught:
        model.set_params(**params)
    assert str(caught.value).startswith(message)
    assert model.get_params() == before


def test_the_representation_shows_what_is_not_default():
    assert repr(GlandSegmenter()) == "GlandSegmenter()"
    model = GlandSegmenter(grouping=GroupingSettings(steps=3), seed=2)
    assert repr(model) == "GlandSegmenter(grouping=GroupingSettings(steps=3), seed=2)"
    darkest = replace(MiningSettings(), cue=DarkestCluster(closing_um=5.0))
    assert repr(GlandSegmenter(mining=darkest)) == (
        "GlandSegmenter(mining=MiningSettings(cue=DarkestCluster(closing_um=5.0)))"
    )


def test_the_network_that_weights_choose_is_shown():
    model = GlandSegmenter(weights="imagenet")
    assert model.settings.grouping.network == PSPNetSpec()
    assert model.get_params(deep=False)["grouping"].network == PSPNetSpec()
    assert "weights='imagenet'" in repr(model)
