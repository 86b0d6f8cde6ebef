"""All settings of a fit in one place, and the settings file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from acinus.core.errors import MppError, UsageError
from acinus.core.settings import apply_settings
from acinus.core.units import check_mpp
from acinus.grouping.knowledge_diffusion import KnowledgeDiffusionLoss
from acinus.grouping.relabel import OmissionRelabelling, SelfTraining
from acinus.grouping.settings import GroupingSettings, PretrainedSpec, PSPNetSpec, UNetSpec
from acinus.inference.instances import InstanceSettings
from acinus.inference.refinement import RefinementSettings
from acinus.losses.feature_clustering import FeatureClusteringLoss
from acinus.losses.iic import IICLoss
from acinus.mining.closed_shapes import ClosedShapes
from acinus.mining.cue import AgreedBackground, DarkestCluster
from acinus.mining.settings import MiningSettings
from acinus.networks.backbone import BackboneDescription

__all__ = ["Settings", "load_settings", "settings_from_plain", "with_weights"]

_KINDS: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        AgreedBackground,
        BackboneDescription,
        ClosedShapes,
        DarkestCluster,
        FeatureClusteringLoss,
        IICLoss,
        KnowledgeDiffusionLoss,
        OmissionRelabelling,
        PSPNetSpec,
        PretrainedSpec,
        SelfTraining,
        UNetSpec,
    )
}

_COUNTS = frozenset(
    {"batch_crops", "channels", "clusters", "crop_px", "features", "responses", "rounds", "thresholds"}
)
_WIDTHS = frozenset({"bins", "strides", "widths"})
_SHARES = frozenset({"averaging", "background_below", "colour_weight", "gland_above", "threshold"})
_DEPTHS = (18, 34, 50)
_MOST_CLUSTERS = 256  # their numbers are kept in 8 bits


@dataclass(frozen=True)
class Settings:
    """Every number of the method.

    Attributes
    ----------
    mining : MiningSettings
        Stage 1.
    grouping : GroupingSettings
        Stage 2.
    refinement : RefinementSettings
        What an image's own colours and sides say of its probability.
    instances : InstanceSettings
        From probability to glands.
    """

    mining: MiningSettings = field(default_factory=MiningSettings)
    grouping: GroupingSettings = field(default_factory=GroupingSettings)
    refinement: RefinementSettings = field(default_factory=RefinementSettings)
    instances: InstanceSettings = field(default_factory=InstanceSettings)


def settings_from_plain(plain: Mapping[str, Any], *, where: str = "settings") -> Settings:
    """Return the default settings with the changes of a JSON object.

    Raises
    ------
    UsageError
        On a field, kind or type that does not exist, or a number out of its range, naming it.
    """
    settings = apply_settings(Settings(), plain, kinds=_KINDS, where=where)
    _check_ranges(settings, where)
    _check_crop(settings, where)
    return settings


def _check_crop(settings: Settings, where: str) -> None:
    crop_px, stride = settings.grouping.crop_px, settings.grouping.network.stride
    if crop_px % stride:
        raise UsageError(
            f"{where}.grouping.crop_px is {crop_px}; choose a multiple of the network's {stride}"
        )


def _check_ranges(settings: Any, where: str) -> None:
    """Refuse numbers with which nothing could be computed."""
    for entry in fields(settings):
        name, value, place = entry.name, getattr(settings, entry.name), f"{where}.{entry.name}"
        if is_dataclass(value):
            _check_ranges(value, place)
        elif name == "mpp":
            try:
                check_mpp(value, source=place)
            except MppError as error:
                raise UsageError(f"{str(error).partition(';')[0]}; choose another value") from error
        elif name in _COUNTS and value < 1:
            raise UsageError(f"{place} is {value}; choose 1 or more")
        elif name == "clusters" and value > _MOST_CLUSTERS:
            raise UsageError(f"{place} is {value}; choose {_MOST_CLUSTERS} or fewer")
        elif name in _WIDTHS and (not value or min(value) < 1):
            raise UsageError(f"{place} is {list(value)}; choose one or more numbers, each 1 or more")
        elif name in _SHARES and not 0.0 <= value <= 1.0:
            raise UsageError(f"{place} is {value:g}; choose 0 to 1")
        elif name == "context_cells" and (value < 1 or value % 2 == 0):
            raise UsageError(f"{place} is {value}; choose an odd number")
        elif name == "depth" and value not in _DEPTHS:
            raise UsageError(f"{place} is {value}; choose one of {', '.join(map(str, _DEPTHS))}")
        elif isinstance(value, float | int) and value < 0 and name != "margin":
            raise UsageError(f"{place} is {value}; choose 0 or more")


def load_settings(path: Path | None) -> Settings:
    """Read a settings file; None gives the defaults.

    Raises
    ------
    UsageError
        When the file is missing, is no JSON or holds something that is not a setting.
    """
    if path is None:
        return Settings()
    try:
        plain = orjson.loads(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}); --settings takes a JSON file") from error
    except orjson.JSONDecodeError as error:
        raise UsageError(f"{path} is not JSON ({error}); --settings takes a JSON file") from error
    return settings_from_plain(plain, where=path.name)


def with_weights(settings: Settings, weights: str | None) -> Settings:
    """Return the settings with a PSPNet when `weights` are given: they are those of a ResNet.

    Raises
    ------
    UsageError
        When the network has other pretrained weights, or crops are no multiple of its stride.
    """
    if weights is not None and isinstance(settings.grouping.network, PretrainedSpec):
        raise UsageError(
            f"weights {weights} fill a PSPNet, but the settings' network has those of "
            f"{settings.grouping.network.model}; leave one of them out"
        )
    if weights is not None and not isinstance(settings.grouping.network, PSPNetSpec):
        settings = replace(settings, grouping=replace(settings.grouping, network=PSPNetSpec()))
    _check_crop(settings, "settings")
    return settings
