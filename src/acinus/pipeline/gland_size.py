"""The size of glands, given or estimated, and the settings that follow from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from acinus.core.errors import ModelError
from acinus.core.files import read_json, write_json
from acinus.core.image import RgbImage
from acinus.core.naming import plural
from acinus.core.progress import Progress
from acinus.core.scaling import scaled
from acinus.mining.gland_size import (
    FACTORS,
    best_factor,
    closed_evidence,
    gland_size_um,
    sampled,
    size_ratio,
)
from acinus.pipeline.settings import Settings

__all__ = ["GLAND_SIZE_FILE", "estimated_size", "size_in_words", "with_gland_size"]

GLAND_SIZE_FILE = "gland_size.json"
"""In a model folder: what was estimated, and from which evidence."""


def with_gland_size(settings: Settings, size_um: Sequence[float]) -> Settings:
    """Return settings of which every length and area follows from the glands' size, unless it was chosen.

    Settings that follow from the same size already are returned as they are.

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
    return replace(
        settings,
        gland_size_um=(smallest, largest),
        mining=scaled(settings.mining, ratio),
        grouping=scaled(settings.grouping, ratio),
        refinement=scaled(settings.refinement, ratio),
        instances=scaled(settings.instances, ratio),
    )


def estimated_size(images: Sequence[RgbImage], *, folder: Path, progress: Progress) -> tuple[float, float]:
    """Return the diameters in µm of the smallest and the largest glands, estimated from images alone.

    Parameters
    ----------
    images : sequence of RgbImage
        At least one; a dozen of them are looked at.
    folder : Path
        Keeps the estimate, so that a fit that resumes does not make it again.

    Raises
    ------
    ModelError
        When what an earlier call left in `folder` is damaged.
    OutputError
        When it cannot be written.
    """
    path = folder / GLAND_SIZE_FILE
    if path.exists():
        return _earlier(path)
    looked_at = sampled(images)
    evidence = dict.fromkeys(FACTORS, 0.0)
    with progress.task("Size of glands", total=len(looked_at)) as advance:
        for image in looked_at:
            for factor in FACTORS:
                evidence[factor] += closed_evidence(image, factor) / len(looked_at)
            advance(image.name)
    size_um = gland_size_um(best_factor(evidence))
    by_size = {
        "-".join(f"{side:.0f}" for side in gland_size_um(factor)): evidence[factor] for factor in FACTORS
    }
    write_json(path, {"gland_size_um": size_um, "images": len(looked_at), "evidence": by_size})
    return size_um


def size_in_words(folder: Path) -> str:
    """Say how large the glands are that a model was fitted for, and how that is known.

    Parameters
    ----------
    folder : Path
        That of a finished fit.
    """
    model, kept = read_json(folder / "model.json"), folder / GLAND_SIZE_FILE
    smallest, largest = model["settings"]["gland_size_um"]
    if "parent" in model:
        source = f"inherited from {model['parent']['folder']}"
    elif kept.exists():
        source = f"estimated from {plural(read_json(kept)['images'], 'image')}; --gland-size overrides it"
    else:
        source = "as given"
    return f"{smallest:.0f} to {largest:.0f} µm across, {source}"


def _earlier(path: Path) -> tuple[float, float]:
    try:
        smallest, largest = read_json(path)["gland_size_um"]
        return float(smallest), float(largest)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelError(f"{path} is damaged; delete it and run the same command again") from error
