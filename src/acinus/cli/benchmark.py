"""``acinus benchmark``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from acinus.cli.numbers import Whole
from acinus.cli.output import console_progress, say, say_error

__all__ = ["MOVED", "benchmark"]

_Words = Parameter(negative=(), consume_multiple=True)

MOVED = {
    "--folds": 'put {"folds": 5} into the file of --settings',
    "--patient-disjoint": 'put {"patient_disjoint": true} into the file of --settings',
    "--scheduler": 'put {"scheduler": "tcp://10.0.0.1:8786"} into the file of --settings',
    "--device": 'put {"device": "cpu"} into the file of --settings',
    "--method-file": "name the file in --methods, as in --methods grey.py acinus",
}
"""Options of earlier versions, and what does the same now."""


def benchmark(
    dataset: str,
    /,
    *,
    out: Path,
    root: Path | None = None,
    mpp: float | None = None,
    methods: Annotated[tuple[str, ...], _Words] = ("all",),
    seeds: Whole = 3,
    workers: Whole | None = None,
    small: bool = False,
    settings: Path | None = None,
) -> int:
    """Compare methods on images whose true labels they are not shown.

    Example: acinus benchmark synthetic --small --seeds 1 --out compared

    Each method and seed is computed in a fresh process and stored when it is done: an interrupted benchmark
    is resumed by the same command, and a changed setting computes only what depends on it. Writes
    OUT/results.html, .md and .csv, differences.csv, charts and a grid of pictures.

    A file of --settings, here in TOML (JSON is read as well), holds any of:

    folds = 5; patient_disjoint = true; device = "cpu"; scheduler = "tcp://10.0.0.1:8786";
    method_files = ["grey.py"]; [fit] as in acinus fit; [baselines.PiCIE] epochs = 3;
    [presets.proposal] as in acinus fit; [synthetic] fit = 24

    Parameters
    ----------
    dataset
        glas, crag, ebhi or rings, read from --root; synthetic, images that are made for the purpose; folder,
        any images in --root with label maps beside them.
    out
        Folder for the results.
    root
        Folder of the data set; synthetic images need none.
    mpp
        µm per pixel of the images of a folder; other data sets have their own.
    methods
        Names, or all, baselines, stage1, stage2, ablations, ablation:loss and the like; or a Python file with
        a list METHODS, see docs/adding-a-method.md.
    seeds
        How many seeds each method is fitted with.
    workers
        Processes at a time on this machine; one if left out.
    small
        A version of a few minutes, which shows that everything works and not how good a method is.
    settings
        JSON or TOML file with changes, see above.
    """
    from acinus.benchmark.settings import load_settings
    from acinus.benchmark.verb import run_benchmark

    result = run_benchmark(
        dataset,
        out=out,
        root=root,
        mpp=mpp,
        methods=methods,
        seeds=seeds,
        workers=workers,
        settings=load_settings(settings, small=small),
        small=small,
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
