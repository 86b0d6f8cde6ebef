"""All settings of a fit in one place, and the settings file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import field, replace
from pathlib import Path
from typing import Annotated, Any

import orjson

from acinus.core.errors import UsageError
from acinus.core.limits import Limits, Positive, Switch
from acinus.core.settings import apply_settings, refuse, settings_class
from acinus.core.settings_file import commented_toml, json_schema, read_settings_file
from acinus.grouping.settings import GroupingSettings
from acinus.inference.instances import InstanceSettings
from acinus.inference.refinement import RefinementSettings
from acinus.mining.gland_size import DEFAULT_GLAND_SIZE_UM, RATIO_RANGE
from acinus.mining.settings import MiningSettings
from acinus.networks.pspnet import PSPNetSpec
from acinus.pipeline.presets import preset_changes

__all__ = [
    "Settings",
    "described_settings",
    "load_settings",
    "model_settings",
    "segment_settings",
    "settings_from_plain",
    "settings_schema",
    "with_weights",
]

GlandSize = Annotated[tuple[Positive, ...], Limits(least=2, most=2)]

_HEAD = "# For acinus fit --settings FILE.toml: keep what you change, what is left out has its default."


@settings_class
class Settings:
    """Every number of the method.

    Attributes
    ----------
    gland_size_um : (float, float) or None
        Diameters of the smallest and the largest glands, from which every length and area follows that is not
        set otherwise (the defaults are those of colon, 36 to 276 µm); none estimates it from the images.
    mining : MiningSettings
        Stage 1.
    grouping : GroupingSettings
        Stage 2.
    refinement : RefinementSettings
        How an image's own colours and borders correct its probability.
    instances : InstanceSettings
        From probability to glands.
    """

    gland_size_um: Annotated[GlandSize | None, Switch] = None
    mining: MiningSettings = field(default_factory=MiningSettings)
    grouping: GroupingSettings = field(default_factory=GroupingSettings)
    refinement: RefinementSettings = field(default_factory=RefinementSettings)
    instances: InstanceSettings = field(default_factory=InstanceSettings)

    def __post_init__(self) -> None:
        """Refuse a range of sizes that is empty, or for which no resolution of a microscope is right."""
        if self.gland_size_um is not None:
            smallest, largest = self.gland_size_um
            usual = math.sqrt(math.prod(DEFAULT_GLAND_SIZE_UM))
            low, high = (usual * limit for limit in RATIO_RANGE)
            if smallest >= largest or not low <= math.sqrt(smallest * largest) <= high:
                bounds = f"from {low:.0f} to {high:.0f}"
                expected = f"two diameters in µm, the smaller first, of a geometric mean {bounds}"
                raise refuse("gland_size_um", list(self.gland_size_um), expected)


def settings_from_plain(plain: Any, *, where: str = "settings") -> Settings:
    """Return the default settings with the changes of a JSON object.

    Raises
    ------
    UsageError
        On a field or kind that does not exist, or a value outside its limits: with its path, the limit and
        the value.

    Examples
    --------
    >>> settings_from_plain({"instances": {"threshold": 0.6}}).instances.threshold
    0.6
    >>> settings_from_plain({"refinement": {"gland_above": 5}}, where="mine.json")
    Traceback (most recent call last):
    ...
    acinus.core.errors.UsageError: mine.json: refinement.gland_above is 5; expected a number from 0 to 1
    """
    return apply_settings(Settings(), plain, where=where)


def model_settings(plain: Any, *, where: str) -> Settings:
    """Return the settings in a model's description: a model of an older version segments as it did.

    Raises
    ------
    UsageError
        As of `settings_from_plain`.

    Examples
    --------
    >>> model_settings({"refinement": {"gland_above": 0.8}}, where="model.json").refinement.sure_share
    0.0
    """
    # What a description does not mention was not there yet: then it has to change nothing.
    then = Settings(refinement=RefinementSettings(sure_share=0.0, continued_um=0.0))
    return apply_settings(then, plain, where=where)


def load_settings(path: Path | None, *, preset: str | None = None) -> Settings:
    """Read a settings file, JSON or TOML; None gives the defaults.

    Parameters
    ----------
    preset : str, optional
        One of `acinus.pipeline.presets.PRESETS`, which the file then changes in place of the defaults.

    Raises
    ------
    UsageError
        When the file is missing, cannot be read or holds something that is not a setting; when there is no
        such preset.
    """
    settings = Settings()
    if preset is not None:
        settings = apply_settings(settings, preset_changes(preset), where=f"{preset}.toml")
    if path is None:
        return settings
    return apply_settings(settings, read_settings_file(path), where=path.name)


def segment_settings(fitted: Settings, path: Path | None) -> Settings:
    """Return a model's settings with the changes of a settings file; None changes nothing.

    Raises
    ------
    UsageError
        When the file cannot be used, or changes what a fitted model cannot change any more.
    """
    if path is None:
        return fitted
    changed = apply_settings(fitted, read_settings_file(path), where=path.name)
    for stage in ("mining", "grouping"):
        if getattr(changed, stage) != getattr(fitted, stage):
            raise UsageError(
                f"{path.name} changes {stage}, which the model was fitted with; leave it out (refinement and "
                "instances may change), or run acinus fit with this file"
            )
    return changed


def described_settings(path: Path | None, *, preset: str | None = None) -> str:
    """Return all settings as commented TOML: the defaults, or those of a settings file or a model.json.

    Parameters
    ----------
    preset : str, optional
        As of `load_settings`.

    Raises
    ------
    UsageError
        As of `load_settings`.
    """
    plain = None if path is None else read_settings_file(path)
    if path is not None and isinstance(plain, Mapping) and "weights_sha256" in plain:  # a model's description
        settings = model_settings(plain.get("settings"), where=path.name)
    else:
        settings = load_settings(path, preset=preset)
    return f"{_HEAD}\n\n{commented_toml(settings)}"


def settings_schema() -> str:
    """Return the JSON schema of settings files as text."""
    return orjson.dumps(json_schema(Settings()), option=orjson.OPT_INDENT_2).decode()


def with_weights(settings: Settings, weights: str | None) -> Settings:
    """Return the settings with a PSPNet when `weights` are given and the network takes none: a ResNet's.

    Unless the settings say otherwise it then works at 2.5 µm/px, on crops of 112 px: at the default network's
    resolution it would be four times as slow, and its features are no finer than 8 px.

    Raises
    ------
    UsageError
        When the network has other pretrained weights, or crops are no multiple of a PSPNet's stride.
    """
    network = settings.grouping.network
    if weights is None or network.takes_weights:
        return settings
    if network.own_weights is not None:
        raise UsageError(
            f"weights {weights} fill a PSPNet, but the settings' network has those of {network.own_weights}; "
            "leave one of them out"
        )
    given, usual = settings.grouping, GroupingSettings()
    if (given.mpp, given.crop_px) == (usual.mpp, usual.crop_px):
        given = replace(given, mpp=2.5, crop_px=112)
    return replace(settings, grouping=replace(given, network=PSPNetSpec()))
