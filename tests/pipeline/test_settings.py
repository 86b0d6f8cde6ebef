"""Every setting of a fit declares its limits: what lies outside is refused, wherever it stands."""

from __future__ import annotations

import importlib
import json
import math
import pkgutil
import tomllib
import typing
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

import acinus
from acinus.benchmark.settings import BenchmarkSettings
from acinus.core.errors import UsageError
from acinus.core.limits import Limits, Switch
from acinus.core.settings import OneOf, settings_class, settings_to_plain
from acinus.core.settings_file import commented_toml
from acinus.grouping.settings import GroupingSettings
from acinus.mining.closed_shapes import ClosedShapes
from acinus.mining.cue import DarkestCluster
from acinus.mining.settings import MiningSettings
from acinus.mining.train import ShallowSettings
from acinus.networks.backbone import BackboneDescription
from acinus.networks.pspnet import PSPNetSpec
from acinus.pipeline.settings import (
    Settings,
    described_settings,
    load_settings,
    segment_settings,
    settings_from_plain,
    settings_schema,
    with_weights,
)


def refusal(plain: Any) -> str:
    with pytest.raises(UsageError) as caught:
        settings_from_plain(plain, where="settings.json")
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("refinement.gland_above", 5, "a number from 0 to 1"),
        ("refinement.lumen_above", 9, "a number from 0 to 1"),
        ("refinement.least_um2", -1, "a number of at least 0"),
        ("grouping.self_training.gland_kept_above", 5, "a number from 0 to 1"),
        ("grouping.omission.margin", 3, "a number from -2 to 2"),
        ("grouping.learning_rate", 0, "a number above 0"),
        ("grouping.averaging", 1, "a number of at least 0 and below 1"),
        ("grouping.network.context_cells", 12, "an odd whole number of at least 1"),
        ("grouping.network.widths", [1] * 9, "a list of 1 to 8 whole numbers of at least 1"),
        ("mining.cue.trusted.min_solidity", 2, "a number from 0 to 1"),
        ("mining.cue.trusted.max_overlap", 7, "a number from 0 to 1"),
        ("mining.cue.trusted.min_area_um2", 0, "a number above 0"),
        ("mining.clusters", 257, "a whole number from 1 to 256"),
        ("mining.mpp", 0.05, "a number from 0.1 to 4"),
        ("mining.shallow.momentum", 1.0, "a number of at least 0 and below 1"),
        ("mining.shallow.crop_px", 15, "a whole number of at least 16"),
        ("instances.threshold", 1.01, "a number from 0 to 1"),
        ("instances.max_hole_um2", -0.5, "a number of at least 0"),
    ],
)
def test_a_value_outside_its_limits_is_refused_with_path_limit_and_value(
    path: str, value: object, expected: str
):
    plain: Any = value
    for name in reversed(path.split(".")):
        plain = {name: plain}
    shown = json.dumps(value)
    assert refusal(plain) == f"settings.json: {path} is {shown}; expected {expected}"


@pytest.mark.parametrize(
    ("plain", "message"),
    [
        (
            {"refinement": {"gland_above": 0.3, "background_below": 0.4}},
            "refinement.gland_above is 0.3; expected at least background_below, 0.4",
        ),
        (
            {"grouping": {"self_training": {"gland_kept_above": 0.7}}},
            "grouping.self_training.gland_kept_above is 0.7; expected at most gland_above, 0.6",
        ),
        (
            {"grouping": {"self_training": {"background_below": 0.4}}},
            "grouping.self_training.background_below is 0.4; expected at most background_kept_below, 0.3",
        ),
        (
            {"grouping": {"self_training": {"background_below": 0.7, "background_kept_below": 0.8}}},
            "grouping.self_training.background_below is 0.7; expected at most gland_above, 0.6",
        ),
        (
            {"grouping": {"crop_px": 100, "network": {"kind": "UNetSpec"}}},
            "grouping.crop_px is 100; expected a multiple of the network's stride, 8",
        ),
        (
            {"grouping": {"crop_px": 112, "network": {"kind": "UNetSpec", "widths": [4] * 6}}},
            "grouping.crop_px is 112; expected a multiple of the network's stride, 32",
        ),
        (
            {"mining": {"cue": {"trusted": {"min_area_um2": 70_000}}}},
            "mining.cue.trusted.min_area_um2 is 70000.0; expected at most max_area_um2, 60000",
        ),
        (
            {"mining": {"cue": {"kind": "ClosedShapes", "background_score": 0.5}}},
            "mining.cue.background_score is 0.5; expected at most gland_score, 0.03",
        ),
        (
            {"mining": {"cue": {"doubter": {"max_interior_um2": 10}}}},
            "mining.cue.doubter.min_interior_um2 is 50.0; expected at most max_interior_um2, 10",
        ),
    ],
)
def test_values_that_do_not_fit_each_other_are_refused(plain: Any, message: str):
    assert refusal(plain) == f"settings.json: {message}"


def test_equal_bounds_are_no_empty_range():
    ClosedShapes(min_area_um2=500.0, max_area_um2=500.0, gland_score=0.1, background_score=0.1)
    DarkestCluster(min_interior_um2=50.0, max_interior_um2=50.0)
    settings_from_plain({"refinement": {"gland_above": 0.5, "background_below": 0.5}})


def settings_classes() -> list[type]:
    """All settings classes of the package but the benchmark's, whose changes to others those check."""
    found = set()
    for module in pkgutil.walk_packages(acinus.__path__, "acinus."):
        if module.name.endswith("__main__"):
            continue
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, type) and "_own_names" in vars(value):
                found.add(value)
    found.discard(BenchmarkSettings)
    return sorted(found, key=lambda cls: cls.__name__)


def limits_of(hint: Any) -> Limits | None:
    marks = getattr(hint, "__metadata__", ())
    return next((mark for mark in marks if isinstance(mark, Limits)), None)


def declares_what_it_takes(hint: Any) -> bool:
    """A limit, one of several classes, or a settings class, which has limits of its own."""
    marks = getattr(hint, "__metadata__", ())
    if Switch in marks:
        return all(part is type(None) or declares_what_it_takes(part) for part in hint.__origin__.__args__)
    return (
        "_own_names" in vars(hint)
        if isinstance(hint, type)
        else any(isinstance(mark, Limits | OneOf) for mark in marks)
    )


def test_every_field_of_every_settings_class_declares_its_limits_and_says_what_it_is():
    classes = settings_classes()
    assert len(classes) >= 25
    for cls in classes:
        assert cls.__doc__
        hints = typing.get_type_hints(cls, include_extras=True)
        for field in fields(cls):  # type: ignore[arg-type]
            assert declares_what_it_takes(hints[field.name]), f"{cls.__name__}.{field.name}"
            assert field.name in cls.__doc__, f"{cls.__name__}.{field.name} has no comment"


def wrong_values(hint: Any) -> Iterator[object]:
    """Yield values just outside of what a field takes, and of other types."""
    limits, base = limits_of(hint), typing.get_origin(hint) and hint.__origin__
    if limits is None:
        return
    yield {"a": 1}
    if base in (int, float):
        yield from ("1", True, math.nan)
        yield from (limits.ge - 1,) if limits.ge is not None else ()
        yield from (limits.le + 1,) if limits.le is not None else ()
        yield from (bound for bound in (limits.gt, limits.lt) if bound is not None)
    elif base in (bool, str):
        yield 3
    else:
        yield "text"


BACKBONE = {"configuration": "{}", "widths": (8,), "strides": (4,)}
NEEDED: dict[str, dict[str, Any]] = {
    "BackboneDescription": BACKBONE,
    "PretrainedSpec": {"library": "timm", "model": "m", "backbone": BackboneDescription(**BACKBONE)},
}


@pytest.mark.parametrize("cls", settings_classes(), ids=lambda cls: cls.__name__)
def test_no_field_of_a_settings_class_takes_what_lies_outside_its_limits(cls: Any):
    hints = typing.get_type_hints(cls, include_extras=True)
    for field in fields(cls):
        for value in wrong_values(hints[field.name]):
            with pytest.raises(UsageError, match=rf"{field.name} is .*; expected"):
                cls(**NEEDED.get(cls.__name__, {}) | {field.name: value})


def test_the_defaults_lie_within_the_limits_and_come_back_from_json():
    plain = json.loads(json.dumps(settings_to_plain(Settings())))
    assert settings_from_plain(plain) == Settings()


def test_a_settings_file_of_an_earlier_version_is_still_read():
    earlier = {
        "kind": "Settings",
        "mining": {
            "kind": "MiningSettings",
            "shallow": {"kind": "ShallowSettings", "loss": {"kind": "IICLoss", "window_px": 2}, "steps": 0},
            "cue": {"kind": "DarkestCluster", "closing_um": 5},
        },
        "grouping": {"omission": None, "network": {"kind": "PSPNetSpec", "depth": 34}},
    }
    settings = settings_from_plain(earlier)
    assert settings.mining.cue == DarkestCluster(closing_um=5.0)
    assert settings.mining.shallow.steps == 0
    assert settings.grouping.omission is None
    assert settings.grouping.network == PSPNetSpec(depth=34)


@pytest.mark.parametrize(
    "settings",
    [
        Settings(),
        Settings(grouping=GroupingSettings(omission=None, network=PSPNetSpec(bins=(1, 2)))),
        Settings(mining=MiningSettings(cue=DarkestCluster(), shallow=ShallowSettings(learning_rate=2e-5))),
    ],
    ids=["defaults", "without-omission", "darkest-cluster"],
)
def test_commented_settings_are_read_back_as_they_were(tmp_path: Path, settings: Settings):
    (tmp_path / "mine.toml").write_text(commented_toml(settings), encoding="utf-8")
    assert load_settings(tmp_path / "mine.toml") == settings


def test_commented_defaults_say_what_each_setting_is_and_what_it_takes():
    lines = described_settings(None).splitlines()
    at = lines.index("threshold = 0.5")
    assert lines[at - 1] == "# Probability from which a pixel is gland. Takes a number from 0 to 1."
    assert "[mining.cue.trusted]" in lines
    assert 'kind = "BorderUNetSpec"' in lines
    assert "# In place of this table, self_training = false leaves it out." in lines
    assert max(map(len, lines)) <= 110
    values = [line for line in lines if " = " in line and not line.startswith("#")]
    commented = [
        line for line, before in zip(lines[1:], lines, strict=False) if line in values and before[:1] == "#"
    ]
    assert len(commented) == len(values)


def test_the_settings_of_a_file_and_of_a_model_are_shown_whole(tmp_path: Path):
    mine = tmp_path / "mine.json"
    mine.write_text('{"instances": {"threshold": 0.4}}')
    assert tomllib.loads(described_settings(mine))["instances"]["threshold"] == 0.4
    model = tmp_path / "model.json"
    model.write_text(json.dumps({"settings": {"instances": {"threshold": 0.3}}, "weights_sha256": "0"}))
    assert tomllib.loads(described_settings(model))["instances"]["threshold"] == 0.3


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("mine.toml", "steps: 3", "is not TOML"),
        ("mine.json", "steps = 3", "is not JSON"),
        (
            "mine.TOML",
            "[grouping]\nstepz = 3",
            "mine.TOML: grouping.stepz is not a setting; grouping has",
        ),
        ("mine.toml", "[grouping]\nrounds = 0", "mine.toml: grouping.rounds is 0; expected a whole number"),
        (
            "mine.toml",
            "[grouping.omission]\nmargin = 1979-05-27",
            "grouping.omission.margin is datetime.date",
        ),
    ],
)
def test_a_file_that_is_wrong_is_refused(tmp_path: Path, name: str, text: str, message: str):
    (tmp_path / name).write_text(text)
    with pytest.raises(UsageError) as caught:
        load_settings(tmp_path / name)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path):
    (tmp_path / "mine.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="is not TOML"):
        load_settings(tmp_path / "mine.toml")


def test_the_schema_describes_every_table_by_its_kind():
    schema = json.loads(settings_schema())
    definitions = schema["$defs"]
    assert set(definitions) >= {"MiningSettings", "ClosedShapes", "IICLoss", "PretrainedSpec", "SelfTraining"}
    cue = definitions["MiningSettings"]["properties"]["cue"]
    assert {"$ref": "#/$defs/DarkestCluster"} in cue["anyOf"]
    threshold = definitions["InstanceSettings"]["properties"]["threshold"]
    assert (threshold["minimum"], threshold["maximum"], threshold["default"]) == (0.0, 1.0, 0.5)
    assert threshold["description"] == "Probability from which a pixel is gland."
    assert definitions["UNetSpec"]["properties"]["context_cells"]["not"] == {"multipleOf": 2}
    assert definitions["UNetSpec"]["properties"]["kind"] == {"const": "UNetSpec"}
    assert all(definition["additionalProperties"] is False for definition in definitions.values())


def test_every_reference_of_the_schema_leads_somewhere():
    schema = json.loads(settings_schema())
    text = json.dumps(schema)
    referred = {part.split('"')[0] for part in text.split("#/$defs/")[1:]}
    assert referred <= set(schema["$defs"])
    assert "x-one-of" not in text


def test_weights_of_a_resnet_choose_a_pspnet():
    assert with_weights(Settings(), None) == Settings()
    assert with_weights(Settings(), "imagenet").grouping.network == PSPNetSpec()
    mine = Settings(grouping=GroupingSettings(network=PSPNetSpec(depth=50)))
    assert with_weights(mine, "imagenet") == mine


def test_weights_need_crops_that_fit_a_pspnet():
    from acinus.networks.unet import UNetSpec

    settings = Settings(grouping=GroupingSettings(network=UNetSpec(widths=(4, 8)), crop_px=34))
    with pytest.raises(UsageError, match="crop_px is 34; expected a multiple of the network's stride, 8"):
        with_weights(settings, "imagenet")


def test_a_settings_class_without_a_comment_still_prints():
    @settings_class
    class Bare:
        pass

    assert commented_toml(Bare()) == ""


def test_segmenting_takes_what_concerns_it_and_leaves_the_fit_alone(tmp_path: Path):
    fitted = settings_from_plain({"grouping": {"steps": 7}, "instances": {"threshold": 0.4}})
    file = tmp_path / "mine.toml"
    file.write_text("[grouping]\nsteps = 7\n[instances]\nthreshold = 0.7\n")
    changed = segment_settings(fitted, file)
    assert (changed.instances.threshold, changed.grouping, changed.refinement) == (
        0.7,
        fitted.grouping,
        fitted.refinement,
    )
    assert segment_settings(fitted, None) == fitted
    file.write_text("[grouping]\nsteps = 8\n")
    with pytest.raises(UsageError, match=r"mine\.toml changes grouping, which the model was fitted with"):
        segment_settings(fitted, file)
