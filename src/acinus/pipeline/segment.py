"""Segment files: each image or slide gets a folder of results that appears whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from acinus.core.cluster import connect, local_cluster
from acinus.core.errors import AcinusError, InputError, LongNameError, OutputError, UsageError
from acinus.core.files import make_folder, write_json
from acinus.core.image import RgbImage
from acinus.core.lock import locked
from acinus.core.naming import natural_key
from acinus.core.progress import Progress, SilentProgress
from acinus.core.run import fingerprint, run_record
from acinus.core.settings import settings_to_plain
from acinus.data.sample import Sample
from acinus.glands.roi import RegionOfInterest, RoiFolder, read_roi
from acinus.pipeline.arguments import check_mpp_argument
from acinus.pipeline.estimator import GlandSegmenter
from acinus.pipeline.inputs import find_inputs
from acinus.pipeline.model import is_fit, model_state
from acinus.pipeline.segment_slide import segment_slide, slide_fingerprint, slide_state
from acinus.pipeline.slide_work import discard_work
from acinus.pipeline.source_sizes import SizesOfSources
from acinus.results.batch import BatchResult
from acinus.results.batch_tables import records_in, write_tables
from acinus.results.files import (
    BATCH_FILES,
    GLANDS_CSV,
    RESULT_FILES,
    RUN,
    SUMMARY_CSV,
    is_whole,
    remove_leftovers,
    work_folder,
)
from acinus.results.folder import read_run
from acinus.results.ownership import claimed, in_the_way, refuse_to_replace
from acinus.results.record import ImageRecord, OriginName, read_record, results_code
from acinus.results.writing import write_image_result
from acinus.slides.identity import input_record
from acinus.slides.images import is_slide, whole_image
from acinus.slides.opening import open_slide

__all__ = ["segment_files"]


def segment_files(
    inputs: Sequence[Path],
    model: GlandSegmenter,
    *,
    model_name: str,
    out: Path,
    mpp: float | None = None,
    origin: OriginName = "level0",
    workers: int | None = None,
    scheduler: str | None = None,
    roi: Path | None = None,
    artefacts: bool = True,
    seed: int | None = None,
    progress: Progress | None = None,
) -> BatchResult:
    """Segment every input and write ``out/<stem>/`` for each; failures do not stop the others.

    Images are segmented in memory, at their own resolution; slides (see `acinus.slides.images.is_slide`)
    window by window, at the model's. ``out/glands.csv`` pools the tables of all results in `out`, also of
    earlier calls, and ``out/summary.csv`` has one row for each (neither is written when there is none),
    ``out/run.json`` has the settings of the last ones and lists the inputs of all.

    Parameters
    ----------
    inputs : sequence of Path
        Images and slides, and folders of them.
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
    roi : Path, optional
        Folder of GeoJSON files named after inputs, which say where to segment: `acinus.glands.roi.read_roi`.
    artefacts : bool
        Whether artefacts of slides are found and left out; see `segment_slide`.
    seed : int, optional
        Of the model and the inputs where the caller made them, for the run file; segmenting draws nothing.

    Returns
    -------
    BatchResult
        Inputs whose results were there, made by this model from this very file, are skipped.

    Raises
    ------
    UsageError
        When `mpp` is absurd, `roi` has nothing to do with the inputs, `workers` and `scheduler` are given
        both, no cluster can be had, another process is writing into `out`, or something that acinus did not
        write lies where a result is to be: then nothing is computed.
    OutputError
        When `out` cannot be written to or its disk is full: then nothing else would succeed either.
    """
    check_mpp_argument(mpp)
    progress = progress or SilentProgress()
    for is_held, what in ((is_fit(out), "a model"), ((out / "benchmark.json").exists(), "a benchmark")):
        if is_held:
            raise UsageError(
                f"{out} holds {what}, and results need a folder of their own; choose another --out"
            )
    with _cluster(workers, scheduler) as client, locked(make_folder(out)):
        result = BatchResult(folder=out)
        samples = find_inputs(inputs, mpp=mpp, result=result)
        RoiFolder(roi).check([sample.image_path for sample in samples])
        remove_leftovers(out, {sample.name for sample in samples})
        sizes = SizesOfSources(model, samples)
        batch = _Batch(model, sizes, model_name, out, origin, RoiFolder(roi), artefacts, client, seed)
        finished = _finished_before(samples, batch, result)
        _check_places(out, [sample for sample in samples if sample.name not in finished])
        sources = list(finished.values())
        with progress.task("Segmenting", total=len(samples)) as advance:
            for sample in samples:
                try:
                    if sample.name not in finished:
                        sources.append(_segment_one(sample, batch, result, progress))
                except LongNameError as error:
                    result.failed(str(sample.image_path), error)
                except OutputError:
                    raise
                except Exception as error:  # whatever is wrong with one, the others are attempted
                    result.failed(str(sample.image_path), error)
                advance(sample.name)
        result.warn_of_outdated()
        result.warn_of_remarks()
        result.warn_of_unfamiliar()
        records = records_in(out)
        sources += _earlier_sources(out, records.keys() - {source["name"] for source in sources})
        with claimed(out, (RUN, GLANDS_CSV, SUMMARY_CSV)):
            write_json(out / RUN, batch.run(sorted(sources, key=lambda source: natural_key(source["name"]))))
            result.warnings += write_tables(out, records)
        result.write_log()
    return result


@dataclass(frozen=True)
class _Batch:
    """What all inputs of a batch have in common."""

    model: GlandSegmenter
    sizes: SizesOfSources
    model_name: str
    out: Path
    origin: OriginName
    rois: RoiFolder
    artefacts: bool
    client: Any
    seed: int | None

    @cached_property
    def state(self) -> str:
        """Digest of the model and its settings."""
        return model_state(self.model.fitted.network, self.model.fitted_settings)

    @cached_property
    def _record(self) -> dict[str, Any]:
        settings = settings_to_plain(self.model.fitted_settings)
        record = run_record(command=None, settings=settings, seed=self.seed, inputs=[])
        return {**record, "model": self.model_name, "stain": self.model.stain}

    def run(self, sources: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Return the content of the run file of these inputs."""
        return {**self._record, "inputs": list(sources)}

    def roi(self, sample: Sample) -> RegionOfInterest | None:
        """Return what somebody drew for this input, None where there is nothing."""
        drawn = self.rois.find(sample.image_path)
        if drawn is None:
            return None
        with open_slide(sample.image_path, mpp=sample.mpp) as reader:
            return read_roi(drawn, corner=(reader.bounds.x, reader.bounds.y))

    def made_from(self, sample: Sample, source: dict[str, Any], *, slide: bool) -> str:
        """Return the digest that results of this input, made now, would bear."""
        roi = self.roi(sample)
        if not slide:
            drawn = [] if roi is None else [roi.state]
            return fingerprint(self.state, source["sha256"], str(sample.mpp), *drawn)
        identity = {key: value for key, value in source.items() if key not in ("name", "path")}
        return slide_fingerprint(
            slide_state(self.state, identity),
            mpp=sample.mpp,
            origin=self.origin,
            roi=roi,
            artefacts=self.artefacts,
        )


@contextmanager
def _cluster(workers: int | None, scheduler: str | None) -> Iterator[Any]:
    """Yield a Dask client, or None where everything is to be computed in this process."""
    if workers is not None and scheduler is not None:
        raise UsageError("--workers starts a cluster here, --scheduler uses another; give only one of them")
    if scheduler is not None:
        with connect(scheduler) as client:
            yield client
    elif workers is not None:
        with local_cluster(workers) as client:
            yield client
    else:
        yield None


def _finished_before(
    samples: Sequence[Sample], batch: _Batch, result: BatchResult
) -> dict[str, dict[str, Any]]:
    """Return the lines of the run file of the inputs whose results are there, and note them as skipped."""
    found = {}
    for sample in samples:
        try:
            source = _finished(sample, batch, result)
        except (AcinusError, OSError):  # it, or its region, cannot be read: said when its turn comes
            continue
        if source is not None:
            with suppress(OutputError):
                discard_work(work_folder(batch.out, sample.name))  # of a run killed at its end
            result.skipped.append(sample.name)
            found[sample.name] = source
    return found


def _check_places(out: Path, samples: Sequence[Sample]) -> None:
    """Refuse to begin where a result would replace what acinus did not write."""
    of_images = [path for sample in samples for path in in_the_way(out / sample.name, RESULT_FILES)]
    refuse_to_replace([*of_images, *in_the_way(out, BATCH_FILES)])


def _segment_one(sample: Sample, batch: _Batch, result: BatchResult, progress: Progress) -> dict[str, Any]:
    """Segment an image or a slide and return its line of the run file."""
    with open_slide(sample.image_path, mpp=sample.mpp) as reader:
        result.remark(sample.name, *reader.notes)
        slide = is_slide(reader)
        image = None if slide else whole_image(reader)
    source = input_record(sample.name, sample.image_path, slide=slide)
    record = (
        _segment_slide(sample, batch, progress)
        if image is None
        else _segment_image(sample, image, batch, source)
    )
    result.unfamiliar[sample.name] = record.unfamiliar
    if not record.gland_count and "stain" not in record.unfamiliar:
        what = "no gland was found" if record.tissue_area_um2 else "no tissue was found, and so no gland"
        result.warnings.append(f"{sample.name}: {what}; look at its overlay, and check --mpp")
    result.done.append(sample.name)
    return source


def _segment_slide(sample: Sample, batch: _Batch, progress: Progress) -> ImageRecord:
    return segment_slide(
        sample.image_path,
        batch.model,
        out=batch.out,
        name=sample.name,
        mpp=sample.mpp,
        origin=batch.origin,
        roi=batch.roi(sample),
        artefacts=batch.artefacts,
        client=batch.client,
        model_name=batch.model_name,
        progress=progress,
    )


def _segment_image(sample: Sample, image: RgbImage, batch: _Batch, source: dict[str, Any]) -> ImageRecord:
    model = batch.sizes.model_for(sample, mpp=image.mpp)
    segmentation = model.segment(RgbImage(image.rgb, image.mpp, sample.name), roi=batch.roi(sample))
    return write_image_result(
        batch.out / sample.name,
        segmentation.image,
        segmentation.labels,
        segmentation.probability,
        tissue=segmentation.tissue,
        quality=segmentation.quality,
        certainty=segmentation.sureness,
        unfamiliar=segmentation.unfamiliar,
        run={**batch.run([source]), "settings": segmentation.made_by["settings"]},  # for this image's size
        path=Path(source["path"]),
        model=batch.model_name,
        fingerprint=batch.made_from(sample, source, slide=False),
    )


def _finished(sample: Sample, batch: _Batch, result: BatchResult) -> dict[str, Any] | None:
    """Return the line of the run file if all results are there, made from what they would be from now.

    Results of other code count, and are noted: of a thousand slides half may have been done before an update.
    """
    folder = batch.out / sample.name
    try:
        record = read_record(folder)
    except InputError:  # absent, or damaged: then it is made again
        return None
    if not record.summary:  # written by an acinus that did not summarise
        return None
    if not is_whole(folder, kind=record.kind, version=record.version):
        return None
    source = input_record(sample.name, sample.image_path, slide=record.is_slide)
    if record.fingerprint != batch.made_from(sample, source, slide=record.is_slide):
        return None
    if record.code != results_code():
        result.outdated.append(sample.name)
    return source


def _earlier_sources(out: Path, names: set[str]) -> list[dict[str, Any]]:
    """Return the lines that the run file has of these results of earlier calls."""
    try:
        return [source for source in read_run(out)["inputs"] if source["name"] in names]
    except (InputError, KeyError, TypeError):  # no earlier call, or its file is damaged
        return []
