"""The results of all folds of a method and seed, made into one in which every image was never seen once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

import numpy as np

from acinus.metrics import ImageScores, pool

__all__ = ["merge_folds"]


def merge_folds(results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return one result of a method and seed from those of its folds.

    Parameters
    ----------
    results : sequence of dict
        Content of ``result.json``, one of each fold, in their order.

    Returns
    -------
    dict
        What `acinus.benchmark.rows.gather` reads. Metrics are pooled over the images of all folds:
        held-out images come once, the others once for every model that learnt from them; the ``counts`` of an
        image are the sum over its models. ``folds`` has each fold's pooled mIoU. Seconds are a fold's mean,
        memory is the most of any.
    """
    first = results[0]
    return {
        **{name: first[name] for name in ("method", "title", "seed", "settings")},
        "fit_seconds": fmean(result["fit_seconds"] for result in results),
        "peak_bytes": max(result["peak_bytes"] for result in results),
        "collapsed": any(result["collapsed"] for result in results),
        "rows": {row: _merge_rows([result["rows"][row] for result in results]) for row in first["rows"]},
    }


def _merge_rows(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    splits = {
        split: {
            mapping: _merge_scores([row["splits"][split][mapping] for row in rows]) for mapping in mappings
        }
        for split, mappings in rows[0]["splits"].items()
    }
    return {
        "seconds_per_image": fmean(row["seconds_per_image"] for row in rows),
        "clusters": rows[0]["clusters"],
        "splits": splits,
    }


def _merge_scores(folds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    images = [ImageScores.from_sums(sums) for fold in folds for sums in fold["sums"].values()]
    return {
        "pooled": pool(images).as_dict(),
        "counts": _summed(fold["counts"] for fold in folds),
        "folds": [fold["pooled"]["miou_label_free"] for fold in folds],
    }


def _summed(folds: Iterable[Mapping[str, list[int]]]) -> dict[str, list[int]]:
    by_image: dict[str, list[list[int]]] = defaultdict(list)
    for counts in folds:
        for name, own in counts.items():
            by_image[name].append(own)
    return {name: np.sum(by_image[name], axis=0).tolist() for name in sorted(by_image)}
