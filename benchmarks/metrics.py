"""Time the challenge's metrics on one pair of label maps with many glands.

Run ``OMP_NUM_THREADS=1 python benchmarks/metrics.py``; options: ``--side-px``, ``--glands``, ``--runs``.
Prints medians; three predictions: close to the truth, poor (a third of the glands lost, a third invented
elsewhere) and one blob over everything.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median

import numpy as np
from numpy.typing import NDArray

from acinus.core.image import LabelMap
from acinus.metrics import LabelPair, detection_counts, evaluate_pair, object_dice, object_hausdorff_px


def gland_map(*, side_px: int, centres_px: NDArray[np.float64], radius_px: float) -> LabelMap:
    """Draw one wavy disc per centre (N, 2), later ones over earlier ones."""
    labels = np.zeros((side_px, side_px), dtype=np.int32)
    reach = int(1.3 * radius_px)
    dy, dx = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    distance, angle = np.hypot(dy, dx), np.arctan2(dy, dx)
    for number, (y, x) in enumerate(centres_px.astype(int), start=1):
        disc = distance < radius_px * (1 + 0.2 * np.sin(3 * angle + number))
        rows, columns = y + dy[disc], x + dx[disc]
        inside = (rows >= 0) & (rows < side_px) & (columns >= 0) & (columns < side_px)
        labels[rows[inside], columns[inside]] = number
    return labels


def median_ms(function: Callable[[], object], *, runs: int) -> float:
    """Return the median CPU time of `runs` calls in milliseconds, so other load does not count."""
    times = []
    for _ in range(runs):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return 1000 * median(times)


def main() -> None:
    """Print one line per prediction."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side-px", type=int, default=1500)
    parser.add_argument("--glands", type=int, default=300)
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()

    rng = np.random.default_rng(0)
    per_side = int(np.ceil(np.sqrt(options.glands)))
    pitch = options.side_px / per_side
    grid = (np.stack(np.mgrid[:per_side, :per_side], axis=-1).reshape(-1, 2)[: options.glands] + 0.5) * pitch
    centres = grid + rng.uniform(-0.05, 0.05, grid.shape) * pitch
    truth = gland_map(side_px=options.side_px, centres_px=centres, radius_px=0.45 * pitch)

    moved = centres + rng.uniform(-0.1, 0.1, centres.shape) * pitch
    near = gland_map(side_px=options.side_px, centres_px=moved, radius_px=0.42 * pitch)
    third = len(moved) // 3
    moved[:third] = rng.uniform(0, options.side_px, (third, 2))
    poor = gland_map(side_px=options.side_px, centres_px=moved, radius_px=0.2 * pitch)
    predictions = {"close": near, "poor": poor, "one blob": np.ones_like(truth)}

    print(f"{options.side_px} x {options.side_px} px, {truth.max()} glands, CPU ms, median of {options.runs}")
    print(
        f"{'prediction':12}{'pair':>8}{'F1':>8}{'Dice':>8}{'Hausdorff':>11}"
        f"{'all three':>11}{'evaluate_pair':>15}"
    )
    for name, prediction in predictions.items():
        pair = LabelPair.of(prediction, truth)
        steps: list[Callable[[], object]] = [
            lambda prediction=prediction: LabelPair.of(prediction, truth),  # type: ignore[misc]
            lambda pair=pair: detection_counts(pair),  # type: ignore[misc]
            lambda pair=pair: object_dice(pair),  # type: ignore[misc]
            lambda pair=pair: object_hausdorff_px(pair),  # type: ignore[misc]
        ]
        times = [median_ms(step, runs=options.runs) for step in steps]
        whole = median_ms(lambda p=prediction: evaluate_pair(p, truth, mpp=0.5), runs=options.runs)  # type: ignore[misc]
        pair_ms, f1_ms, dice_ms, hausdorff_ms = times
        print(
            f"{name:12}{pair_ms:8.0f}{f1_ms:8.1f}{dice_ms:8.1f}{hausdorff_ms:11.0f}{sum(times):11.0f}{whole:15.0f}"
        )


if __name__ == "__main__":
    main()
