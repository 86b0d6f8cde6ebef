"""The figures of docs/results.md on the GlaS training images: every row, every seed, time and memory.

    python benchmarks/glas.py --root DATA/glas --out runs/glas --seeds 0 1 2     computes what is missing
    python benchmarks/glas.py --root DATA/glas --out runs/glas --table           prints the tables

Each (row, seed) runs in a process of its own, is written to OUT/<row>_seed<k>.json once it is done, and is
not computed again. Labels are read by the scoring alone, after a row's masks are final.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from acinus.core.image import RgbImage
from acinus.data.glas import glas
from acinus.data.resample import resize_map
from acinus.data.sample import Sample
from acinus.inference.instances import InstanceSettings, label_glands
from acinus.metrics import evaluate_pair, pool

Probabilities = list[np.ndarray]
Row = Callable[[list[RgbImage], int, Path], dict[str, Probabilities]]
"""Images at full resolution, a seed and a scratch folder in; P(gland) of each image for each variant out."""


def untrained(images: list[RgbImage], seed: int, folder: Path) -> dict[str, Probabilities]:
    """The default network with random weights, its features clustered, darkest clusters = gland."""
    import torch

    from acinus.baselines import UntrainedNetwork

    fitted = UntrainedNetwork().fit(images, seed=seed, device=torch.device("cpu"))
    return {"untrained network": [fitted.probability(image) for image in images]}


def stage1(images: list[RgbImage], seed: int, folder: Path) -> dict[str, Probabilities]:
    """The proposals of every cue, read as masks: what is gland is gland, all else is background."""
    from acinus.mining.closed_shapes import ClosedShapes
    from acinus.mining.cue import DarkestCluster
    from acinus.mining.mine import fit_shallow, mine_proposals
    from acinus.mining.settings import MiningSettings

    cues = {
        "stage 1, exterior only (darkest cluster)": DarkestCluster(interior=False),
        "stage 1, with interior prior (darkest cluster, filled)": DarkestCluster(),
        "stage 1, closed shapes": ClosedShapes(),
    }
    settings = MiningSettings()
    network = fit_shallow(images, settings, seed=seed)
    found = {}
    for name, cue in cues.items():
        maps = mine_proposals(images, replace(settings, cue=cue), network=network, seed=seed, processes=2)
        found[name] = [proposal.gland.astype(np.float32) for proposal in maps]
    return found


def stage2(changes: dict[str, object]) -> Row:
    """Return the row of a whole fit with a settings file of `changes`; every round is a variant."""

    def row(images: list[RgbImage], seed: int, folder: Path) -> dict[str, Probabilities]:
        import safetensors.torch

        from acinus.grouping.rounds import build_network
        from acinus.grouping.segmenter import NetworkSegmenter
        from acinus.pipeline.device import choose_device
        from acinus.pipeline.fit import fit, reduced
        from acinus.pipeline.settings import settings_from_plain

        settings = settings_from_plain(changes)
        device = choose_device("auto")
        fit([reduced(image, settings) for image in images], settings, seed=seed, device=device, folder=folder)
        found = {}
        for number in range(settings.grouping.rounds):
            network = build_network(settings.grouping, seed=0, weights=None)
            network.load_state_dict(safetensors.torch.load_file(folder / f"rounds/round{number}.safetensors"))
            segmenter = NetworkSegmenter(network.to(device).eval(), mpp=settings.grouping.mpp, device=device)
            found[f"round {number + 1}"] = [segmenter.probability(image) for image in images]
        return found

    return row


_ONE_ROUND = {"rounds": 1}
_PSPNET = {"network": {"kind": "PSPNetSpec"}, **_ONE_ROUND}

ROWS: dict[str, Row] = {
    "untrained": untrained,
    "stage1": stage1,
    "stage2-no-diffusion": stage2({"grouping": {"diffusion_weight": 0.0}}),  # the default
    "stage2": stage2({"grouping": {"diffusion_weight": 0.1}}),
    # One round each, to be compared with the first round of the rows above.
    "cue-darkest-cluster": stage2({"mining": {"cue": {"kind": "DarkestCluster"}}, "grouping": _ONE_ROUND}),
    "cue-closed-shapes": stage2({"mining": {"cue": {"kind": "ClosedShapes"}}, "grouping": _ONE_ROUND}),
    "pspnet": stage2({"grouping": _PSPNET}),
    "pspnet-fine": stage2({"grouping": {**_PSPNET, "mpp": 1.25, "crop_px": 160, "batch_crops": 8}}),
    "loss-iic": stage2({"mining": {"shallow": {"loss": {"kind": "IICLoss"}}}, "grouping": _ONE_ROUND}),
    "diffusion-both-move": stage2(
        {"grouping": {"diffusion_weight": 0.1, "diffusion": {"stop_gradient": False}, **_ONE_ROUND}}
    ),
    "diffusion-strong": stage2({"grouping": {"diffusion_weight": 0.5, **_ONE_ROUND}}),
    "no-omission": stage2({"grouping": {"omission": None}}),
}
MAIN_ROWS = ("untrained", "stage1", "stage2", "stage2-no-diffusion")


def main() -> None:
    """Compute missing results, or print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, required=True, help="folder of GlaS")
    parser.add_argument("--out", type=Path, required=True, help="folder of the results")
    parser.add_argument("--rows", nargs="+", choices=list(ROWS), default=list(MAIN_ROWS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--table", action="store_true", help="print the tables of what is there")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.table:
        print_tables(arguments.out)
        return
    arguments.out.mkdir(parents=True, exist_ok=True)
    for seed in arguments.seeds:
        for row in arguments.rows:
            target = arguments.out / f"{row}_seed{seed}.json"
            if target.exists():
                continue
            if arguments.alone:
                compute(row, seed, arguments.root, target)
            else:
                words = [
                    sys.executable,
                    __file__,
                    "--root",
                    arguments.root,
                    "--out",
                    arguments.out,
                    "--alone",
                ]
                subprocess.run([*map(str, words), "--rows", row, "--seeds", str(seed)], check=True)


def compute(row: str, seed: int, root: Path, target: Path) -> None:
    """Compute one row with one seed, score it and write its file."""
    samples = glas(root)
    images = [sample.image() for sample in samples]
    start, busy = time.monotonic(), os.times()
    found = ROWS[row](images, seed, target.with_suffix(""))
    seconds = time.monotonic() - start
    peak = _peak_memory_bytes()
    result = {
        "row": row,
        "seed": seed,
        "seconds": seconds,
        "cpu_seconds": sum(os.times()[:4]) - sum(busy[:4]),
        "peak_bytes": peak,
        "variants": {name: score(samples, images, maps, target.stem, name) for name, maps in found.items()},
    }
    target.write_text(json.dumps(result, indent=1))


def score(
    samples: Sequence[Sample], images: Sequence[RgbImage], maps: Probabilities, stem: str, name: str
) -> dict[str, object]:
    """Compare the glands cut out of each probability map with the truth."""
    scores = []
    for sample, image, probability in zip(samples, images, maps, strict=True):
        labels = label_glands(resize_map(probability, image.shape), InstanceSettings(), mpp=image.mpp)
        scores.append(evaluate_pair(labels, sample.truth(), mpp=image.mpp, name=sample.name))
    pooled = pool(scores).as_dict()
    print(f"{stem}, {name}: mIoU {pooled['miou_label_free']:.4f}", flush=True)
    return {"pooled": pooled, "images": {s.name: s.as_dict() for s in scores}}


def _peak_memory_bytes() -> int:
    import resource

    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return 1024 * max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)


COLUMNS = {
    "mIoU": ("miou_label_free", 3),
    "mIoU oracle": ("miou_oracle", 3),
    "per-image mIoU": ("miou_label_free_image_mean", 3),
    "F1": ("detection_f1", 3),
    "object Dice": ("object_dice", 3),
    "object Hausdorff µm": ("object_hausdorff_um", 1),
    "F1 at IoU 0.5": ("f1_iou50", 3),
    "PQ": ("panoptic_quality", 3),
}


def print_tables(out: Path) -> None:
    """Print a Markdown table of mean ± standard deviation over seeds for each row and variant."""
    results = [json.loads(path.read_text()) for path in sorted(out.glob("*_seed*.json"))]
    print("| row | seeds | " + " | ".join(COLUMNS) + " | seconds | peak GB |")
    print("|---" * (len(COLUMNS) + 4) + "|")
    for row in ROWS:
        same = [result for result in results if result["row"] == row]
        for name in same[0]["variants"] if same else ():
            cells = [
                _cell([r["variants"][name]["pooled"][key] for r in same], digits)
                for key, digits in COLUMNS.values()
            ]
            cells.append(_cell([r["seconds"] for r in same], 0))
            cells.append(_cell([r["peak_bytes"] / 1e9 for r in same], 1))
            title = name if row in ("untrained", "stage1") else f"{row}, {name}"
            print(f"| {title} | {len(same)} | " + " | ".join(cells) + " |")


def _cell(values: Sequence[float], digits: int) -> str:
    mean = f"{statistics.fmean(values):.{digits}f}"
    return mean if len(values) == 1 else f"{mean} ± {statistics.stdev(values):.{digits}f}"


if __name__ == "__main__":
    main()
