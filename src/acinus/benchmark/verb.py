"""The verb: which results are missing, compute and store them, then have everything written."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from acinus.benchmark.catalogue import find_methods, method_files, split_words
from acinus.benchmark.checks import check_samples
from acinus.benchmark.comparison import COMPARISON_FILES, BenchmarkResult, write_comparison
from acinus.benchmark.datasets import find_splits
from acinus.benchmark.job import Job, Store, make_jobs
from acinus.benchmark.settings import BenchmarkSettings
from acinus.benchmark.workers import run_jobs
from acinus.core.errors import UsageError
from acinus.core.files import make_folder, write_json
from acinus.core.interrupts import sigterm_as_interrupt
from acinus.core.progress import Progress, SilentProgress
from acinus.core.run import run_record
from acinus.grouping.device import choose_device
from acinus.pipeline.arguments import check_mpp_argument
from acinus.pipeline.settings import settings_from_plain
from acinus.results.batch import BatchResult, Failure
from acinus.results.ownership import claimed, in_the_way, is_own, refuse_to_replace

__all__ = ["BenchmarkResult", "run_benchmark"]


@sigterm_as_interrupt()
def run_benchmark(
    dataset: str,
    *,
    out: Path,
    root: Path | None = None,
    mpp: float | None = None,
    methods: Sequence[str] = ("all",),
    seeds: int = 3,
    workers: int | None = None,
    settings: BenchmarkSettings | None = None,
    method_objects: Sequence[object] = (),
    small: bool = False,
    progress: Progress | None = None,
) -> BenchmarkResult:
    """Compare methods on a data set; see ``acinus benchmark --help``.

    Parameters
    ----------
    dataset, root, mpp
        The images, see `find_splits`.
    out : Path
        Takes ``results/`` with each (method, seed), and the tables, charts and the page of the methods asked
        for. Results that are there, of the same settings and images, are not computed again.
    methods : sequence of str
        Names, groups and Python files, see `Catalogue.select`.
    seeds : int
        Each method is fitted with the seeds 0 to `seeds` − 1.
    workers : int, optional
        Processes at a time on this machine, by default one.
    settings : BenchmarkSettings, optional
    method_objects : sequence
        Methods of the caller.
    small : bool
        Whether the settings are the small ones, so that the page says that its figures mean nothing.
    progress : Progress, optional

    Raises
    ------
    UsageError
        When an argument cannot be used, or `out` holds something that acinus did not write.
    InputError
        When images or labels are missing or cannot be used: a `DatasetError`, or an `MppError` without µm/px.
    AcinusError
        When no method has a result.
    """
    settings, progress = settings or BenchmarkSettings(), progress or SilentProgress()
    _check_numbers(seeds=seeds, workers=workers, scheduler=settings.scheduler)
    check_mpp_argument(mpp)
    device = choose_device(settings.device).type
    words = split_words(methods)
    catalogue = find_methods(settings, files=method_files(words), objects=method_objects)
    chosen = catalogue.select(words)
    _check_folder(out)
    claim = partial(_claim, out, dataset)
    splits = find_splits(dataset, root, settings, mpp=mpp, images_folder=lambda: claim() / "images")
    instances = settings_from_plain(settings.fit).instances
    jobs = make_jobs(chosen, splits, catalogue, seeds=seeds, instances=instances, device=device)
    store = Store(out)
    missing = [job for job in jobs if store.load(job) is None]
    refuse_to_replace([path for job in missing for path in store.in_the_way(job)])
    if missing:
        samples = [sample for part in splits for sample in (*part.fit, *part.held_out)]
        check_samples(samples, progress=progress)
    claim()
    outcome = _compute(jobs, store, workers=workers or 1, scheduler=settings.scheduler, progress=progress)
    order = [method.name for method in chosen]
    return write_comparison(out, dataset, splits, jobs, order=order, outcome=outcome, small=small)


def _check_numbers(*, seeds: int, workers: int | None, scheduler: str | None) -> None:
    for option, number in (("--seeds", seeds), ("--workers", workers)):
        if number is not None and number < 1:
            raise UsageError(f"{option} is {number}; choose 1 or more")
    if workers is not None and scheduler is not None:
        raise UsageError(
            "--workers starts processes here, the scheduler of the settings has workers elsewhere; give "
            "one of the two"
        )


def _check_folder(out: Path) -> None:
    """Refuse a folder that holds something else, or files in the place of those of a comparison."""
    known = is_own(out / "benchmark.json")
    if not known and out.is_dir() and any(not entry.name.startswith(".") for entry in out.iterdir()):
        raise UsageError(
            f"{out} is not empty and holds no benchmark; choose an empty or new folder for --out"
        )
    refuse_to_replace(in_the_way(out, COMPARISON_FILES))


def _claim(out: Path, dataset: str) -> Path:
    """Take the folder, which `_check_folder` found free, and return it.

    It may hold a benchmark of other images, whose results do not fit and are replaced; until there are others
    it keeps its settings, which belong to its tables.
    """
    make_folder(out)
    if not is_own(out / "benchmark.json"):
        record = run_record(command=None, settings={"dataset": dataset}, seed=None, inputs=[])
        with claimed(out, ["benchmark.json"]):
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
    with (
        progress.task("Benchmark", total=len(jobs), done=len(jobs) - len(missing)) as advance,
        # Closed when this is interrupted, so that workers end before anything is said.
        closing(run_jobs(distinct, workers=workers, scheduler=scheduler)) as results,
    ):
        for first, result in results:
            if not isinstance(result, Failure):
                store.save(first, result)
            for job in twins[first.fingerprint]:
                if isinstance(result, Failure):
                    reason = f"{job.label}: {result.reason}"
                    outcome.failures.append(Failure(job.label, reason, result.details))
                else:
                    if job is not first:
                        store.adopt(job)
                    outcome.done.append(job.label)
                advance(job.label)
    outcome.write_log()
    return outcome
