"""What does a model gain on other images when it goes on with them, and what does it keep?

Run ``python benchmarks/continuing.py --model MODEL --new NEW --mpp 1.3 --old OLD --old-mpp 0.62 --out OUT``
with folders of images that have their annotations beside them, as DATA/ebhi has. ``acinus fit NEW --from
MODEL`` goes on once per seed, and the model itself and each of its children segment both folders. Prints the
pooled mIoU of both and the processor's minutes; no label is read before that. ``--every 3`` scores every
third image alone.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from acinus import GlandSegmenter
from acinus.data.folder import folder
from acinus.data.sample import Sample
from acinus.metrics.confusion import ConfusionMatrix
from acinus.pipeline.fit_files import fit_files


def miou(model: GlandSegmenter, samples: Sequence[Sample]) -> float:
    """Return the pooled mIoU."""
    pixels = ConfusionMatrix()
    for sample in samples:
        pixels += ConfusionMatrix.of(model.segment(sample.image()).labels > 0, sample.truth() > 0)
    return pixels.miou


def main() -> None:
    """Read the command line, go on, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--new", type=Path, required=True, help="images to go on with")
    parser.add_argument("--mpp", type=float, required=True)
    parser.add_argument("--old", type=Path, required=True, help="images of the kind that the model knows")
    parser.add_argument("--old-mpp", type=float, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--every", type=int, default=1)
    arguments = parser.parse_args()
    new, old = folder([arguments.new], mpp=arguments.mpp), folder([arguments.old], mpp=arguments.old_mpp)
    scored = [new[:: arguments.every], old[:: arguments.every]]
    paths = [sample.image_path for sample in new]

    def show(name: str, model: GlandSegmenter, minutes: float) -> None:
        figures = " ".join(f"{miou(model, samples):.3f}" for samples in scored)
        print(f"{name}: new and old {figures}, {minutes:.1f} min", flush=True)

    show("the model itself", GlandSegmenter.load(arguments.model), 0.0)
    for seed in arguments.seeds:
        start, out = time.process_time(), arguments.out / f"model{seed}"
        fit_files(paths, from_model=arguments.model, out=out, mpp=arguments.mpp, seed=seed, processes=1)
        show(f"seed {seed}", GlandSegmenter.load(out), (time.process_time() - start) / 60.0)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
