"""How much is computed: full settings, the small ones of ``--small``, and changes from a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import orjson

from acinus.core.errors import UsageError
from acinus.core.limits import Count, Limits
from acinus.core.settings import apply_settings, settings_class

__all__ = ["SMALL", "Plan", "SyntheticImages", "load_plan", "merged"]


@settings_class
class SyntheticImages:
    """The images that are drawn for ``benchmark synthetic``.

    Attributes
    ----------
    fit, held_out : int
        Images to learn from, and images never seen.
    side_px : int
        Their width and height.
    seed : int
        Of what is drawn; the seeds of the methods do not change it.
    """

    fit: Count = 24
    held_out: Count = 12
    side_px: Count = 512
    seed: Annotated[int, Limits(ge=0)] = 100


@dataclass(frozen=True)
class Plan:
    """Changes to the package's settings, the same for every method they concern.

    Attributes
    ----------
    fit : mapping
        As in a settings file of ``acinus fit``: for stage 1, stage 2 and the cutting out of instances.
    baselines : mapping
        Changes by the class of a baseline, such as ``{"PiCIE": {"epochs": 3}}``.
    synthetic : SyntheticImages
    """

    fit: Mapping[str, Any] = field(default_factory=dict)
    baselines: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    synthetic: SyntheticImages = field(default_factory=SyntheticImages)

    def as_plain(self) -> dict[str, Any]:
        """Return the plan as JSON values, which `plan_from_plain` reads."""
        drawn = {name: getattr(self.synthetic, name) for name in ("fit", "held_out", "side_px", "seed")}
        return {"fit": dict(self.fit), "baselines": dict(self.baselines), "synthetic": drawn}

    @classmethod
    def from_plain(cls, plain: Any, *, where: str = "settings", base: Plan | None = None) -> Plan:
        """Return `base` (by default the full plan) with the changes of a JSON object.

        Raises
        ------
        UsageError
            When it holds something else.
        """
        base = base or cls()
        known = ("fit", "baselines", "synthetic")
        if not isinstance(plain, Mapping) or not all(isinstance(part, Mapping) for part in plain.values()):
            raise UsageError(f"{where}: expected an object with objects {', '.join(known)}")
        for name in plain:
            if name not in known:
                raise UsageError(f"{where}.{name} is not a setting; there are {', '.join(known)}")
        synthetic = apply_settings(base.synthetic, plain.get("synthetic", {}), where=f"{where}.synthetic")
        return cls(
            fit=merged(base.fit, plain.get("fit", {})),
            baselines=merged(base.baselines, plain.get("baselines", {})),
            synthetic=synthetic,
        )


SMALL = Plan(
    fit={
        "mining": {"shallow": {"steps": 20}},
        "grouping": {"steps": 40, "rounds": 2, "batch_crops": 8, "crop_px": 64},
    },
    baselines={
        "IIC": {"steps": 40, "crop_px": 64},
        "DeepCluster": {"epochs": 3, "steps_per_epoch": 12, "crop_px": 64},
        "PiCIE": {"epochs": 3, "pool_crops": 48, "crop_px": 64},
        "DifferentiableFeatureClustering": {"steps": 30},
    },
    synthetic=SyntheticImages(fit=8, held_out=4, side_px=256),
)
"""A few minutes on two cores: shows that everything works, not how good a method is."""


def load_plan(path: Path | None, *, small: bool) -> Plan:
    """Return the full or the small plan with the changes of a settings file.

    Raises
    ------
    UsageError
        When the file cannot be read or holds something that is not a setting.
    """
    base = SMALL if small else Plan()
    if path is None:
        return base
    try:
        plain = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise UsageError(f"{path} cannot be read ({error}); --settings takes a JSON file") from error
    return Plan.from_plain(plain, where=path.name, base=base)


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested changes laid over others; an object of another ``kind`` replaces the one that was there.

    Examples
    --------
    >>> merged({"a": {"x": 1, "y": 2}, "b": 3}, {"a": {"y": 5}})
    {'a': {'x': 1, 'y': 5}, 'b': 3}
    """
    result = dict(base)
    for name, value in changes.items():
        before = result.get(name)
        same = isinstance(value, Mapping) and isinstance(before, Mapping)
        if same and before is not None and value.get("kind", before.get("kind")) == before.get("kind"):
            result[name] = merged(before, value)
        else:
            result[name] = value
    return result
