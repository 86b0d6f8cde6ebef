"""Everything on synthetic images, end to end: what ``make demo`` runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acinus.core.errors import UsageError
from acinus.core.files import atomic_path, make_folder, read_json, write_json
from acinus.core.naming import plural
from acinus.core.progress import Progress, SilentProgress
from acinus.data.folder import folder as find_samples
from acinus.data.synthetic import write_synthetic_tiles
from acinus.pipeline.arguments import check_seed
from acinus.pipeline.estimator import GlandSegmenter
from acinus.pipeline.evaluate import evaluate_folders
from acinus.pipeline.fit_files import fit_files
from acinus.pipeline.segment import segment_files
from acinus.report import write_report
from acinus.results.files import GLANDS_CSV, OUTLINES, OVERLAY, REPORT
from acinus.results.ownership import claimed, in_the_way, is_own, refuse_to_replace
from acinus.results.record import read_record

__all__ = ["DemoResult", "check_same_demo", "learn_and_segment", "run_demo"]

_TILE_PX, _SMALL_PX = 512, 256
# Fewer steps than the default: a dozen images are learnt sooner than a hundred.
_SETTINGS = {"grouping": {"steps": 240, "rounds": 1, "batch_crops": 8}}
_SMALL_SETTINGS = {
    "mining": {"shallow": {"steps": 5}},
    "grouping": {"steps": 60, "rounds": 1, "batch_crops": 4},
}
_INTRO = (
    "These images are synthetic, so their true glands are known. acinus saw the images alone: it found dark "
    "rings and closed shapes that look like glands, and trained a small network to see ring and inside as "
    "one gland. The green outlines are that network's."
)


@dataclass(frozen=True)
class DemoResult:
    """Counts, the label-free pooled mIoU, and the files to look at."""

    images: int
    glands: int
    miou: float
    files: dict[str, Path]


def run_demo(
    out: Path, *, images: int, seed: int, small: bool = False, progress: Progress | None = None
) -> DemoResult:
    """Make images, learn from them without labels, segment, compare with the truth, write a report.

    Parameters
    ----------
    out : Path
        Takes ``images/``, ``model/``, one folder for each image, ``glands.geojson`` and ``glands.csv`` of all
        images and ``report.html``. What an interrupted demo left there is used.
    images : int
        Number of images.
    seed : int
        Of the images and of the training.
    small : bool
        Few images and steps, for a check that everything works.
    """
    if images < 1:
        raise UsageError(f"--images is {images}; choose 1 or more")
    check_seed(seed)
    progress = progress or SilentProgress()
    check_same_demo(out, {"images": images, "seed": seed, "small": small})
    side_px = _SMALL_PX if small else _TILE_PX
    inputs = _images(out / "images", count=images, side_px=side_px, seed=seed, progress=progress)
    learn_and_segment(inputs, _SMALL_SETTINGS if small else _SETTINGS, out=out, seed=seed, progress=progress)
    pooled = evaluate_folders(out, out / "images").pooled.as_dict()
    geojson = _merge_geojson(out, [path.stem for path in inputs])
    report = write_report(out, title="acinus demo", intro=_INTRO, evaluation=pooled)
    return DemoResult(
        images=len(inputs),
        glands=sum(read_record(out / path.stem).gland_count for path in inputs),
        miou=float(pooled["miou_label_free"]),
        files={
            "report": report,
            "overlays": out / inputs[0].stem / OVERLAY,
            "outlines": geojson,
            "table": out / GLANDS_CSV,
        },
    )


def learn_and_segment(
    inputs: Sequence[Path], settings: dict[str, Any], *, out: Path, seed: int, progress: Progress
) -> None:
    """Fit ``model/`` on the inputs of a demo, with its settings, and segment them into `out`."""
    settings_file = out / "settings.json"
    with claimed(out, [settings_file.name]):
        write_json(settings_file, settings)
    fit_files(inputs, out=out / "model", seed=seed, settings_path=settings_file, progress=progress)
    model = GlandSegmenter.load(out / "model")
    segment_files(inputs, model, model_name="model", out=out, seed=seed, progress=progress)


def check_same_demo(out: Path, arguments: dict[str, int]) -> None:
    """Note the demo's arguments in its folder; refuse one that holds something else, or another demo."""
    path = out / "demo.json"
    if not is_own(path):
        if out.is_dir() and any(not entry.name.startswith(".") for entry in out.iterdir()):
            raise UsageError(f"{out} is not empty and holds no demo; choose an empty or new folder for --out")
        with claimed(make_folder(out), [path.name]):
            write_json(path, arguments)
    elif read_json(path) != arguments:
        raise UsageError(
            f"{out} holds a demo of other --images, --slides, --seed or --small; choose another --out"
        )
    refuse_to_replace(in_the_way(out, ("settings.json", OUTLINES, REPORT)))


def _images(folder: Path, *, count: int, side_px: int, seed: int, progress: Progress) -> list[Path]:
    """Return the synthetic images, made unless they are there."""
    if not folder.is_dir():
        with progress.task("Making images", total=1) as advance, atomic_path(folder) as temporary:
            write_synthetic_tiles(temporary, count=count, seed=seed, height_px=side_px, width_px=side_px)
            advance(plural(count, "image"))
    return [sample.image_path for sample in find_samples(folder)]


def _merge_geojson(out: Path, names: Sequence[str]) -> Path:
    """Write the glands of all images into one file, each with the name of its image."""
    features = []
    for name in names:
        for feature in read_json(out / name / OUTLINES)["features"]:
            feature["properties"]["image"] = name
            features.append(feature)
    path = out / OUTLINES
    with claimed(out, [OUTLINES]):
        write_json(path, {"type": "FeatureCollection", "features": features})
    return path
