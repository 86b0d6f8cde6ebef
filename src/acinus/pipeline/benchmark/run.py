"""The verb: which results are missing, compute them, write what they say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from acinus.core.errors import AcinusError, UsageError
from acinus.core.files import atomic_path, make_folder, write_json
from acinus.core.progress import Progress, SilentProgress
from acinus.core.run import run_record
from acinus.pipeline.arguments import check_mpp_argument
from acinus.pipeline.benchmark.catalogue import find_methods
from acinus.pipeline.benchmark.chart import bar_chart
from acinus.pipeline.benchmark.dask import run_jobs_on_dask
from acinus.pipeline.benchmark.grid import write_grid
from acinus.pipeline.benchmark.job import Failed, Files, Job, Store, make_job
from acinus.pipeline.benchmark.page import page
from acinus.pipeline.benchmark.plan import Plan
from acinus.pipeline.benchmark.process import run_jobs_here
from acinus.pipeline.benchmark.rows import Row, gather
from acinus.pipeline.benchmark.splits import Splits, find_splits
from acinus.pipeline.benchmark.tables import differences_csv, markdown, results_csv, tables
from acinus.pipeline.device import choose_device
from acinus.pipeline.outcome import Failure, Outcome

__all__ = ["BenchmarkResult", "run_benchmark"]


@dataclass(frozen=True)
class BenchmarkResult:
    """What a benchmark has to say.

    Attributes
    ----------
    rows : list of Row
        In the order of the tables.
    outcome : Outcome
        Which (method, seed) were computed, were there already, or failed.
    files : dict of str to Path
        What was written.
    """

    rows: list[Row]
    outcome: Outcome
    files: dict[str, Path]


def run_benchmark(
    dataset: str,
    *,
    out: Path,
    root: Path | None = None,
    methods: Sequence[str] = ("all",),
    seeds: int = 3,
    workers: int = 1,
    scheduler: str | None = None,
    plan: Plan | None = None,
    method_files: Sequence[Path] = (),
    method_objects: Sequence[object] = (),
    mpp: float | None = None,
    patient_disjoint: bool = False,
    device: str = "auto",
    progress: Progress | None = None,
) -> BenchmarkResult:
    """Compare methods on a data set; see ``acinus benchmark --help``.

    Parameters
    ----------
    dataset, root, mpp, patient_disjoint
        The images, see `find_splits`.
    out : Path
        Takes ``results/`` with each (method, seed), and the tables, charts and the page of the methods asked
        for. Results that are there, of the same settings and images, are not computed again.
    methods : sequence of str
        Names or groups, see `Catalogue.select`.
    seeds : int
        Each method is fitted with the seeds 0 to `seeds` − 1.
    workers : int
        Processes at a time on this machine.
    scheduler : str, optional
        Address of a Dask scheduler whose machines compute instead.
    plan : Plan, optional
        Changes to settings.
    method_files, method_objects
        Methods from outside the package, see `find_methods`. Objects must be of a class that another process
        can import.
    device : str
        Of every method.
    progress : Progress, optional

    Raises
    ------
    UsageError
        When an argument cannot be used, or `out` holds something else.
    DatasetError
        When images or labels lack.
    AcinusError
        When no method has a result.
    """
    if seeds < 1 or workers < 1:
        raise UsageError(f"--seeds is {seeds} and --workers {workers}; choose 1 or more")
    check_mpp_argument(mpp)
    plan, progress = plan or Plan(), progress or SilentProgress()
    device = choose_device(device).type
    catalogue = find_methods(plan, files=method_files, objects=method_objects)
    chosen = catalogue.select(methods)
    _claim(out, dataset)
    splits = find_splits(
        dataset,
        root,
        synthetic=plan.synthetic,
        drawn=out / "images",
        mpp=mpp,
        patient_disjoint=patient_disjoint,
    )
    images = splits.fingerprint()
    jobs = [
        make_job(
            method,
            seed,
            splits=splits,
            splits_fingerprint=images,
            plan=plan,
            files=tuple(method_files),
            catalogue=catalogue,
            device=device,
        )
        for seed in range(seeds)
        for method in chosen
    ]
    outcome = _compute(jobs, Store(out), workers=workers, scheduler=scheduler, progress=progress)
    order = [method.name for method in chosen]
    return _write(out, dataset, splits, jobs, order=order, outcome=outcome)


def _claim(out: Path, dataset: str) -> None:
    """Take the folder; it may hold a benchmark of other images, whose results do not fit and are replaced."""
    if out.is_dir() and any(out.iterdir()) and not (out / "benchmark.json").is_file():
        raise UsageError(
            f"{out} is not empty and holds no benchmark; choose an empty or new folder for --out"
        )
    make_folder(out)
    record = run_record(command=None, settings={"dataset": dataset}, seed=None, inputs=[])
    write_json(out / "benchmark.json", record)


def _compute(
    jobs: Sequence[Job], store: Store, *, workers: int, scheduler: str | None, progress: Progress
) -> Outcome:
    """Compute what is missing and store each result as soon as it is there.

    What several methods have in common (the default of each ablation is the same one) is computed once.
    """
    outcome = Outcome(folder=store.folder)
    missing = [job for job in jobs if store.load(job) is None and not store.adopt(job)]
    outcome.skipped += [job.label for job in jobs if job not in missing]
    twins: dict[str, list[Job]] = {}
    for job in missing:
        twins.setdefault(job.fingerprint, []).append(job)
    distinct = [alike[0] for alike in twins.values()]
    with progress.task("Benchmark", total=len(jobs), done=len(jobs) - len(missing)) as advance:
        for first, result in _run(distinct, workers=workers, scheduler=scheduler):
            if not isinstance(result, Failed):
                store.save(first, result)
            for job in twins[first.fingerprint]:
                if isinstance(result, Failed):
                    reason = f"{job.label}: {result.reason}"
                    outcome.failures.append(Failure(name=job.label, reason=reason, details=result.details))
                else:
                    if job is not first:
                        store.adopt(job)
                    outcome.done.append(job.label)
                advance(job.label)
    outcome.write_log()
    return outcome


def _run(jobs: Sequence[Job], *, workers: int, scheduler: str | None) -> Iterator[tuple[Job, Files | Failed]]:
    if not jobs:
        return iter(())
    if scheduler is not None:
        return run_jobs_on_dask(jobs, scheduler=scheduler)
    return run_jobs_here(jobs, workers=workers)


def _write(
    out: Path, dataset: str, splits: Splits, jobs: Sequence[Job], *, order: list[str], outcome: Outcome
) -> BenchmarkResult:
    store = Store(out)
    found = [result for job in jobs if (result := store.load(job)) is not None]
    if not found:
        reasons = "; ".join(failure.reason for failure in outcome.failures[:3])
        raise AcinusError(f"no method has a result: {reasons}; tracebacks are in {out / 'failures.log'}")
    rows = gather(sorted(found, key=lambda result: (order.index(result["method"]), result["seed"])))
    published = dataset == "glas"
    all_tables = tables(rows, published=published)
    title = f"Benchmark of gland segmentation without labels: {dataset}"
    charts = {split: bar_chart(rows, split, published=published) for split in rows[0].scores}
    texts = {
        "table": (out / "results.md", f"# {title}\n\n{splits.note}\n\n{markdown(all_tables)}"),
        "every metric": (out / "results.csv", results_csv(rows)),
        "differences": (out / "differences.csv", differences_csv(rows)),
        **{f"chart, {split}": (out / f"chart-{split}.svg", chart) for split, chart in charts.items()},
    }
    files = {}
    for name, (path, text) in texts.items():
        files[name] = _text(path, text)
    shown = {sample.name: sample for part in splits.scored.values() for sample in part}
    files["pictures"] = out / "grid.png"
    write_grid(files["pictures"], [shown[name] for name in splits.shown], rows, out / "results")
    settings = {result["method"]: result["settings"] for result in found}
    record = run_record(
        command=None, settings={"dataset": dataset, "methods": settings}, seed=None, inputs=[]
    )
    write_json(out / "benchmark.json", record)
    html = page(
        title=title,
        note=splits.note,
        command=record["command"],
        tables=all_tables,
        charts=list(charts.values()),
        grid=files["pictures"],
        failures={failure.name: failure.reason for failure in outcome.failures},
    )
    files["page"] = _text(out / "results.html", html)
    return BenchmarkResult(rows=rows, outcome=outcome, files=files)


def _text(path: Path, text: str) -> Path:
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path
