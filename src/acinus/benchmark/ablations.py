"""Ablations: lists of settings that differ from the default in one thing each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from acinus.benchmark.method import Method
from acinus.benchmark.methods import FitMethod, ProposalMethod
from acinus.benchmark.settings import BenchmarkSettings, merged
from acinus.pipeline.settings import settings_from_plain

__all__ = ["ABLATIONS", "Ablation", "ablation_methods"]


@dataclass(frozen=True)
class Ablation:
    """One question, and the settings that answer it.

    Attributes
    ----------
    question : str
        What is varied, for tables.
    values : mapping of str to mapping
        Changes to the settings by the value's name.
    stage1 : bool
        Also ask it of the published cue's masks, where stage 2 cannot hide the answer.
    """

    question: str
    values: Mapping[str, Mapping[str, Any]]
    stage1: bool = False


def _shallow(**changes: Any) -> dict[str, Any]:
    return {"mining": {"shallow": changes}}


def _grouping(**changes: Any) -> dict[str, Any]:
    return {"grouping": changes}


ABLATIONS: dict[str, Ablation] = {
    "loss": Ablation(
        "self-supervised loss",
        {
            "iic": _shallow(loss={"kind": "IICLoss"}),
            "clustering": _shallow(loss={"kind": "FeatureClusteringLoss"}),
        },
        stage1=True,
    ),
    "spatial": Ablation(
        "weight of the spatial loss",
        {str(weight): _shallow(spatial_weight=float(weight)) for weight in (0, 1, 5)},
        stage1=True,
    ),
    "clusters": Ablation(
        "number of clusters", {str(k): {"mining": {"clusters": k}} for k in (2, 3, 5, 8)}, stage1=True
    ),
    "second-look": Ablation("second look", {"on": {"mining": {"second_look": {}}}, "off": {}}),
    "interior": Ablation(
        "interior prior",
        {
            "on": {"mining": {"cue": {"trusted": {"interior": True}}}},
            "off": {"mining": {"cue": {"trusted": {"interior": False}}}},
        },
    ),
    "diffusion": Ablation(
        "weight of knowledge diffusion",
        {f"{weight:g}": _grouping(diffusion_weight=weight) for weight in (0.0, 0.1, 0.5, 2.0)},
    ),
    # Knowledge diffusion is off by default; its gradient can only be asked about where it is on.
    "stop-gradient": Ablation(
        "gradient through the exterior's embedding",
        {
            "on": _grouping(diffusion_weight=0.1, diffusion={"stop_gradient": True}),
            "off": _grouping(diffusion_weight=0.1, diffusion={"stop_gradient": False}),
        },
    ),
    "omission": Ablation(
        "omission relabelling",
        {"on": _grouping(omission={"kind": "OmissionRelabelling"}), "off": _grouping(omission=None)},
    ),
    # The rounds before the last are rows of the same fit.
    "rounds": Ablation("rounds of self-training", {"5": _grouping(rounds=5)}),
    # Crops stay 280 µm wide; 4 µm/px is the coarsest that the package takes.
    "resolution": Ablation(
        "working resolution in µm/px",
        {
            "1.25": _grouping(mpp=1.25, crop_px=224),
            "2.5": _grouping(mpp=2.5, crop_px=112),
            "3.5": _grouping(mpp=3.5, crop_px=80),
        },
    ),
}


def ablation_methods(settings: BenchmarkSettings) -> Iterator[tuple[str, Method]]:
    """Yield each ablation's methods with its name, the changes of `settings` below those of the ablation."""
    darkest = {"mining": {"cue": {"kind": "DarkestCluster"}}}
    for group, ablation in ABLATIONS.items():
        for value, changes in ablation.values.items():
            fitting = settings_from_plain(merged(settings.fit, changes))
            title = f"{ablation.question} {value}"
            yield group, FitMethod(f"acinus+{group}-{value}", f"acinus, {title}", fitting)
            if ablation.stage1:
                mining = settings_from_plain(merged(merged(settings.fit, darkest), changes)).mining
                yield group, ProposalMethod(f"stage1+{group}-{value}", f"Darkest cluster, {title}", mining)
