"""The verb: which results are missing, compute and store them, then have everything written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from acinus.benchmark.catalogue import find_methods
from acinus.benchmark.checks import check_samples
from acinus.benchmark.dask import run_jobs_on_dask
from acinus.benchmark.job import Failed, Files, Job, Store, make_job
from acinus.benchmark.output import BenchmarkResult, write_benchmark
from acinus.benchmark.plan import Plan
from acinus.benchmark.process import run_jobs_here
from acinus.benchmark.splits import find_splits
from acinus.core.errors import UsageError
from acinus.core.files import make_folder, write_json
from acinus.core.interrupts import sigterm_as_interrupt
from acinus.core.progress import Progress, SilentProgress
from acinus.core.run import run_record
from acinus.pipeline.arguments import check_mpp_argument
from acinus.pipeline.device import choose_device
from acinus.results.batch import BatchResult, Failure

__all__ = ["BenchmarkResult", "run_benchmark"]


@sigterm_as_interrupt()
def run_benchmark(
    dataset: str,
    *,
    out: Path,
    root: Path | None = None,
    methods: Sequence[str] = ("all",),
    seeds: int = 3,
    workers: int | None = None,
    scheduler: str | None = None,
    plan: Plan | None = None,
    method_files: Sequence[Path] = (),
    method_objects: Sequence[object] = (),
    mpp: float | None = None,
    patient_disjoint: bool = False,
    folds: int | None = None,
    device: str = "auto",
    progress: Progress | None = None,
) -> BenchmarkResult:
    """Compare methods on a data set; see ``acinus benchmark --help``.

    Parameters
    ----------
    dataset, root, mpp, patient_disjoint, folds
        The images, see `find_splits`.
    out : Path
        Takes ``results/`` with each (method, seed), and the tables, charts and the page of the methods asked
        for. Results that are there, of the same settings and images, are not computed again.
    methods : sequence of str
        Names or groups, see `Catalogue.select`.
    seeds : int
        Each method is fitted with the seeds 0 to `seeds` − 1.
    workers : int, optional
        Processes at a time on this machine, by default one.
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
    InputError
        When images or labels lack or cannot be used: a `DatasetError`, or an `MppError` without µm/px.
    AcinusError
        When no method has a result.
    """
    for option, number in (("--seeds", seeds), ("--workers", workers)):
        if number is not None and number < 1:
            raise UsageError(f"{option} is {number}; choose 1 or more")
    if workers is not None and scheduler is not None:
        raise UsageError(
            "--workers starts processes here, --scheduler uses other machines; give one of the two"
        )
    check_mpp_argument(mpp)
    plan, progress = plan or Plan(), progress or SilentProgress()
    device = choose_device(device).type
    catalogue = find_methods(plan, files=method_files, objects=method_objects)
    chosen = catalogue.select(methods)
    claim = partial(_claim, out, dataset)
    parted = find_splits(
        dataset,
        root,
        synthetic=plan.synthetic,
        drawn=lambda: claim() / "images",
        mpp=mpp,
        patient_disjoint=patient_disjoint,
        folds=folds,
    )
    images = [splits.fingerprint() for splits in parted]
    jobs = [
        make_job(
            method,
            seed,
            splits=splits,
            splits_fingerprint=fingerprint,
            plan=plan,
            files=tuple(method_files),
            catalogue=catalogue,
            device=device,
            fold=0 if folds is None else fold,
        )
        for seed in range(seeds)
        for fold, (splits, fingerprint) in enumerate(zip(parted, images, strict=True), start=1)
        for method in chosen
    ]
    store = Store(out)
    if any(store.load(job) is None for job in jobs):
        samples = [sample for splits in parted for sample in (*splits.fit, *splits.held_out)]
        check_samples(samples, progress=progress)
    claim()
    outcome = _compute(jobs, store, workers=workers or 1, scheduler=scheduler, progress=progress)
    order = [method.name for method in chosen]
    return write_benchmark(out, dataset, parted, jobs, order=order, outcome=outcome)


def _claim(out: Path, dataset: str) -> Path:
    """Take the folder and return it.

    It may hold a benchmark of other images, whose results do not fit and are replaced; until there are others
    it keeps its settings, which belong to its tables.
    """
    if out.is_dir() and any(out.iterdir()) and not (out / "benchmark.json").is_file():
        raise UsageError(
            f"{out} is not empty and holds no benchmark; choose an empty or new folder for --out"
        )
    make_folder(out)
    if not (out / "benchmark.json").is_file():
        record = run_record(command=None, settings={"dataset": dataset}, seed=None, inputs=[])
        write_json(out / "benchmark.json", record)
    return out


def _compute(
    jobs: Sequence[Job], store: Store, *, workers: int, scheduler: str | None, progress: Progress
) -> BatchResult:
    """Compute what is missing and store each result as soon as it is there.

    What several methods have in common (the default of each ablation is the same one) is computed once.
    """
    outcome = BatchResult(folder=store.folder)
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
