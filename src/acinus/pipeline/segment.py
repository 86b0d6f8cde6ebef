"""Segment files: each image gets a folder of results that appears whole or not at all."""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import orjson
import tifffile
from PIL import Image

from acinus.core.errors import OutputError
from acinus.core.files import atomic_path, make_folder, read_json, write_json
from acinus.core.image import LabelMap
from acinus.core.progress import Progress, SilentProgress
from acinus.core.run import checksum, fingerprint, run_record
from acinus.core.settings import settings_to_plain
from acinus.data.sample import Sample
from acinus.glands import gland_polygons, measure_glands, write_csv, write_geojson
from acinus.inference.overlay import draw_outlines
from acinus.inference.segmentation import Segmentation
from acinus.pipeline.arguments import check_mpp_argument
from acinus.pipeline.estimator import GlandSegmenter
from acinus.pipeline.inputs import find_inputs
from acinus.pipeline.measure import summarise_image
from acinus.pipeline.outcome import Outcome

__all__ = ["segment_files", "write_segmentation"]

_OVERLAY_SIDE_PX = 4096
_LEFTOVER = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{8}\.(tmp|old)")  # see `atomic_path`
_FILES = ("probability.png", "overlay.png", "glands.geojson", "glands.csv")
_SUMMARY = "summary"  # entry of image.json


def segment_files(
    inputs: Sequence[Path],
    model: GlandSegmenter,
    *,
    model_name: str,
    out: Path,
    mpp: float | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Segment every input and write ``out/<stem>/`` for each; failures are kept, the others go on.

    ``out/glands.csv`` pools the tables of all of them and ``out/summary.csv`` has one row for each image
    (neither is written when none could be segmented), ``out/run.json`` says what made them.

    Parameters
    ----------
    inputs : sequence of Path
        Images, and folders that stand for the images in them.
    model_name : str
        Where the model came from, for the run file.
    mpp : float, optional
        µm per pixel, overriding what the files say.

    Returns
    -------
    Outcome
        Inputs whose results were there, made by this model from this very file, are skipped.

    Raises
    ------
    UsageError
        When `mpp` is absurd.
    OutputError
        When `out` cannot be written to or its disk is full: then nothing else would succeed either.
    """
    check_mpp_argument(mpp)
    progress = progress or SilentProgress()
    outcome = Outcome(folder=make_folder(out))
    samples = find_inputs(inputs, mpp=mpp, outcome=outcome)
    _remove_leftovers(out, {sample.name for sample in samples})
    state = fingerprint(
        *(value.cpu().numpy().tobytes() for value in model.fitted.network.state_dict().values())
    )
    state = fingerprint(state, orjson.dumps(settings_to_plain(model.settings)))
    records = []
    with progress.task("Segmenting", total=len(samples)) as advance:
        for sample in samples:
            try:
                records.append(_segment_one(sample, model, state=state, out=out, outcome=outcome))
            except OutputError:
                raise
            except Exception as error:  # whatever is wrong with one image, the others are attempted
                outcome.failed(str(sample.image_path), error)
            advance(sample.name)
    record = run_record(command=None, settings=settings_to_plain(model.settings), seed=None, inputs=records)
    write_json(out / "run.json", {**record, "model": model_name, "stain": model.stain})
    if records:
        _pool_tables(out, [entry["name"] for entry in records])
        _pool_summaries(out, [entry["name"] for entry in records])
    outcome.write_log()
    return outcome


def _segment_one(
    sample: Sample, model: GlandSegmenter, *, state: str, out: Path, outcome: Outcome
) -> dict[str, str]:
    source = {
        "name": sample.name,
        "path": str(sample.image_path.resolve()),
        "sha256": checksum(sample.image_path),
    }
    made_from = fingerprint(state, source["sha256"], str(sample.mpp))
    target = out / sample.name
    if _finished(target, made_from):
        outcome.skipped.append(sample.name)
        return source
    segmentation = model.segment(sample.image())
    write_segmentation(segmentation, target, {"path": source["path"], "fingerprint": made_from})
    outcome.done.append(sample.name)
    return source


def _remove_leftovers(out: Path, names: set[str]) -> None:
    """Remove what a run that was killed had half written of these images."""
    for entry in out.iterdir():
        hidden = _LEFTOVER.fullmatch(entry.name)
        if hidden and hidden["name"] in names and entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)


def _finished(folder: Path, made_from: str) -> bool:
    """Say whether a folder holds all results, made from what they would be made from now."""
    try:
        description = read_json(folder / "image.json")
        noted = description.get("fingerprint")
    except (OSError, ValueError, AttributeError):  # absent, or damaged: then it is made again
        return False
    if not description.get(_SUMMARY):  # written by an acinus that did not summarise
        return False
    labels = any((folder / f"labels{suffix}").is_file() for suffix in (".png", ".tif"))
    return noted == made_from and labels and all((folder / name).is_file() for name in _FILES)


def write_segmentation(segmentation: Segmentation, folder: Path, description: dict[str, Any]) -> None:
    """Write all results of one image: labels, probability, overlay, outlines, table, ``image.json``.

    Parameters
    ----------
    folder : Path
        Replaced as a whole, in one rename.
    description : dict
        Further entries of ``image.json``.
    """
    image, labels = segmentation.image, segmentation.labels
    glands = measure_glands(labels, mpp=image.mpp, image=image.rgb)
    with atomic_path(folder) as temporary:
        temporary.mkdir()
        write_labels(temporary, labels, mpp=image.mpp)
        probability = np.rint(segmentation.probability * 255.0).astype(np.uint8)
        Image.fromarray(probability).save(temporary / "probability.png", dpi=_dpi(image.mpp))
        overlay = _at_most(draw_outlines(image.rgb, labels, mpp=image.mpp), _OVERLAY_SIDE_PX)
        Image.fromarray(overlay).save(temporary / "overlay.png")
        outlines = gland_polygons(labels, mpp=image.mpp)
        write_geojson(temporary / "glands.geojson", outlines, name=image.name, glands=glands)
        write_csv(temporary / "glands.csv", glands)
        height, width = image.shape
        write_json(
            temporary / "image.json",
            {
                "name": image.name,
                "width_px": width,
                "height_px": height,
                "mpp": image.mpp,
                "gland_count": segmentation.gland_count,
                "gland_area_fraction": float((labels > 0).mean()),
                "quality": None,
                _SUMMARY: summarise_image(glands, labels, image),
                **description,
            },
        )


def write_labels(folder: Path, labels: LabelMap, *, mpp: float) -> Path:
    """Write ``labels.png`` (uint16), or ``labels.tif`` (uint32) when there are more than 65,535 glands."""
    if labels.max(initial=0) <= np.iinfo(np.uint16).max:
        path = folder / "labels.png"
        Image.fromarray(labels.astype(np.uint16)).save(path, dpi=_dpi(mpp))
        return path
    path = folder / "labels.tif"
    tifffile.imwrite(path, labels.astype(np.uint32), compression="zlib")
    return path


def _pool_tables(out: Path, names: Sequence[str]) -> None:
    """Write ``glands.csv`` of the whole batch: the rows of every image behind its name."""
    with (
        atomic_path(out / "glands.csv") as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        for number, name in enumerate(names):
            with (out / name / "glands.csv").open(encoding="utf-8", newline="") as table:
                rows = csv.reader(table)
                header = next(rows)
                if number == 0:
                    writer.writerow(["image", *header])
                writer.writerows([name, *row] for row in rows)


def _pool_summaries(out: Path, names: Sequence[str]) -> None:
    """Write ``summary.csv`` of the batch: one row an image, an empty field where a statistic is missing."""
    summaries = [read_json(out / name / "image.json")[_SUMMARY] for name in names]
    with (
        atomic_path(out / "summary.csv") as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["image", *summaries[0]])
        for name, summary in zip(names, summaries, strict=True):
            values = (summary.get(key) for key in summaries[0])
            writer.writerow([name, *("" if value is None else f"{value:.6g}" for value in values)])


def _dpi(mpp: float) -> tuple[float, float]:
    return 25400.0 / mpp, 25400.0 / mpp


def _at_most(
    picture: np.ndarray[Any, np.dtype[np.uint8]], side_px: int
) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Shrink a picture whose longer side exceeds `side_px`."""
    scale = side_px / max(picture.shape[:2])
    if scale >= 1.0:
        return picture
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
