"""Results of single seeds and folds gathered into the rows of the tables."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from acinus.benchmark.bootstrap import Counts, Difference, paired_bootstrap
from acinus.metrics import ConfusionMatrix, ImageScores, pool

__all__ = ["MAPPINGS", "Row", "Spread", "differences", "gather", "merge_folds"]

MAPPINGS = ("label_free", "oracle")


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation of a figure over seeds."""

    mean: float
    sd: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Summarise values; one alone has no standard deviation."""
        return cls(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None)

    def times(self, factor: float) -> Spread:
        """Return it in another unit."""
        return Spread(self.mean * factor, None if self.sd is None else self.sd * factor)

    def text(self, digits: int) -> str:
        """Write it as tables do.

        Examples
        --------
        >>> Spread.of([0.5, 0.7]).text(2), Spread.of([0.5]).text(2)
        ('0.60 ± 0.14', '0.50')
        """
        mean = f"{self.mean:.{digits}f}"
        return mean if self.sd is None else f"{mean} ± {self.sd:.{digits}f}"


@dataclass(frozen=True)
class Row:
    """A method, or one of its stages, over all seeds.

    Attributes
    ----------
    method : str
        Name of the method.
    stage : str
        Which of its stages; empty for the method itself.
    number : int
        Place of the stage in the results, which names the folder of its masks.
    title : str
        What tables call it.
    seeds : list of int
    scores : mapping
        By split and mapping, each seed's scores.
    fit_seconds, peak_bytes : Spread or None
        None for a stage: they are those of the whole method. Memory also where it could not be measured.
    seconds_per_image : Spread
    clusters : int
        K.
    collapsed : int
        Seeds with nearly all pixels in one cluster.
    """

    method: str
    stage: str
    number: int
    title: str
    seeds: list[int]
    scores: Mapping[str, Mapping[str, list[dict[str, Any]]]] = field(repr=False)
    fit_seconds: Spread | None
    peak_bytes: Spread | None
    seconds_per_image: Spread
    clusters: int
    collapsed: int

    def metric(self, split: str, mapping: str, name: str) -> Spread:
        """Return a pooled metric over the seeds."""
        return Spread.of([float(scores["pooled"][name]) for scores in self.scores[split][mapping]])

    def miou_of(self, split: str, images: Collection[str]) -> Spread:
        """Return the mIoU over the seeds by the method's own mapping, pooled over some images of a split."""
        pooled = [
            sum((ConfusionMatrix(*scores["counts"][name]) for name in images), ConfusionMatrix())
            for scores in self.scores[split]["label_free"]
        ]
        return Spread.of([matrix.miou for matrix in pooled])

    def metrics(self, split: str, mapping: str) -> list[str]:
        """Return the names of all pooled metrics."""
        return list(self.scores[split][mapping][0]["pooled"])

    def folds(self, split: str) -> list[float]:
        """Return each fold's pooled mIoU by its own mapping, mean over seeds; empty where there are none."""
        seeds = [scores.get("folds", []) for scores in self.scores[split]["label_free"]]
        return [statistics.fmean(values) for values in zip(*seeds, strict=True)]

    def counts(self, split: str, mapping: str = "label_free") -> Counts:
        """Return the pixel counts (S, N, 4) of the split's images."""
        return np.array([list(scores["counts"].values()) for scores in self.scores[split][mapping]], np.int64)


def gather(results: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Return a row for each method and stage, in the order in which methods first come.

    Parameters
    ----------
    results : iterable of dict
        Content of ``result.json``, of any seeds.
    """
    by_method: dict[str, list[Mapping[str, Any]]] = {}
    for result in results:
        by_method.setdefault(result["method"], []).append(result)
    rows = []
    for method, seeds in by_method.items():
        stages = list(seeds[0]["rows"])
        for stage in [*stages[1:], ""]:  # the method itself comes last, as its last round
            rows.append(_row(method, stage, stages.index(stage), seeds))
    return rows


def _row(method: str, stage: str, number: int, seeds: Sequence[Mapping[str, Any]]) -> Row:
    own = [result["rows"][stage] for result in seeds]
    title = seeds[0]["title"]
    whole = not stage
    peaks = [result["peak_bytes"] for result in seeds]
    return Row(
        method=method,
        stage=stage,
        number=number,
        title=f"{title}, {stage}" if stage else title,
        seeds=[result["seed"] for result in seeds],
        scores={
            split: {mapping: [row["splits"][split][mapping] for row in own] for mapping in MAPPINGS}
            for split in own[0]["splits"]
        },
        fit_seconds=Spread.of([result["fit_seconds"] for result in seeds]) if whole else None,
        peak_bytes=Spread.of(peaks) if whole and None not in peaks else None,
        seconds_per_image=Spread.of([row["seconds_per_image"] for row in own]),
        clusters=own[0]["clusters"],
        collapsed=sum(result["collapsed"] for result in seeds),
    )


def differences(rows: Sequence[Row], split: str) -> list[tuple[Row, Row, Difference]]:
    """Compare every two rows on a split by their own mapping; the row that stands higher comes first."""
    found = []
    counts = [row.counts(split) for row in rows]
    for i, row in enumerate(rows):
        for j in range(i):
            difference = paired_bootstrap(counts[i], counts[j])
            if difference.mean >= 0:
                found.append((row, rows[j], difference))
            else:
                found.append((rows[j], row, difference.turned()))
    return found


def merge_folds(results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return one result of a method and seed from those of its folds.

    Parameters
    ----------
    results : sequence of dict
        Content of ``result.json``, one of each fold, in their order.

    Returns
    -------
    dict
        What `gather` reads. Metrics are pooled over the images of all folds: held-out images come once, the
        others once for every model that learnt from them; the ``counts`` of an image are the sum over its
        models. ``folds`` has each fold's pooled mIoU. Seconds are a fold's mean, memory is the most of any.
    """
    first = results[0]
    peaks = [result["peak_bytes"] for result in results]
    return {
        **{name: first[name] for name in ("method", "title", "seed", "settings")},
        "fit_seconds": statistics.fmean(result["fit_seconds"] for result in results),
        "peak_bytes": None if None in peaks else max(peaks),
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
        "seconds_per_image": statistics.fmean(row["seconds_per_image"] for row in rows),
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
