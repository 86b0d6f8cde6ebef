"""The size of glands, given or estimated, and the settings that follow from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from acinus.core.errors import ModelError
from acinus.core.files import read_json, write_json
from acinus.core.image import RgbImage
from acinus.core.naming import plural
from acinus.core.progress import Progress
from acinus.core.scaling import scaled
from acinus.mining.gland_size import (
    FACTORS,
    best_factor,
    clearly_better,
    closed_evidence,
    gland_size_um,
    sampled,
    size_ratio,
)
from acinus.pipeline.settings import Settings

__all__ = [
    "GLAND_SIZE_FILE",
    "GlandSizes",
    "KnownSizes",
    "estimated_sizes",
    "size_in_words",
    "source_of",
    "with_gland_size",
]

GLAND_SIZE_FILE = "gland_size.json"
"""In a model folder: what was estimated, and from which evidence."""

_LEAST_IMAGES = 6  # of a source, for its glands to be judged by themselves
_OTHERS = "others"


def with_gland_size(settings: Settings, size_um: Sequence[float]) -> Settings:
    """Return settings of which every length and area follows from the glands' size, unless it was chosen.

    Settings that follow from a size already, the one in `settings`, may follow from another one.

    Parameters
    ----------
    size_um : (smallest, largest)
        Diameters in µm.

    Raises
    ------
    UsageError
        When no working resolution suits glands of that size.
    """
    smallest, largest = size_um
    ratio = size_ratio((smallest, largest))
    earlier = None if settings.gland_size_um is None else size_ratio(settings.gland_size_um)
    return replace(
        settings,
        gland_size_um=(smallest, largest),
        mining=scaled(settings.mining, ratio, earlier=earlier),
        grouping=scaled(settings.grouping, ratio, earlier=earlier),
        refinement=scaled(settings.refinement, ratio, earlier=earlier),
        instances=scaled(settings.instances, ratio, earlier=earlier),
    )


@dataclass(frozen=True)
class GlandSizes:
    """How large the glands of a fit's images are.

    Attributes
    ----------
    size_um : (smallest, largest)
        Diameters in µm on most of the images.
    factors : tuple of float
        By how many times those of each image are larger; 1 for most.
    sources : tuple of str
        Which images are alike, see `estimated_sizes`.
    """

    size_um: tuple[float, float]
    factors: tuple[float, ...]
    sources: tuple[str, ...]

    @property
    def chances(self) -> tuple[float, ...]:
        """How often each image should be drawn, relative to the others.

        Where sizes differ, each source is drawn alike: a few images are not forgotten beside many. Ours.
        """
        if len(self.distinct) == 1:
            return (1.0,) * len(self.factors)
        counts = Counter(self.sources)
        return tuple(1.0 / counts[source] for source in self.sources)

    @property
    def distinct(self) -> tuple[float, ...]:
        """The factors that occur, from small to large."""
        return tuple(sorted(set(self.factors)))


@dataclass(frozen=True)
class KnownSizes:
    """The sizes of glands that a model knows: a fit that goes on from it chooses among them.

    Attributes
    ----------
    size_um : (smallest, largest)
        Diameters in µm of the usual size.
    factors : tuple of float
        By how many times those of each size are larger; 1 for the usual one.
    """

    size_um: tuple[float, float]
    factors: tuple[float, ...]


def estimated_sizes(
    images: Sequence[RgbImage],
    sources: Sequence[str],
    *,
    folder: Path,
    progress: Progress,
    known: KnownSizes | None = None,
) -> GlandSizes:
    """Return how large glands are, estimated from images alone; those of one source are taken to be alike.

    Parameters
    ----------
    images : sequence of RgbImage
        At least one; a dozen of each source are looked at.
    sources : sequence of str
        Where each image comes from, in words. Sources of fewer than six images are not judged by themselves.
    folder : Path
        Keeps the estimate, so that a fit that resumes does not make it again.
    known : KnownSizes, optional
        Each source, however small, then has one of these sizes: the usual one unless another suits it far
        better.

    Raises
    ------
    ModelError
        When what an earlier call left in `folder` is damaged.
    OutputError
        When it cannot be written.
    """
    path = folder / GLAND_SIZE_FILE
    named = _named(sources) if known is None else tuple(sources)
    if not path.exists():
        parts = _by_source(images, named)
        write_json(path, _estimate(parts, progress) if known is None else _chosen(parts, progress, known))
    try:
        kept = read_json(path)
        smallest, largest = kept["gland_size_um"]
        of_source = {part["source"]: float(part["factor"]) for part in kept["sources"]}
        factors = tuple(of_source.get(source, 1.0) for source in named)
        return GlandSizes((float(smallest), float(largest)), factors, named)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelError(f"{path} is damaged; delete it and run the same command again") from error


def source_of(path: Path | None, *, mpp: float) -> str:
    """Say where an image comes from, for `estimated_sizes`: its folder, and the resolution of its file.

    Examples
    --------
    >>> source_of(Path("/data/prostate/a.png"), mpp=0.4999), source_of(None, mpp=0.25)
    ('/data/prostate at 0.5 µm/px', 'memory at 0.25 µm/px')
    """
    folder = "memory" if path is None else path.absolute().parent
    return f"{folder} at {mpp:.2g} µm/px"


def _estimate(parts: Mapping[str, Sequence[RgbImage]], progress: Progress) -> dict[str, Any]:
    """Return what is kept: the size on all images, and the sources that depart from it."""
    evidence = _evidence(parts, FACTORS, progress)
    counts = [len(part) for part in parts.values()]
    together = {
        factor: float(np.average([of_part[factor] for of_part in evidence.values()], weights=counts))
        for factor in FACTORS
    }
    usual = best_factor(together)
    judged = {source: part for source, part in parts.items() if len(parts) > 1 and source != _OTHERS}
    return {
        "gland_size_um": gland_size_um(usual),
        "images": _looked_at(parts),
        "evidence": _by_size(together),
        "sources": _of_sources(judged, evidence, usual),
    }


def _chosen(parts: Mapping[str, Sequence[RgbImage]], progress: Progress, known: KnownSizes) -> dict[str, Any]:
    """Return what is kept: the usual size of a model, and the sources that have another one of its sizes."""
    usual = size_ratio(known.size_um).typical
    # The usual size is among those compared though no source of the earlier fit may have had it.
    evidence = _evidence(parts, [usual * factor for factor in sorted({1.0, *known.factors})], progress)
    return {
        "gland_size_um": known.size_um,
        "images": _looked_at(parts),
        "sources": _of_sources(parts, evidence, usual),
    }


def _evidence(
    parts: Mapping[str, Sequence[RgbImage]], factors: Sequence[float], progress: Progress
) -> dict[str, dict[float, float]]:
    """Return, of each source, how much of a dozen of its images closed shapes of each size claim."""
    evidence = {}
    with progress.task("Size of glands", total=_looked_at(parts)) as advance:
        for source, part in parts.items():
            chosen = sampled(part)
            of_part = dict.fromkeys(factors, 0.0)
            for image in chosen:
                for factor in factors:
                    of_part[factor] += closed_evidence(image, factor) / len(chosen)
                advance(image.name)
            evidence[source] = of_part
    return evidence


def _looked_at(parts: Mapping[str, Sequence[RgbImage]]) -> int:
    return sum(len(sampled(part)) for part in parts.values())


def _of_sources(
    parts: Mapping[str, Sequence[RgbImage]], evidence: Mapping[str, dict[float, float]], usual: float
) -> list[dict[str, Any]]:
    return [
        {
            "source": source,
            "images": len(part),
            "factor": clearly_better(evidence[source], than=usual) / usual,
            "evidence": _by_size(evidence[source]),
        }
        for source, part in parts.items()
    ]


def _named(sources: Sequence[str]) -> tuple[str, ...]:
    """Return the sources, with one name for all those that are too small to be judged."""
    counts = Counter(sources)
    return tuple(source if counts[source] >= _LEAST_IMAGES else _OTHERS for source in sources)


def _by_source(images: Sequence[RgbImage], sources: Sequence[str]) -> dict[str, list[RgbImage]]:
    parts: dict[str, list[RgbImage]] = {}
    for image, source in zip(images, sources, strict=True):
        parts.setdefault(source, []).append(image)
    return parts


def _by_size(evidence: Mapping[float, float]) -> dict[str, float]:
    return {_range_in_words(gland_size_um(factor)): value for factor, value in evidence.items()}


def _range_in_words(size_um: Sequence[float]) -> str:
    return "-".join(f"{side:.0f}" for side in size_um)


def size_in_words(folder: Path) -> str:
    """Say how large the glands are that a model was fitted for, and how that is known.

    Parameters
    ----------
    folder : Path
        That of a finished fit.
    """
    model, path = read_json(folder / "model.json"), folder / GLAND_SIZE_FILE
    smallest, largest = model["settings"]["gland_size_um"]
    said = f"{smallest:.0f} to {largest:.0f} µm across"
    kept = read_json(path) if path.exists() else {}
    others = [
        f"{smallest * part['factor']:.0f} to {largest * part['factor']:.0f} µm on the "
        f"{plural(part['images'], 'image')} of {part['source']}"
        for part in kept.get("sources", ())
        if part["factor"] != 1.0
    ]
    if "parent" in model:
        return "; ".join([f"{said}, inherited from {model['parent']['folder']}", *others])
    if not kept:
        return f"{said}, as given"
    source = f"estimated from {plural(kept['images'], 'image')}"
    return "; ".join([f"{said}, {source}", *others, "--gland-size overrides it"])
