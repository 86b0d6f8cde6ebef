"""Measure results again where people corrected them: marks of the viewer, outlines drawn in QuPath."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from acinus.core.errors import InputError
from acinus.core.files import as_named, make_folder, write_json
from acinus.core.progress import Progress, SilentProgress
from acinus.core.run import run_record
from acinus.core.user import user_name
from acinus.glands import Glands, Outline, gland_id, summarise
from acinus.glands.corrections import Corrected, correct_outlines
from acinus.glands.crops import Sliceable
from acinus.glands.features import Annotations, read_annotations
from acinus.glands.geojson import write_geojson
from acinus.glands.measure import MeasuredGland, columns_of, measure_gland, with_neighbours
from acinus.glands.neighbours import OutlinesInMemory
from acinus.pipeline.corrected_map import CorrectedMap
from acinus.results.artefacts import write_artefacts
from acinus.results.batch import BatchResult
from acinus.results.batch_tables import records_in, write_tables
from acinus.results.changes import GlandChange, GlandMark, read_marks, write_changes
from acinus.results.files import (
    ARTEFACTS,
    BATCH_FILES,
    CORRECTIONS,
    GLANDS_CSV,
    MARKS,
    RECORD,
    RESULT_FILES,
    RUN,
    SUMMARY_CSV,
    find_table,
)
from acinus.results.folder import ImageResult, read_results
from acinus.results.labels import LabelFile, open_label_file, write_labels
from acinus.results.outlines import read_glands
from acinus.results.ownership import claimed, in_the_way, refuse_to_replace
from acinus.results.record import write_record
from acinus.results.tables import read_table
from acinus.results.writing import new_result, new_slide_labels, write_glands
from acinus.slides.identity import input_record
from acinus.slides.images import read_image
from acinus.slides.opening import open_slide
from acinus.slides.working import WorkingImage

__all__ = ["measure_corrected"]


def measure_corrected(
    results: Path,
    *,
    out: Path,
    corrections: Path | None = None,
    by: str | None = None,
    progress: Progress | None = None,
) -> BatchResult:
    """Write results with what people corrected in place of what was found, and who changed what.

    Parameters
    ----------
    results : Path
        Folder of results. Glands marked as wrong in ``marks.json`` are left out.
    out : Path
        Takes a folder of results of its own: tables, outlines, records and label maps, ``run.json``, and
        for every image ``changes.csv``. Images without corrections are copied into it.
    corrections : Path, optional
        Folder of ``<name>.geojson`` (.gz) as QuPath exports it, see `correct_outlines`.
    by : str, optional
        Who drew them; by default the user that runs this.

    Raises
    ------
    InputError
        When there are no results, `out` is their own folder, or no file of corrections has an image's name.
    UsageError
        When something that acinus did not write lies where a result is to be.
    """
    found = read_results(results)
    if out.resolve() in (results.resolve(), *(image.folder.resolve() for image in found.images)):
        raise InputError(f"{out} holds the automatic results; give another folder with --out")
    drawn = {image.name: _drawing(corrections, image) for image in found.images} if corrections else {}
    if corrections and not any(drawn.values()):
        raise InputError(
            f"{corrections} holds no <name>.geojson of an image in {results}; export from QuPath by that name"
        )
    folders = [out / image.folder.name for image in found.images]
    in_place = [path for folder in folders for path in in_the_way(folder, RESULT_FILES)]
    refuse_to_replace([*in_the_way(out, BATCH_FILES), *in_place])
    result, inputs = BatchResult(folder=out, warnings=list(found.problems)), []
    make_folder(out)
    with (progress or SilentProgress()).task("Measuring", total=len(found.images)) as advance:
        for image in found.images:
            try:
                _write_corrected(image, drawn.get(image.name), out / image.folder.name, by=by or user_name())
                inputs += _inputs(image, drawn.get(image.name))
                result.done.append(image.name)
            except InputError as error:
                result.failed(image.name, error)
            advance(image.name)
    with claimed(out, (RUN, GLANDS_CSV, SUMMARY_CSV)):
        write_json(out / RUN, run_record(command=None, settings={"by": by}, seed=None, inputs=inputs))
        result.warnings += write_tables(out, records_in(out))
    result.write_log()
    return result


def _inputs(image: ImageResult, drawing: Path | None) -> list[dict[str, Any]]:
    """Return what the run file says of a result: its record, and what people said of it."""
    files = [image.folder / RECORD, image.folder / MARKS, *([] if drawing is None else [drawing])]
    return [input_record(image.name, path, slide=False) for path in files if path.is_file()]


def _drawing(corrections: Path, image: ImageResult) -> Path | None:
    """Return the file of an image's corrections; QuPath exports ``slide.svs.geojson`` for ``slide.svs``."""
    stems = dict.fromkeys((image.name, image.folder.name, Path(image.record.path or image.name).name))
    names = (f"{stem}{ending}" for stem in stems for ending in (".geojson", ".geojson.gz"))
    paths = (as_named(corrections / name) for name in names)
    return next((path for path in paths if path.is_file()), None)


@dataclass(frozen=True)
class _Automatic:
    """What was found: the table at full precision, and ids and outlines (in level-0 pixels) of its rows."""

    glands: Glands
    outlines: list[Outline]
    ids: list[str]

    @classmethod
    def of(cls, image: ImageResult) -> _Automatic:
        table, file = find_table(image.folder), image.outlines_file
        if table is None or file is None:
            raise InputError(f"{image.folder} lacks its table or outlines; run acinus segment again")
        glands = read_table(table)
        on_disk = read_glands(file, origin_px=image.record.origin_px)
        by_id = dict(zip(on_disk.ids, on_disk.outlines.tolist(), strict=True))
        ids = [gland_id(image.name, label) for label in glands["label"].tolist()]
        if set(ids) != set(by_id):
            raise InputError(f"{file} and {table.name} beside it hold other glands; run acinus segment again")
        return cls(glands, [by_id[each] for each in ids], ids)


def _write_corrected(image: ImageResult, drawing: Path | None, folder: Path, *, by: str) -> None:
    found = _Automatic.of(image)
    marks = read_marks(image.folder)
    drawn = None if drawing is None else _on_slide(read_annotations(drawing), image, drawing)
    corrected, changes = _corrected(found, marks, drawn, drawing, by=by)
    labels_file = image.labels_file
    if labels_file is None:
        raise InputError(f"{image.folder} has no label map; run acinus segment again")
    file = open_label_file(labels_file)
    scale = image.record.pixels_per_level0
    gone = found.glands["label"][~corrected.kept].tolist()
    on_map = {label: _scaled(outline, scale) for label, outline in corrected.drawn.items()}
    labels = CorrectedMap(file, gone=gone, drawn=on_map)
    glands, outlines = _measured(image, found, corrected, labels, file)
    record = image.record
    tissue_um2 = record.area_um2 if record.tissue_area_um2 is None else record.tissue_area_um2
    with new_result(folder) as new:
        write_glands(
            new,
            glands,
            zip(glands["label"].tolist(), outlines, strict=True),
            name=image.name,
            compressed=record.is_slide,
            scale=1.0 / record.mpp,
            origin_px=record.origin_px,
        )
        _write_map(new, labels, file, image)
        write_changes(new, changes)
        _write_said(new / CORRECTIONS, _said(image, found, corrected, changes, drawn), image)
        if image.artefacts:
            write_artefacts(new / ARTEFACTS, image.artefacts, name=image.name, origin_px=record.origin_px)
        update = {
            "path": str(image.source.resolve()) if image.source else record.path,
            "gland_count": len(glands),
            "gland_area_fraction": min(1.0, float(glands["area_um2"].sum()) / record.area_um2),
            "summary": summarise(glands, tissue_area_um2=tissue_um2),
            "fingerprint": None,  # acinus segment must not take it for its own
        }
        write_record(new, record.model_copy(update=update))


def _write_map(folder: Path, labels: CorrectedMap, file: LabelFile, image: ImageResult) -> None:
    """Write the corrected label map of an image, or chunk by chunk the pyramid of a slide."""
    record = image.record
    if not record.is_slide:
        write_labels(folder, labels.read(file.frame), mpp=record.mpp)
        return
    pyramid = new_slide_labels(
        folder, file.size, mpp=record.working_mpp, native_mpp=record.mpp, origin=record.origin
    )
    for box in pyramid.base.boxes():
        pyramid.base.add(box, labels.read(box))
    pyramid.finish()


def _corrected(
    found: _Automatic,
    marks: dict[str, GlandMark],
    drawn: Annotations | None,
    drawing: Path | None,
    *,
    by: str,
) -> tuple[Corrected, list[GlandChange]]:
    """Return the glands after the drawing and then the marks, which speak of glands as they were found."""
    labels = found.glands["label"].tolist()
    corrected = Corrected(np.ones(len(labels), dtype=bool), {}, [])
    changes = []
    if drawing is not None and drawn is not None:
        at = datetime.fromtimestamp(drawing.stat().st_mtime, UTC).isoformat(timespec="seconds")
        corrected = correct_outlines(labels, found.outlines, drawn)
        changes = [GlandChange(label, change, by, at, drawing.name) for label, change in corrected.changes]
    for row, (label, each) in enumerate(zip(labels, found.ids, strict=True)):
        mark = marks.get(each)
        if mark is None or not corrected.kept[row]:
            continue
        corrected.kept[row] = mark.mark != "wrong"
        change = "removed" if mark.mark == "wrong" else "confirmed"
        changes.append(GlandChange(label, change, mark.by, mark.at, MARKS))
    return corrected, sorted(changes, key=lambda change: change.label)


def _said(
    image: ImageResult,
    found: _Automatic,
    corrected: Corrected,
    changes: list[GlandChange],
    drawn: Annotations | None,
) -> list[tuple[str, Outline]]:
    """Return all that people said, as outlines with the classes that `read_annotations` knows.

    Of what they said before, of results that were corrected already, glands stay that nobody calls wrong now.
    """
    confirmed = {change.label for change in changes if change.change == "confirmed"}
    said: list[tuple[str, Outline]] = []
    labels = found.glands["label"].tolist()
    for label, outline, kept in zip(labels, found.outlines, corrected.kept.tolist(), strict=True):
        if not kept or label in confirmed:
            said.append(("Right" if kept else "Wrong", outline))
    wrong = shapely.union_all([outline for name, outline in said if name == "Wrong"])
    before = image.folder / CORRECTIONS
    if before.is_file():
        earlier = _on_slide(read_annotations(before), image, before)
        still = [each for each in earlier.glands if shapely.intersection(each, wrong).area <= 0.5 * each.area]
        said += _classed(replace(earlier, glands=still))
    if drawn is not None:
        everywhere = [_frame(image)] if drawn.complete and not drawn.regions else []
        said += _classed(replace(drawn, regions=drawn.regions or everywhere))
    return said


def _classed(drawn: Annotations) -> list[tuple[str, Outline]]:
    """Return outlines with their classes."""
    return [
        *(("Right", each) for each in drawn.glands),
        *(("Wrong", each) for each in drawn.wrong),
        *(("Region*", each) for each in drawn.regions),
        *(("Ignore*", each) for each in drawn.left_out),
    ]


def _write_said(path: Path, said: list[tuple[str, Outline]], image: ImageResult) -> None:
    """Write what people said of an image; nothing where they said nothing."""
    if said:
        origin_x, origin_y = image.record.origin_px
        write_geojson(
            path,
            ((number, outline) for number, (_, outline) in enumerate(said, start=1)),
            name=image.name,
            offset=(-origin_x, -origin_y),
            object_type="annotation",
            classes={number: name for number, (name, _) in enumerate(said, start=1)},
        )


def _frame(image: ImageResult) -> Outline:
    frame: Outline = shapely.box(0, 0, image.record.width_px, image.record.height_px)
    return frame


def _on_slide(drawn: Annotations, image: ImageResult, drawing: Path) -> Annotations:
    """Return a drawing in level-0 pixels of the slide; glands outside of it belong to another image."""
    moved, frame = drawn.moved(image.record.origin_px), _frame(image)
    outside = sum(not gland.intersects(frame) for gland in moved.glands)
    if outside:
        raise InputError(
            f"{drawing.name}: {outside} of {len(moved.glands)} outlines lie outside {image.name}; expected "
            "level-0 pixels of what was segmented, relative to its --origin"
        )
    return moved


def _measured(
    image: ImageResult, found: _Automatic, corrected: Corrected, labels: CorrectedMap, file: LabelFile
) -> tuple[Glands, list[Outline]]:
    """Return table and outlines in µm: measured where something changed, else those that were there."""
    record = image.record
    again = _beside_changes(found, corrected)
    outlines = dict(zip(found.glands["label"].tolist(), found.outlines, strict=True)) | corrected.drawn
    asked = [*found.glands["label"][again].tolist(), *corrected.drawn]
    measured: list[MeasuredGland] = []
    if asked:
        with _pixels(image, file) as pixels:
            for label in asked:
                crop = labels.crop(label, _scaled(outlines[label], record.pixels_per_level0))
                if crop is not None:
                    measured.append(measure_gland(crop, pixels, mpp=record.working_mpp))
    new = columns_of(gland.row for gland in measured)
    new["centroid_x_um"] -= record.origin_px[0] * record.mpp
    new["centroid_y_um"] -= record.origin_px[1] * record.mpp
    as_before = corrected.kept & ~again
    columns = {name: np.concatenate([found.glands[name][as_before], new[name]]) for name in new}
    kept = [_scaled(found.outlines[row], record.mpp) for row in np.flatnonzero(as_before).tolist()]
    shapes = np.empty(len(columns["label"]), dtype=object)
    shapes[:] = [*kept, *(gland.outline for gland in measured)]
    order = np.argsort(columns["label"], kind="stable")
    ordered = shapes[order].tolist()
    glands = with_neighbours(
        {name: values[order] for name, values in columns.items()}, OutlinesInMemory(ordered)
    )
    return glands, ordered


def _beside_changes(found: _Automatic, corrected: Corrected) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Say which glands stay but are measured again, for their box meets that of one which came or went."""
    changed = [found.outlines[row] for row in np.flatnonzero(~corrected.kept).tolist()]
    changed += corrected.drawn.values()
    beside = np.zeros(len(found.outlines), dtype=bool)
    if changed and found.outlines:
        boxes: Any = shapely.box(*shapely.bounds(np.array(changed, dtype=object)).T)
        mine: Any = shapely.box(*shapely.bounds(np.array(found.outlines, dtype=object)).T)
        beside[np.unique(shapely.STRtree(mine).query(boxes, predicate="intersects")[1])] = True
    return beside & corrected.kept


@contextmanager
def _pixels(image: ImageResult, file: LabelFile) -> Iterator[Sliceable]:
    """Yield the stained image on the grid of its label map."""
    source, record = image.source, image.record
    if source is None:
        raise InputError(
            f"{record.path or image.name} is needed to measure corrections and was not found; put the image "
            f"beside {image.folder}"
        )
    if not record.is_slide:
        yield read_image(source, mpp=record.mpp).rgb
        return
    with open_slide(source, mpp=record.mpp) as reader:
        yield WorkingImage(reader, mpp=record.working_mpp, size=file.size)


def _scaled(outline: Outline, factor: float) -> Outline:
    scaled: Outline = shapely.transform(outline, lambda xy: xy * factor)
    return scaled
