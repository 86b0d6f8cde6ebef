"""``acinus benchmark``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from acinus.cli.numbers import Whole
from acinus.cli.output import console_progress, say, say_error

__all__ = ["benchmark"]

_Words = Parameter(negative=(), consume_multiple=True)


def benchmark(
    dataset: Literal["glas", "crag", "synthetic", "folder"],
    /,
    *,
    out: Path,
    root: Path | None = None,
    methods: Annotated[tuple[str, ...], _Words] = ("all",),
    seeds: Whole = 3,
    workers: Whole | None = None,
    scheduler: str | None = None,
    small: bool = False,
    settings: Path | None = None,
    method_file: Annotated[tuple[Path, ...], _Words] = (),
    patient_disjoint: bool = False,
    folds: Whole | None = None,
    mpp: float | None = None,
    device: str = "auto",
) -> int:
    """Compare methods on images whose true labels they are not shown.

    Example: acinus benchmark synthetic --small --seeds 1 --out compared

    Each method and seed is computed in a process of its own and stored when it is done: an interrupted
    benchmark goes on when it is run again, and a changed setting computes only what it concerns. Writes
    OUT/results.html, .md and .csv, differences.csv, charts and a grid of pictures.

    Parameters
    ----------
    dataset
        glas, crag, drawn images, or any folder of images with labels beside them.
    out
        Folder for the results.
    root
        Folder of the data set; drawn images need none.
    methods
        Names, or all, baselines, stage1, stage2, ablations, ablation:loss and the like.
    seeds
        Each method is fitted with so many seeds.
    workers
        Processes at a time on this machine; one if left out.
    scheduler
        Address of a Dask scheduler whose machines compute instead; they must see the same files.
    small
        A few minutes' version, which shows that everything works and not how good a method is.
    settings
        JSON file with changes: "fit" as in acinus fit, "baselines" by class, "synthetic".
    method_file
        Python file with a list METHODS; see docs/adding-a-method.md.
    patient_disjoint
        GlaS: hold out whole patients instead of the challenge's test images.
    folds
        GlaS and folders: cross-validation. Each method is fitted so many times a seed, and each image held
        out once.
    mpp
        µm per pixel of the images of a folder; other data sets have their own.
    device
        auto, cpu, cuda or mps.
    """
    from acinus.benchmark.plan import load_plan
    from acinus.benchmark.run import run_benchmark

    result = run_benchmark(
        dataset,
        out=out,
        root=root,
        methods=methods,
        seeds=seeds,
        workers=workers,
        scheduler=scheduler,
        plan=load_plan(settings, small=small),
        method_files=method_file,
        mpp=mpp,
        patient_disjoint=patient_disjoint,
        folds=folds,
        device=device,
        progress=console_progress(),
    )
    for failure in result.outcome.failures:
        say_error(failure.reason)
    for row in result.rows:
        spreads = [row.metric(split, "label_free", "miou_label_free").text(3) for split in row.scores]
        named = zip(row.scores, spreads, strict=True)
        say(f"{row.title:<48} mIoU {', '.join(f'{text} {split}' for split, text in named)}")
    for name, path in result.files.items():
        say(f"{name:<16} {path}")
    return result.outcome.exit_code
