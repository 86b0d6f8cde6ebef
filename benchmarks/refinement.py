"""What refinement adds to the network's answer, step by step, on GlaS.

Run ``python benchmarks/refinement.py --root DATA/glas MODEL [MODEL ...]`` with folders of ``acinus fit``.
Prints the pooled mIoU of each variant of `RefinementSettings`, mean and standard deviation over the models.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from acinus import GlandSegmenter
from acinus.data.glas import glas
from acinus.data.resample import image_at_mpp, resize_map
from acinus.inference.instances import gland_mask
from acinus.inference.refinement import RefinementSettings, refined
from acinus.inference.windows import maps_in_windows
from acinus.metrics.confusion import ConfusionMatrix

_FULL = RefinementSettings()
_VARIANTS: Mapping[str, RefinementSettings] = {
    "network alone": replace(_FULL, colour_weight=0.0, lumen_above=1.0, tissue_only=False),
    "+ colours": replace(_FULL, lumen_above=1.0, tissue_only=False),
    "+ lumina cut by the side": replace(_FULL, tissue_only=False),
    "+ glass is no gland (default)": _FULL,
    "lumina alone": replace(_FULL, colour_weight=0.0, tissue_only=False),
    "colour weight 0.4": replace(_FULL, colour_weight=0.4),
    "colour weight 0.8": replace(_FULL, colour_weight=0.8),
    "smoothing 2.5 µm": replace(_FULL, smoothing_um=2.5),
    "smoothing 6 µm": replace(_FULL, smoothing_um=6.0),
    "gland above 0.6, background below 0.1": replace(_FULL, gland_above=0.6, background_below=0.1),
    "lumen above 0.25": replace(_FULL, lumen_above=0.25),
    "lumen above 0.35": replace(_FULL, lumen_above=0.35),
}


def scores(model: GlandSegmenter, root: Path) -> dict[str, float]:
    """Return the pooled mIoU of each variant; the network is asked once an image."""
    totals = dict.fromkeys(_VARIANTS, ConfusionMatrix())
    for sample in glas(root):
        image, truth = sample.image(), sample.truth() > 0
        mpp = model.fitted.mpp
        small = image_at_mpp(image, mpp)
        alone = maps_in_windows(small, model.fitted).probability
        for name, settings in _VARIANTS.items():
            probability = resize_map(refined(alone, small.rgb, settings, mpp=mpp).probability, image.shape)
            found = gland_mask(probability, model.fitted_settings.instances, mpp=image.mpp)
            totals[name] += ConfusionMatrix.of(found, truth)
    return {name: total.miou for name, total in totals.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--root", type=Path, required=True)
    arguments = parser.parse_args()
    found = [scores(GlandSegmenter.load(folder), arguments.root) for folder in arguments.models]
    print("| reading | mIoU | of each model |\n|---|---|---|")
    for name in _VARIANTS:
        values = np.array([each[name] for each in found])
        each = ", ".join(f"{value:.3f}" for value in values)
        print(f"| {name} | {values.mean():.3f} ± {values.std(ddof=min(1, len(values) - 1)):.3f} | {each} |")


if __name__ == "__main__":
    main()
