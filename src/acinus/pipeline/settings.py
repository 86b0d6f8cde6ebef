"""All settings of a fit in one place, and the settings file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from acinus.core.errors import UsageError
from acinus.core.settings import apply_settings
from acinus.grouping.knowledge_diffusion import KnowledgeDiffusionLoss
from acinus.grouping.relabel import OmissionRelabelling, SelfTraining
from acinus.grouping.settings import GroupingSettings, PSPNetSpec, UNetSpec
from acinus.inference.instances import InstanceSettings
from acinus.losses.feature_clustering import FeatureClusteringLoss
from acinus.losses.iic import IICLoss
from acinus.mining.closed_shapes import ClosedShapes
from acinus.mining.cue import AgreedBackground, DarkestCluster
from acinus.mining.settings import MiningSettings

__all__ = ["Settings", "load_settings", "settings_from_plain"]

_KINDS: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        AgreedBackground,
        ClosedShapes,
        DarkestCluster,
        FeatureClusteringLoss,
        IICLoss,
        KnowledgeDiffusionLoss,
        OmissionRelabelling,
        PSPNetSpec,
        SelfTraining,
        UNetSpec,
    )
}


@dataclass(frozen=True)
class Settings:
    """Every number of the method.

    Attributes
    ----------
    mining : MiningSettings
        Stage 1.
    grouping : GroupingSettings
        Stage 2.
    instances : InstanceSettings
        From probability to glands.
    """

    mining: MiningSettings = field(default_factory=MiningSettings)
    grouping: GroupingSettings = field(default_factory=GroupingSettings)
    instances: InstanceSettings = field(default_factory=InstanceSettings)


def settings_from_plain(plain: Mapping[str, Any], *, where: str = "settings") -> Settings:
    """Return the default settings with the changes of a JSON object.

    Raises
    ------
    UsageError
        On a field, kind or type that does not exist, naming it.
    """
    return apply_settings(Settings(), plain, kinds=_KINDS, where=where)


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
