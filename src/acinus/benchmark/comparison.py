"""What a benchmark leaves: tables, charts, the grid of pictures and the page, from the results on disk."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from acinus.benchmark.datasets import Splits
from acinus.benchmark.job import Job, Store
from acinus.benchmark.picture_grid import write_grid
from acinus.benchmark.published import PUBLISHED
from acinus.benchmark.rows import Row, gather, merge_folds
from acinus.benchmark.score_tables import WHERE, Table, differences_csv, markdown, results_csv, tables
from acinus.core.errors import AcinusError
from acinus.core.files import atomic_path, write_json
from acinus.core.run import run_record
from acinus.data.sample import Sample
from acinus.report.bars import Bar, bar_chart
from acinus.report.document import chart_file, render
from acinus.report.run_facts import run_facts
from acinus.results.batch import BatchResult
from acinus.results.files import FAILURES
from acinus.results.ownership import claimed

__all__ = ["COMPARISON_FILES", "BenchmarkResult", "miou_chart", "write_comparison"]

_KEY = (
    "Bar: label-free mIoU. Whisker: standard deviation over seeds. Green stroke: with the oracle's mapping."
)
_SMALL_NOTE = (
    "Made with --small: so few images and steps show that everything works, but the figures mean nothing and "
    "do not tell which method is better."
)
_MOST_SHOWN = 4
_CHARTS = {split: f"chart-{split}.svg" for split in WHERE}

COMPARISON_FILES = (
    *("results.html", "results.md", "results.csv", "differences.csv", "grid.png", *_CHARTS.values()),
    *("benchmark.json", FAILURES),
)
"""All that a comparison leaves beside the results of its methods."""


@dataclass(frozen=True)
class BenchmarkResult:
    """What a benchmark found.

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


def write_comparison(
    out: Path,
    dataset: str,
    splits: Sequence[Splits],
    jobs: Sequence[Job],
    *,
    order: list[str],
    outcome: BatchResult,
    small: bool = False,
) -> BenchmarkResult:
    """Write tables, charts, pictures and the page into the folder of a benchmark.

    Parameters
    ----------
    out : Path
        Its ``results/`` hold those of the jobs.
    dataset : str
    splits : sequence of Splits
        One, or one for each fold.
    jobs : sequence of Job
        Those whose results are wanted; some may have none.
    order : list of str
        Names of methods as the tables have them.
    outcome : BatchResult
        What was computed and what failed.
    small : bool
        Whether page and tables are to say that such figures mean nothing.

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
    parts_glands = splits[0].parts_glands
    all_tables = tables(rows, published=published, glands=parts_glands, grades=_grades(splits))
    charts = {split: miou_chart(rows, split, published=published) for split in rows[0].scores}
    note = f"{splits[0].note} {_SMALL_NOTE}" if small else splits[0].note
    title = f"Gland segmentation without labels, compared on {dataset}"
    settings = {result["method"]: result["settings"] for result in found}
    record = run_record(
        command=None, settings={"dataset": dataset, "methods": settings}, seed=None, inputs=[]
    )
    with claimed(out, COMPARISON_FILES):
        files = {
            "table": _text(out / "results.md", f"# {title}\n\n{note}\n\n{markdown(all_tables)}"),
            "every metric": _text(out / "results.csv", results_csv(rows, glands=parts_glands)),
            "differences": _text(out / "differences.csv", differences_csv(rows)),
            **{f"chart, {s}": _text(out / _CHARTS[s], chart_file(c)) for s, c in charts.items()},
            "pictures": _pictures(out / "grid.png", splits, rows, jobs, store),
        }
        write_json(out / "benchmark.json", record)
        html = _page(title, note, all_tables, charts, files["pictures"], outcome, record)
        page = _text(out / "results.html", html)
    return BenchmarkResult(rows, outcome, {**files, "page": page})


def miou_chart(rows: Sequence[Row], split: str, *, published: bool) -> Markup:
    """Return the chart of a split: a bar for each row, and dashed empty ones for published figures."""
    bars = []
    for row in rows:
        own = row.metric(split, "label_free", "miou_label_free")
        oracle = row.metric(split, "oracle", "miou_label_free")
        bars.append(Bar(row.title, own.mean, own.text(3), row.title, own.sd, oracle.mean))
    for figure in PUBLISHED if published else ():
        value = sum(figure.miou_percent) / len(figure.miou_percent) / 100
        about = f"{figure.method}, {figure.source}"
        bars.append(Bar(f"published: {figure.method}", value, f"{figure.text} %", about, empty=True))
    return bar_chart(bars, title=f"Pooled mIoU of each method, {WHERE[split]}")


def _page(
    title: str,
    note: str,
    all_tables: Sequence[Table],
    charts: dict[str, Markup],
    grid: Path,
    outcome: BatchResult,
    record: dict[str, Any],
) -> str:
    return render(
        "benchmark.html.j2",
        title=title,
        note=note,
        failures=outcome.failures,
        chart_key=_KEY,
        charts=[(WHERE[split].capitalize(), chart) for split, chart in charts.items()],
        tables=all_tables,
        grid=f"data:image/png;base64,{base64.b64encode(grid.read_bytes()).decode()}",
        run=run_facts(record),
    )


def _found(jobs: Sequence[Job], store: Store) -> list[dict[str, Any]]:
    """Return the results of all methods and seeds; of folds, where each has one, merged."""
    found = []
    own = itertools.groupby(sorted(jobs, key=_method_and_seed), _method_and_seed)
    for results in ([store.load(job) for job in alike] for _, alike in own):
        there = [result for result in results if result is not None]
        if len(there) == len(results):
            found.append(there[0] if len(there) == 1 else merge_folds(there))
    return found


def _grades(splits: Sequence[Splits]) -> dict[str, str]:
    return {name: grade for part in splits for name, grade in part.grades.items()}


def _method_and_seed(job: Job) -> tuple[str, int]:
    return job.method.name, job.seed


def _pictures(
    path: Path, splits: Sequence[Splits], rows: Sequence[Row], jobs: Sequence[Job], store: Store
) -> Path:
    """Write the grid: images of each fold in turn, with masks of a model that never saw them."""
    shown: list[tuple[Sample, int]] = []
    for place in range(_MOST_SHOWN):
        shown += [(part.shown[place], i) for i, part in enumerate(splits) if place < len(part.shown)]
    shown = shown[:_MOST_SHOWN]
    folds = {sample.name: fold + 1 if len(splits) > 1 else 0 for sample, fold in shown}
    folders = {(job.method.name, job.seed, job.fold): store.path(job) for job in jobs}
    write_grid(
        path,
        [sample for sample, _ in shown],
        rows,
        lambda row, image: folders[row.method, row.seeds[0], folds[image]],
    )
    return path


def _text(path: Path, text: str) -> Path:
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path
