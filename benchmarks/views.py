"""Measure how many views of an image have to be predicted: accuracy and processor time of one, two and four.

Run ``python benchmarks/views.py --model MODEL --root DATA/glas/train --mpp 0.62`` on a folder of images with
an annotation each (``NAME_anno.png`` beside ``NAME.png``). A view is the image, turned or mirrored; see
`acinus.grouping.segmenter.NetworkSegmenter`. Labels score, and choose nothing.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

from acinus.grouping.segmenter import NetworkSegmenter
from acinus.metrics import ImageScores, evaluate_pair, pool
from acinus.pipeline.estimator import GlandSegmenter
from acinus.slides.images import read_image
from acinus.slides.label_image import read_labels

VIEWS = (4, 2, 1)


def main() -> None:
    """Segment every image with each number of views, and print a table."""
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
    scores: dict[int, list[ImageScores]] = {views: [] for views in VIEWS}
    seconds = dict.fromkeys(VIEWS, 0.0)
    for truth_path in truths:
        name = truth_path.stem.removesuffix("_anno")
        rgb = read_image(truth_path.with_name(f"{name}.png"), mpp=arguments.mpp).rgb
        truth = read_labels(truth_path)
        for views in VIEWS:
            model._segmenter = replace(network, views=views)
            start = time.process_time()
            labels = model.segment(rgb, mpp=arguments.mpp).labels
            seconds[views] += time.process_time() - start
            scores[views].append(evaluate_pair(labels, truth, mpp=arguments.mpp, name=name))
    print(f"{len(truths)} images")
    print("| views | pooled mIoU | F1 | object Dice | processor s an image |")
    print("|---|---|---|---|---|")
    for views in VIEWS:
        found = pool(scores[views]).as_dict()
        print(
            f"| {views} | {found['miou_label_free']:.4f} | {found['detection_f1']:.4f} | "
            f"{found['object_dice']:.4f} | {seconds[views] / len(truths):.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
