"""The settings of a benchmark: the full ones, the small ones of ``--small``, and changes from a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from acinus.core.errors import UsageError
from acinus.core.limits import Count, Limits
from acinus.core.settings import apply_settings, settings_class
from acinus.core.settings_file import read_settings_file
from acinus.pipeline.presets import PRESETS

__all__ = ["SMALL", "BenchmarkSettings", "SyntheticImages", "load_settings", "merged"]


@settings_class
class SyntheticImages:
    """The images that ``acinus benchmark synthetic`` makes.

    Attributes
    ----------
    fit, held_out : int
        Training images, and images that no method sees before it is scored.
    side_px : int
        Their width and height.
    seed : int
        Of the images; the seeds of the methods do not change it.
    """

    fit: Count = 24
    held_out: Count = 12
    side_px: Count = 512
    seed: Annotated[int, Limits(ge=0)] = 100


@settings_class
class BenchmarkSettings:
    """How methods are compared, and changes to their own settings, the same for every method they concern.

    Attributes
    ----------
    fit : mapping
        As in a settings file of ``acinus fit``: for stage 1, stage 2 and how glands are cut out.
    baselines : mapping
        Changes by the class of a baseline, such as ``{"PiCIE": {"epochs": 3}}``.
    presets : mapping
        Changes by the name of a preset, such as ``{"proposal": {"grouping": {"steps": 100}}}``; those of
        `fit` do not concern presets.
    synthetic : SyntheticImages
    folds : int or None
        Cross-validation: each method is fitted so many times per seed, and each image held out once.
    patient_disjoint : bool
        Hold out whole patients, where a data set names them, instead of its own test part.
    method_files : tuple of str
        Python files with a list ``METHODS``, which ``--methods`` can then name. In a settings file they are
        relative to its folder.
    scheduler : str or None
        Address of a Dask scheduler whose workers compute; they must see the images under the same paths.
    device : str
        auto, cpu, cuda or mps.
    """

    fit: Mapping[str, Any] = field(default_factory=dict)
    baselines: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    synthetic: SyntheticImages = field(default_factory=SyntheticImages)
    folds: Annotated[int, Limits(ge=2)] | None = None
    patient_disjoint: bool = False
    method_files: tuple[str, ...] = ()
    scheduler: str | None = None
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"

    def changed(self, changes: Any, *, where: str = "settings") -> BenchmarkSettings:
        """Return these settings with the changes of a JSON object.

        Raises
        ------
        UsageError
            When it holds something else.

        Examples
        --------
        >>> BenchmarkSettings().changed({"folds": 5, "synthetic": {"fit": 8}}).synthetic.fit
        8
        """
        known = [each.name for each in fields(self)]
        if not isinstance(changes, Mapping):
            raise UsageError(f"{where}: expected an object with some of {', '.join(known)}")
        for name, value in changes.items():
            if name not in known:
                raise UsageError(f"{where}.{name} is not a setting; there are {', '.join(known)}")
            if name in _OBJECTS and not isinstance(value, Mapping):
                raise UsageError(f"{where}.{name}: expected an object, got {value!r}")
        simple = {name: value for name, value in changes.items() if name not in _OBJECTS}
        synthetic = apply_settings(self.synthetic, changes.get("synthetic", {}), where=f"{where}.synthetic")
        return replace(
            apply_settings(self, simple, where=where),
            fit=merged(self.fit, changes.get("fit", {})),
            baselines=merged(self.baselines, changes.get("baselines", {})),
            presets=merged(self.presets, changes.get("presets", {})),
            synthetic=synthetic,
        )


_OBJECTS = ("fit", "baselines", "presets", "synthetic")

_SMALL_PRESET = {
    "mining": {"shallow": {"steps": 20}},
    "grouping": {"steps": 60, "batch_crops": 4, "crop_px": 64, "network": {"width": 16}},
}

SMALL = BenchmarkSettings(
    fit={
        "mining": {"shallow": {"steps": 20}},
        "grouping": {"steps": 60, "rounds": 2, "batch_crops": 4, "crop_px": 128},
    },
    baselines={
        "IIC": {"steps": 40, "crop_px": 64},
        "DeepCluster": {"epochs": 3, "steps_per_epoch": 12, "crop_px": 64},
        "PiCIE": {"epochs": 3, "pool_crops": 48, "crop_px": 64},
        "DifferentiableFeatureClustering": {"steps": 30},
    },
    presets=dict.fromkeys(PRESETS, _SMALL_PRESET),
    synthetic=SyntheticImages(fit=8, held_out=4, side_px=256),
)
"""A few minutes on two cores: shows that everything works, not how good a method is."""


def load_settings(path: Path | None, *, small: bool) -> BenchmarkSettings:
    """Return the full or the small settings with the changes of a JSON or TOML file.

    Raises
    ------
    UsageError
        When the file cannot be read or holds something that is not a setting.
    """
    base = SMALL if small else BenchmarkSettings()
    if path is None:
        return base
    settings = base.changed(read_settings_file(path), where=path.name)
    return replace(settings, method_files=tuple(str(path.parent / file) for file in settings.method_files))


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
