"""What a benchmark leaves: tables, charts, the grid of pictures and the page, from the results on disk."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acinus.benchmark.chart import bar_chart
from acinus.benchmark.folds import merge_folds
from acinus.benchmark.grid import write_grid
from acinus.benchmark.job import Job, Store
from acinus.benchmark.page import page
from acinus.benchmark.rows import Row, gather
from acinus.benchmark.splits import Splits
from acinus.benchmark.tables import differences_csv, markdown, results_csv, tables
from acinus.core.errors import AcinusError
from acinus.core.files import atomic_path, write_json
from acinus.core.run import run_record
from acinus.data.sample import Sample
from acinus.results.batch import BatchResult
from acinus.results.files import FAILURES

__all__ = ["BenchmarkResult", "write_benchmark"]


@dataclass(frozen=True)
class BenchmarkResult:
    """What a benchmark has to say.

    Attributes
    ----------
    rows : list of Row
        In the order of the tables.
    outcome : BatchResult
        Which (method, seed) were computed, were there already, or failed.
    files : dict of str to Path
        What was written.
    """

    rows: list[Row]
    outcome: BatchResult
    files: dict[str, Path]


def write_benchmark(
    out: Path,
    dataset: str,
    parted: Sequence[Splits],
    jobs: Sequence[Job],
    *,
    order: list[str],
    outcome: BatchResult,
) -> BenchmarkResult:
    """Write everything that a benchmark has to say into its folder.

    Parameters
    ----------
    out : Path
        Folder of the benchmark, whose ``results/`` hold those of the jobs.
    dataset : str
    parted : sequence of Splits
        One, or one for each fold.
    jobs : sequence of Job
        Those whose results are wanted; some may have none.
    order : list of str
        Names of methods as the tables have them.
    outcome : BatchResult
        What was computed and what failed.

    Raises
    ------
    AcinusError
        When no method has a result.
    OutputError
        When a file cannot be written.
    """
    store = Store(out)
    found = _found(jobs, store)
    if not found:
        reasons = "; ".join(failure.reason for failure in outcome.failures[:3])
        raise AcinusError(f"no method has a result: {reasons}; tracebacks are in {out / FAILURES}")
    rows = gather(sorted(found, key=lambda result: (order.index(result["method"]), result["seed"])))
    published = dataset == "glas"
    all_tables = tables(rows, published=published)
    title = f"Benchmark of gland segmentation without labels: {dataset}"
    charts = {split: bar_chart(rows, split, published=published) for split in rows[0].scores}
    texts = {
        "table": (out / "results.md", f"# {title}\n\n{parted[0].note}\n\n{markdown(all_tables)}"),
        "every metric": (out / "results.csv", results_csv(rows)),
        "differences": (out / "differences.csv", differences_csv(rows)),
        **{f"chart, {split}": (out / f"chart-{split}.svg", chart) for split, chart in charts.items()},
    }
    files = {}
    for name, (path, text) in texts.items():
        files[name] = _text(path, text)
    files["pictures"] = out / "grid.png"
    shown = _shown(parted)

    def masks_folder(row: Row, image: str) -> Path:
        fold = next(fold for sample, fold in shown if sample.name == image)
        return store.folder_of(row.method, row.seeds[0], fold if len(parted) > 1 else 0)

    write_grid(files["pictures"], [sample for sample, _ in shown], rows, masks_folder)
    settings = {result["method"]: result["settings"] for result in found}
    record = run_record(
        command=None, settings={"dataset": dataset, "methods": settings}, seed=None, inputs=[]
    )
    write_json(out / "benchmark.json", record)
    html = page(
        title=title,
        note=parted[0].note,
        command=record["command"],
        tables=all_tables,
        charts=list(charts.values()),
        grid=files["pictures"],
        failures={failure.name: failure.reason for failure in outcome.failures},
    )
    files["page"] = _text(out / "results.html", html)
    return BenchmarkResult(rows=rows, outcome=outcome, files=files)


def _found(jobs: Sequence[Job], store: Store) -> list[dict[str, Any]]:
    """Return the results of all methods and seeds; of folds, where each has one, made into one."""
    found = []
    own = itertools.groupby(sorted(jobs, key=_method_and_seed), _method_and_seed)
    for results in ([store.load(job) for job in alike] for _, alike in own):
        there = [result for result in results if result is not None]
        if len(there) == len(results):
            found.append(there[0] if len(there) == 1 else merge_folds(there))
    return found


def _method_and_seed(job: Job) -> tuple[str, int]:
    return job.method, job.seed


def _shown(parted: Sequence[Splits], *, most: int = 4) -> list[tuple[Sample, int]]:
    """Return the images of the grid and the fold whose model draws on each: of each fold in turn."""
    found = []
    for place in range(most):
        for fold, splits in enumerate(parted, start=1):
            samples = {sample.name: sample for part in splits.scored.values() for sample in part}
            if place < len(splits.shown):
                found.append((samples[splits.shown[place]], fold))
    return found[:most]


def _text(path: Path, text: str) -> Path:
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path
