"""Segment files: each image or slide gets a folder of results that appears whole or not at all."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
from PIL import Image

from acinus.core.cluster import connect, local_cluster
from acinus.core.errors import OutputError, UsageError
from acinus.core.files import atomic_path, make_folder, read_json, write_json
from acinus.core.image import LabelMap, RgbImage
from acinus.core.lock import locked
from acinus.core.naming import natural_key
from acinus.core.progress import Progress, SilentProgress
from acinus.core.run import checksum, fingerprint, run_record
from acinus.core.settings import settings_to_plain
from acinus.data.sample import Sample
from acinus.glands import gland_polygons, measure_glands, write_csv, write_geojson
from acinus.inference.segmentation import Segmentation
from acinus.pipeline.arguments import check_mpp_argument
from acinus.pipeline.estimator import GlandSegmenter
from acinus.pipeline.inputs import find_inputs
from acinus.pipeline.measure import summarise_image
from acinus.pipeline.model import model_state
from acinus.pipeline.segment_slide import segment_slide, slide_fingerprint, slide_state, work_folder
from acinus.pipeline.slide_files import Origin
from acinus.results.batch import Outcome
from acinus.results.files import IMAGE_FILES, LABEL_FILES, SLIDE_FILES, keep_what_others_wrote, results_code
from acinus.results.overlay import draw_outlines
from acinus.results.tables import SUMMARY, summaries_in, write_tables
from acinus.slides.identity import file_identity
from acinus.slides.images import is_slide, whole_image
from acinus.slides.opening import open_slide

__all__ = ["segment_files", "write_segmentation"]

_OVERLAY_SIDE_PX = 4096
_LEFTOVER = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{8}\.(?:old|tmp(?:\..+)?)")  # see `atomic_path`
_BATCH_FILES = ("glands.csv", "summary.csv", "run.json", "failures.log")


def segment_files(
    inputs: Sequence[Path],
    model: GlandSegmenter,
    *,
    model_name: str,
    out: Path,
    mpp: float | None = None,
    origin: Origin = "level0",
    workers: int | None = None,
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Segment every input and write ``out/<stem>/`` for each; failures are kept, the others go on.

    Images are segmented in memory, at their own resolution; slides (see `acinus.slides.images.is_slide`)
    window by window, at the model's. ``out/glands.csv`` pools the tables of all results in `out`, also of
    earlier calls, and ``out/summary.csv`` has one row for each (neither is written when there is none),
    ``out/run.json`` says what made the last ones and lists the inputs of all.

    Parameters
    ----------
    inputs : sequence of Path
        Images and slides, and folders that stand for those in them.
    model_name : str
        Where the model came from, for the run file.
    mpp : float, optional
        µm per pixel, overriding what the files say.
    origin : {"level0", "bounds"}
        From where coordinates on slides count; see `segment_slide`.
    workers : int, optional
        Processes on this machine that share out each slide's windows.
    scheduler : str, optional
        Address of a Dask cluster that does.

    Returns
    -------
    Outcome
        Inputs whose results were there, made by this model from this very file, are skipped.

    Raises
    ------
    UsageError
        When `mpp` is absurd, or `workers` and `scheduler` are given both, or no cluster can be had, or
        another process is writing into `out`.
    OutputError
        When `out` cannot be written to or its disk is full: then nothing else would succeed either.
    """
    check_mpp_argument(mpp)
    progress = progress or SilentProgress()
    with _cluster(workers, scheduler) as client, locked(make_folder(out)):
        outcome = Outcome(folder=out)
        samples = find_inputs(inputs, mpp=mpp, outcome=outcome)
        _remove_leftovers(out, {sample.name for sample in samples})
        batch = _Batch(
            model, model_name, model_state(model.fitted.network, model.settings), out, origin, client
        )
        records = []
        with progress.task("Segmenting", total=len(samples)) as advance:
            for sample in samples:
                try:
                    records.append(_segment_one(sample, batch, outcome, progress))
                except OutputError:
                    raise
                except Exception as error:  # whatever is wrong with one, the others are attempted
                    outcome.failed(str(sample.image_path), error)
                advance(sample.name)
        outcome.warn_of_outdated()
        summaries = summaries_in(out)
        others = summaries.keys() - {entry["name"] for entry in records}
        inputs_of_all = [*records, *_earlier_inputs(out, others)]
        inputs_of_all.sort(key=lambda entry: natural_key(entry["name"]))
        settings = settings_to_plain(model.settings)
        record = run_record(command=None, settings=settings, seed=None, inputs=inputs_of_all)
        write_json(out / "run.json", {**record, "model": model_name, "stain": model.stain})
        write_tables(out, summaries)
        outcome.write_log()
    return outcome


@dataclass(frozen=True)
class _Batch:
    """What all inputs of a batch have in common."""

    model: GlandSegmenter
    model_name: str
    state: str
    out: Path
    origin: Origin
    client: Any


@contextmanager
def _cluster(workers: int | None, scheduler: str | None) -> Iterator[Any]:
    """Yield a Dask client, or None where everything is to be computed in this process."""
    if workers is not None and scheduler is not None:
        raise UsageError("--workers starts a cluster here, --scheduler uses another one; give one of the two")
    if scheduler is not None:
        with connect(scheduler) as client:
            yield client
    elif workers is not None:
        with local_cluster(workers) as client:
            yield client
    else:
        yield None


def _segment_one(sample: Sample, batch: _Batch, outcome: Outcome, progress: Progress) -> dict[str, Any]:
    """Segment an image or a slide, unless its results are there, and return its line of the run file."""
    source = _finished(sample, batch, outcome)
    if source is not None:
        shutil.rmtree(
            work_folder(batch.out, sample.name), ignore_errors=True
        )  # of a run killed at its very end
        outcome.skipped.append(sample.name)
        return source
    with open_slide(sample.image_path, mpp=sample.mpp) as reader:
        slide = is_slide(reader)
        image = None if slide else whole_image(reader)
    if image is None:
        source, tissue_um2, glands = _segment_slide(sample, batch, progress)
    else:
        source, tissue_um2, glands = _segment_image(sample, image, batch)
    if not glands:
        what = "no gland was found" if tissue_um2 else "no tissue was found, and so no gland"
        outcome.warnings.append(f"{sample.name}: {what}; look at its overlay, and check --mpp")
    outcome.done.append(sample.name)
    return source


def _segment_slide(sample: Sample, batch: _Batch, progress: Progress) -> tuple[dict[str, Any], float, int]:
    """Return the line of the run file, the tissue's area and the number of glands."""
    source = _source(sample, slide=True)
    result = segment_slide(
        sample.image_path,
        batch.model,
        out=batch.out,
        name=sample.name,
        mpp=sample.mpp,
        origin=batch.origin,
        client=batch.client,
        model_name=batch.model_name,
        progress=progress,
    )
    return source, result.tissue_area_um2, result.gland_count


def _segment_image(sample: Sample, image: RgbImage, batch: _Batch) -> tuple[dict[str, Any], float, int]:
    """Return the line of the run file, the tissue's area and the number of glands."""
    source = _source(sample, slide=False)
    segmentation = batch.model.segment(RgbImage(image.rgb, image.mpp, sample.name))
    made_from = _made_from(source, sample, batch)
    notes = {
        "path": source["path"],
        "model": batch.model_name,
        "fingerprint": made_from,
        "code": results_code(),
    }
    write_segmentation(segmentation, batch.out / sample.name, notes)
    summary = read_json(batch.out / sample.name / "image.json")[SUMMARY]
    return source, summary["tissue_area_um2"], segmentation.gland_count


def _source(sample: Sample, *, slide: bool) -> dict[str, Any]:
    """Return name, path and what tells whether the file is still the same, for the run file."""
    path = sample.image_path
    known = file_identity(path) if slide else {"sha256": checksum(path)}
    return {"name": sample.name, "path": str(path.resolve()), **known}


def _made_from(source: dict[str, Any], sample: Sample, batch: _Batch) -> str:
    """Return the digest that results of this image, made now, would bear."""
    return fingerprint(batch.state, source["sha256"], str(sample.mpp))


def _finished(sample: Sample, batch: _Batch, outcome: Outcome) -> dict[str, Any] | None:
    """Return the line of the run file if all results are there, made from what they would be from now.

    Results of other code count, and are noted: of a thousand slides half may have been done before an update.
    """
    folder = batch.out / sample.name
    try:
        description = read_json(folder / "image.json")
        noted = description.get("fingerprint")
        slide = "working_mpp" in description
    except (OSError, ValueError, AttributeError):  # absent, or damaged: then it is made again
        return None
    if not description.get(SUMMARY):  # written by an acinus that did not summarise
        return None
    source = _source(sample, slide=slide)
    if slide:
        state = slide_state(batch.state, {key: source[key] for key in source if key not in ("name", "path")})
        made_from = slide_fingerprint(state, mpp=sample.mpp, origin=batch.origin)
        whole = all((folder / name).is_file() for name in SLIDE_FILES)
    else:
        made_from = _made_from(source, sample, batch)
        labels = any((folder / name).is_file() for name in LABEL_FILES)
        whole = labels and all((folder / name).is_file() for name in IMAGE_FILES)
    if not whole or noted != made_from:
        return None
    if description.get("code") != results_code():
        outcome.outdated.append(sample.name)
    return source


def _earlier_inputs(out: Path, names: set[str]) -> list[dict[str, Any]]:
    """Return the lines that the run file has of these results of earlier calls."""
    try:
        inputs = read_json(out / "run.json")["inputs"]
        return [entry for entry in inputs if entry["name"] in names]
    except (OSError, ValueError, KeyError, TypeError):  # no earlier call, or its file is damaged
        return []


def _remove_leftovers(out: Path, names: set[str]) -> None:
    """Remove what a run that was killed had half written, of these images and of the whole batch."""
    for entry in out.iterdir():
        hidden = _LEFTOVER.fullmatch(entry.name)
        if hidden and hidden["name"] in names and entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)
        elif hidden and hidden["name"] in _BATCH_FILES and entry.is_file():
            entry.unlink(missing_ok=True)


def write_segmentation(segmentation: Segmentation, folder: Path, description: dict[str, Any]) -> None:
    """Write all results of one image: labels, probability, overlay, outlines, table, ``image.json``.

    Parameters
    ----------
    folder : Path
        Replaced as a whole, in one rename; what others put into it is kept.
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
                "quality": segmentation.quality,
                SUMMARY: summarise_image(glands, labels, segmentation.tissue, mpp=image.mpp),
                **description,
            },
        )
        keep_what_others_wrote(folder, temporary)


def write_labels(folder: Path, labels: LabelMap, *, mpp: float) -> Path:
    """Write ``labels.png`` (uint16), or ``labels.tif`` (uint32) when there are more than 65,535 glands."""
    if labels.max(initial=0) <= np.iinfo(np.uint16).max:
        path = folder / "labels.png"
        Image.fromarray(labels.astype(np.uint16)).save(path, dpi=_dpi(mpp))
        return path
    path = folder / "labels.tif"
    tifffile.imwrite(path, labels.astype(np.uint32), compression="zlib")
    return path


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
