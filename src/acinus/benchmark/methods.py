"""The package's own methods in the form that the benchmark asks for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import nn

from acinus.baselines import (
    IIC,
    Baseline,
    ColourKMeans,
    DeepCluster,
    DifferentiableFeatureClustering,
    HedDensity,
    PiCIE,
    Rgb,
    UntrainedNetwork,
)
from acinus.benchmark.method import Method
from acinus.benchmark.settings import BenchmarkSettings, merged
from acinus.core.errors import UsageError
from acinus.core.image import RgbImage
from acinus.core.segmenter import GlandMaps, ProbabilityMap, Segmenter, maps_of
from acinus.core.settings import apply_settings, settings_to_plain
from acinus.data.resample import resize_map
from acinus.grouping.rounds import build_network
from acinus.grouping.segmenter import NetworkSegmenter
from acinus.inference.refinement import RefinedSegmenter
from acinus.mining.mine import Miner
from acinus.mining.settings import MiningSettings
from acinus.pipeline.fit import fit, reduced
from acinus.pipeline.presets import PRESETS, preset_changes
from acinus.pipeline.settings import Settings, settings_from_plain

__all__ = ["BaselineMethod", "FitMethod", "ProposalMethod", "own_methods"]

_DARKEST = {"mining": {"cue": {"kind": "DarkestCluster"}}}
_EXTERIOR = {"mining": {"cue": {"kind": "DarkestCluster", "interior": False}}}
_SHAPES = {"mining": {"cue": {"kind": "ClosedShapes"}}}
_TWICE: dict[str, Any] = {"mining": {"second_look": {}}}


@dataclass(frozen=True)
class BaselineMethod:
    """One of `acinus.baselines`, its clusters named by their darkness."""

    name: str
    title: str
    baseline: Baseline

    @property
    def settings(self) -> Any:
        """All settings of the baseline."""
        return settings_to_plain(self.baseline)

    def fit(self, images: Sequence[RgbImage], *, seed: int, device: torch.device, folder: Path) -> Segmenter:
        """Fit the baseline; nothing is written."""
        del folder
        return self.baseline.fit(images, seed=seed, device=device)


@dataclass(frozen=True)
class ProposalMethod:
    """Stage 1 alone: what the cue calls gland; all else, ignored pixels included, is background."""

    name: str
    title: str
    mining: MiningSettings

    @property
    def settings(self) -> Any:
        """All settings of stage 1."""
        return settings_to_plain(self.mining)

    def fit(self, images: Sequence[RgbImage], *, seed: int, device: torch.device, folder: Path) -> Segmenter:
        """Learn what stage 1 learns, on the CPU whatever `device`."""
        del device, folder
        return ProposalSegmenter(Miner.fit(images, self.mining, seed=seed))


@dataclass(frozen=True, eq=False)
class ProposalSegmenter:
    """Proposals read as masks."""

    mine: Miner

    @property
    def mpp(self) -> float:
        """Working resolution in µm per pixel."""
        return self.mine.settings.mpp

    def probability(self, image: RgbImage) -> ProbabilityMap:
        """Return 1 in exterior and interior regions, 0 elsewhere, (H, W) float32, interpolated."""
        return resize_map(self.mine(image).gland.astype(np.float32), image.shape)


@dataclass(frozen=True)
class FitMethod:
    """Both stages, as ``acinus fit`` runs them.

    Every round but the last is a stage of the result, and so is the last round's network without refinement.
    """

    name: str
    title: str
    fitting: Settings

    @property
    def settings(self) -> Any:
        """All settings of both stages and of what refines the network's answer."""
        plain = settings_to_plain(self.fitting)
        return {stage: plain[stage] for stage in ("mining", "grouping", "refinement")}

    def fit(self, images: Sequence[RgbImage], *, seed: int, device: torch.device, folder: Path) -> Segmenter:
        """Fit in one process, so that memory and time are those of this method alone."""
        small = [reduced(image, self.fitting) for image in images]
        network, fitted, _ = fit(small, self.fitting, seed=seed, device=device, folder=folder, processes=1)
        grouping = fitted.grouping
        stages: dict[str, Segmenter] = {}
        for number in range(grouping.rounds - 1):
            earlier = build_network(grouping, seed=0, weights=None)
            weights = folder / "rounds" / f"round{number}.safetensors"
            earlier.load_state_dict(safetensors.torch.load_file(weights))
            stages[f"after round {number + 1}"] = _refined(earlier.to(device).eval(), fitted, device)
        last = _refined(network, fitted, device)
        stages["network alone"] = last.segmenter
        return RoundsSegmenter(last, stages)


def _refined(network: nn.Module, settings: Settings, device: torch.device) -> RefinedSegmenter:
    alone = NetworkSegmenter.of(network, settings.grouping, device=device)
    return RefinedSegmenter(alone, settings.refinement)


@dataclass(frozen=True)
class RoundsSegmenter:
    """The network of the last round, with those before it."""

    last: Segmenter
    stages: Mapping[str, Segmenter] = field(hash=False)

    @property
    def mpp(self) -> float:
        """Working resolution in µm per pixel."""
        return self.last.mpp

    def probability(self, image: RgbImage) -> ProbabilityMap:
        """Return P(gland) by the last round, (H, W) float32."""
        return self.last.probability(image)

    def gland_maps(self, image: RgbImage) -> GlandMaps:
        """Return P(gland) and the depth by the last round, (H, W) float32 each."""
        return maps_of(self.last, image)


_OMISSION = {"kind": "OmissionRelabelling"}


def own_methods(settings: BenchmarkSettings) -> Iterator[Method]:
    """Yield the package's methods, the simplest first, with the changes of `settings`.

    Raises
    ------
    UsageError
        When the settings change something that is not there.
    """
    yield from _baselines(settings)
    for name, title, changes in (
        ("stage1-exterior", "Stage 1: darkest cluster", _EXTERIOR),
        ("stage1-darkest", "Stage 1: darkest cluster with interior", _DARKEST),
        ("stage1-shapes", "Stage 1: closed shapes", _SHAPES),
        # What acinus learns from. The cue that doubts takes pixels out of the background and none out of the
        # glands: as a mask it is that of closed shapes, unless the settings choose another cue.
        ("stage1-agreement", "Stage 1: agreement (glands of closed shapes)", {}),
        ("stage1-second-look", "Stage 1: second look (closed shapes that look like glands)", _TWICE),
    ):
        yield ProposalMethod(name, title, settings_from_plain(merged(settings.fit, changes)).mining)
    yield from _presets(settings)
    variants: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("acinus-diffusion", "acinus with knowledge diffusion", {"diffusion_weight": 0.1}),
        ("acinus-omission", "acinus with omission relabelling", {"omission": _OMISSION}),
        ("acinus-no-self-training", "acinus without self-training", {"self_training": None}),
        ("acinus", "acinus", {}),
    )
    for name, title, grouping in variants:
        yield FitMethod(name, title, settings_from_plain(merged(settings.fit, {"grouping": grouping})))


def _presets(settings: BenchmarkSettings) -> Iterator[Method]:
    """Yield the proposal step by step, and its successor."""
    for name in settings.presets:
        if name not in PRESETS:
            raise UsageError(f"presets.{name} is not a preset; there are {', '.join(PRESETS)}")

    def changed(name: str, changes: Mapping[str, Any]) -> Settings:
        return settings_from_plain(
            merged(merged(preset_changes(name), settings.presets.get(name, {})), changes)
        )

    exterior = {"mining": {"cue": {"interior": False}}}
    without = {"grouping": {"diffusion_weight": 0.0}}
    yield ProposalMethod("proposal-exterior", "The proposal: exterior", changed("proposal", exterior).mining)
    yield ProposalMethod("proposal-prior", "The proposal: exterior and prior", changed("proposal", {}).mining)
    yield FitMethod("proposal-no-diffusion", "The proposal without diffusion", changed("proposal", without))
    yield FitMethod("proposal", "The proposal", changed("proposal", {}))
    yield FitMethod("mssg", "MSSG", changed("mssg", {}))


def _baselines(settings: BenchmarkSettings) -> Iterator[Method]:
    all_of_them: tuple[tuple[str, str, Any], ...] = (
        ("untrained", "Untrained network", UntrainedNetwork()),
        ("kmeans-rgb", "Colour k-means, RGB", ColourKMeans(space=Rgb())),
        ("kmeans-hed", "Colour k-means, H&E", ColourKMeans(space=HedDensity())),
        ("iic", "IIC", IIC()),
        ("deepcluster", "DeepCluster", DeepCluster()),
        ("picie", "PiCIE", PiCIE()),
        ("feature-clustering", "Differentiable feature clustering", DifferentiableFeatureClustering()),
    )
    kinds = sorted({type(baseline).__name__ for _, _, baseline in all_of_them})
    for kind in settings.baselines:
        if kind not in kinds:
            raise UsageError(f"baselines.{kind} is not a baseline; there are {', '.join(kinds)}")
    for name, title, baseline in all_of_them:
        kind = type(baseline).__name__
        changed = apply_settings(baseline, settings.baselines.get(kind, {}), where=f"baselines.{kind}")
        yield BaselineMethod(name, title, changed)
