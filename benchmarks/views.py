"""Measure how images have to be predicted: accuracy and processor time by views and by precision.

Run ``python benchmarks/views.py --model MODEL --root DATA/glas/train --mpp 0.62`` on a folder of images with
an annotation each (``NAME_anno.png`` beside ``NAME.png``). A view is the image, turned or mirrored; see
`acinus.grouping.segmenter.NetworkSegmenter`. Slides are computed with two views in half precision, which
is the same as single precision where the processor has no bfloat16. Labels score, and choose nothing.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

from acinus.grouping.segmenter import NetworkSegmenter
from acinus.metrics import ImageScores, evaluate_pair, pool
from acinus.networks.precision import has_bfloat16
from acinus.pipeline.estimator import GlandSegmenter
from acinus.slides.images import read_image
from acinus.slides.label_image import read_labels

VARIANTS = ((4, False), (4, True), (2, False), (2, True), (1, False))  # views, in half precision


def main() -> None:
    """Segment every image in each way, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--mpp", type=float, required=True)
    parser.add_argument("--images", type=int, help="only the first so many")
    arguments = parser.parse_args()
    model = GlandSegmenter.load(arguments.model, device="cpu")
    network = model.fitted
    assert isinstance(network, NetworkSegmenter)
    truths = sorted(arguments.root.glob("*_anno.png"))[: arguments.images]
    scores: dict[tuple[int, bool], list[ImageScores]] = {variant: [] for variant in VARIANTS}
    seconds = dict.fromkeys(VARIANTS, 0.0)
    for truth_path in truths:
        name = truth_path.stem.removesuffix("_anno")
        rgb = read_image(truth_path.with_name(f"{name}.png"), mpp=arguments.mpp).rgb
        truth = read_labels(truth_path)
        for variant in VARIANTS:
            model._segmenter = replace(network, views=variant[0], in_half=variant[1])
            start = time.process_time()
            labels = model.segment(rgb, mpp=arguments.mpp).labels
            seconds[variant] += time.process_time() - start
            scores[variant].append(evaluate_pair(labels, truth, mpp=arguments.mpp, name=name))
    print(f"{len(truths)} images")
    print("| views | precision | pooled mIoU | F1 | object Dice | processor s an image |")
    print("|---|---|---|---|---|---|")
    for variant in VARIANTS:
        views, precision = variant[0], "bfloat16" if variant[1] and has_bfloat16() else "float32"
        found = pool(scores[variant]).as_dict()
        print(
            f"| {views} | {precision} | {found['miou_label_free']:.4f} | {found['detection_f1']:.4f} | "
            f"{found['object_dice']:.4f} | {seconds[variant] / len(truths):.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
