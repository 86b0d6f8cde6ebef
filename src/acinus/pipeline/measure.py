"""Measure the glands of label maps, wherever they came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acinus.core.errors import InputError
from acinus.core.files import make_folder, write_json
from acinus.core.naming import composed, is_text, plural
from acinus.core.progress import Progress, SilentProgress
from acinus.core.run import run_record
from acinus.core.scratch import is_large
from acinus.glands import gland_polygons, measure_glands
from acinus.glands.summary import summarise_image
from acinus.pipeline.arguments import check_mpp_argument
from acinus.pipeline.inputs import find_inputs
from acinus.pipeline.measure_large import measure_large
from acinus.results.batch import BatchResult
from acinus.results.batch_tables import records_in, write_tables
from acinus.results.files import BATCH_FILES, GLANDS_CSV, MEASURED_FILES, RUN, SUMMARY_CSV, SUMMARY_JSON
from acinus.results.label_files import label_files
from acinus.results.ownership import claimed, in_the_way, refuse_to_replace
from acinus.results.record import write_record
from acinus.results.writing import image_record, write_glands
from acinus.slides.identity import input_record
from acinus.slides.images import whole_image
from acinus.slides.label_image import read_label_image
from acinus.slides.opening import open_slide
from acinus.slides.reader import resolved_mpp
from acinus.slides.tissue import tissue_mask

__all__ = ["Measured", "measure_files", "measure_folders"]


@dataclass(frozen=True)
class Measured:
    """What was measured.

    Attributes
    ----------
    glands : int
    notices : tuple of str
        One line each for what the label map's file does not say and was understood.
    inputs : list of dict
        What the run file says of the label map and the image.
    """

    glands: int
    notices: tuple[str, ...]
    inputs: list[dict[str, Any]]


def measure_files(labels_path: Path, image_path: Path, *, out: Path, mpp: float | None = None) -> Measured:
    """Measure one label map.

    Writes ``glands.csv``, ``.parquet``, ``.geojson``, ``summary.json``, ``run.json``, and ``image.json``, by
    which ``acinus report`` and ``acinus compare`` know the folder as a result.

    Raises
    ------
    InputError
        When a file cannot be read, or the two differ in size.
    UsageError
        When something that acinus did not write lies where a table is to be.
    """
    check_mpp_argument(mpp)
    refuse_to_replace(in_the_way(out, MEASURED_FILES))
    if not is_text(image_path.stem):
        raise InputError(f"{image_path} has a name that is not UTF-8, which tables cannot hold; rename it")
    read = read_label_image(labels_path)  # before the image: what is no label map is refused at once
    labels = read.labels
    with open_slide(image_path, mpp=mpp) as slide:
        if labels.shape != (slide.size.height, slide.size.width):
            raise InputError(
                f"{labels_path.name} is {labels.shape[1]} × {labels.shape[0]} px, {image_path.name} is "
                f"{slide.size.width} × {slide.size.height}; give the label map at the image's size"
            )
        large = is_large(labels.shape)
        inputs = _inputs(labels_path, image_path, slide=large)
        run = _run(inputs, mpp=mpp)
        if large:
            found = measure_large(labels, slide, mpp=resolved_mpp(slide), out=out, run=run)
            return Measured(found, read.notices, inputs)
        image = whole_image(slide)
    make_folder(out)
    glands = measure_glands(labels, mpp=image.mpp, image=image.rgb)
    summary = summarise_image(glands, labels, tissue_mask(image.rgb, mpp=image.mpp), mpp=image.mpp)
    with claimed(out, MEASURED_FILES):
        write_glands(out, glands, gland_polygons(labels, mpp=image.mpp), name=image.name)
        write_json(out / SUMMARY_JSON, summary)
        write_json(out / RUN, run)
        write_record(out, image_record(image, labels, glands, summary, path=image_path.resolve()))
    return Measured(len(glands), read.notices, inputs)


def measure_folders(
    labels: Path, images: Path, *, out: Path, mpp: float | None = None, progress: Progress | None = None
) -> BatchResult:
    """Measure every label map of a folder on its image, matched by name, each in a folder of its own.

    Parameters
    ----------
    labels : Path
        Folder of ``<stem>_anno.png``, ``<stem>.png`` or ``<stem>/labels.png``, see `label_files`.
    images : Path
        Folder of the stained images ``<stem>.*``; those without a label map are passed over.
    out : Path
        Takes ``<stem>/`` with the files of `measure_files`, and ``glands.csv``, ``summary.csv`` and
        ``run.json`` of all.

    Raises
    ------
    InputError
        When no label map has an image.
    UsageError
        When something that acinus did not write lies where a table is to be.
    """
    check_mpp_argument(mpp)
    refuse_to_replace(in_the_way(out, BATCH_FILES))
    maps = label_files(labels)
    result = BatchResult(folder=out)
    samples = find_inputs([images], mpp=mpp, result=result)
    found = {composed(sample.name): sample.image_path for sample in samples}
    pairs = [(name, path, found[name]) for name, path in maps.items() if name in found]
    if not pairs:
        raise InputError(f"no label map in {labels} has the name of an image in {images}; check the folders")
    for name in maps.keys() - found.keys():
        result.failed(name, InputError(f"{maps[name]} has no image of that name in {images}"))
    without = len(found) - len(pairs)
    if without:
        result.warnings.append(f"{plural(without, 'image has', 'images have')} no label map in {labels}")
    refuse_to_replace([path for name, *_ in pairs for path in in_the_way(out / name, MEASURED_FILES)])
    make_folder(out)
    inputs: list[dict[str, Any]] = []
    with (progress or SilentProgress()).task("Measuring", total=len(pairs)) as advance:
        for name, path, image in pairs:
            try:
                measured = measure_files(path, image, out=out / name, mpp=mpp)
                result.warnings += measured.notices
                inputs += measured.inputs
                result.done.append(name)
            except InputError as error:
                result.failed(name, error)
            advance(name)
    with claimed(out, (RUN, GLANDS_CSV, SUMMARY_CSV)):
        write_json(out / RUN, _run(inputs, mpp=mpp))
        result.warnings += write_tables(out, records_in(out))
    result.write_log()
    return result


def _inputs(labels: Path, image: Path, *, slide: bool) -> list[dict[str, Any]]:
    """Return what the run file says of both files, by the name of their result."""
    return [input_record(image.stem, path, slide=slide) for path in (labels, image)]


def _run(inputs: Sequence[dict[str, Any]], *, mpp: float | None) -> dict[str, Any]:
    return run_record(command=None, settings={"mpp": mpp}, seed=None, inputs=inputs)
