"""What a fit learns from: whole images, and regions chosen over all slides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from acinus.core.errors import InputError, UsageError
from acinus.core.image import RgbImage
from acinus.core.progress import Progress
from acinus.core.user_cache import user_cache
from acinus.data.sample import Sample
from acinus.glands.roi import RegionOfInterest, RoiFolder, read_roi
from acinus.grouping.corrections import ImageCorrections
from acinus.grouping.process_group import ProcessGroup
from acinus.mining.regions.choose import choose_regions
from acinus.mining.regions.folder import SlideRegions, write_regions
from acinus.mining.regions.parallel import survey_slides
from acinus.mining.regions.settings import RegionSettings
from acinus.mining.regions.survey import Candidate, SlideToSurvey, Survey, read_region
from acinus.pipeline.corrections import corrected_images, corrected_results
from acinus.pipeline.fit import finest_mpp, reduced
from acinus.pipeline.gland_size import source_of
from acinus.pipeline.settings import Settings
from acinus.results.batch import BatchResult
from acinus.slides.identity import input_record
from acinus.slides.images import is_slide, whole_image
from acinus.slides.opening import SLIDE_SUFFIXES, open_slide
from acinus.slides.reader import resolved_mpp
from acinus.slides.tissue import tissue_mask

__all__ = ["FitInputs", "read_fit_inputs"]

REGIONS = "regions"


@dataclass
class FitInputs:
    """What a fit learns from.

    Attributes
    ----------
    images : list of RgbImage
        Whole images, then the regions of slides, at the resolution that fitting uses.
    sources : list of str
        For each of them the folder that its file lies in, and the resolution of the file.
    records : list of dict
        Name, path and what identifies it, of each image and slide, for the run file.
    slides : list of SlideRegions
    corrections : dict of str to ImageCorrections
        What people said of images, by their names.
    """

    images: list[RgbImage] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    records: list[dict[str, Any]] = field(default_factory=list)
    slides: list[SlideRegions] = field(default_factory=list)
    corrections: dict[str, ImageCorrections] = field(default_factory=dict)

    def write_regions(self, folder: Path) -> None:
        """Write what was chosen of slides into ``regions/`` of the model folder."""
        count = sum(len(of_slide.chosen) for of_slide in self.slides)
        if count:
            write_regions(folder / REGIONS, self.slides, self.images[-count:])


def read_fit_inputs(
    samples: Sequence[Sample],
    settings: Settings,
    *,
    roi: Path | None,
    processes: int,
    result: BatchResult,
    progress: Progress,
    group: ProcessGroup,
    corrections: Path | None = None,
) -> FitInputs:
    """Read images, and choose and read the regions of slides; what fails is noted in the result.

    An image for which there is a region of interest is treated as a slide.

    Parameters
    ----------
    roi : Path, optional
        Folder of GeoJSON files.
    processes : int
        In which slides are looked at.
    group : ProcessGroup
        Its first process chooses for all.
    corrections : Path, optional
        Folder of corrected results, whose images are read, too: all of them without `samples`, else those
        that somebody corrected. They take the place of samples of the same file.

    Raises
    ------
    InputError
        When there is nothing to learn from.
    UsageError
        When `roi` has nothing to do with the inputs.
    """
    rois = RoiFolder(roi)
    rois.check([sample.image_path for sample in samples])
    inputs = FitInputs()
    if corrections is not None:
        samples = _read_corrected(corrections, samples, settings, inputs, result, progress)
    slides: list[SlideToSurvey] = []
    bare: list[str] = []
    with progress.task("Reading", total=len(samples)) as advance:
        for sample in samples:
            try:
                if _is_slide(sample, rois):
                    slides.append(_to_survey(sample, rois))
                else:
                    image, source = _image(sample, settings, result)
                    if not tissue_mask(image.rgb, mpp=image.mpp).any():
                        said = "no tissue was found, so no gland to learn from; check it and --mpp"
                        result.remark(sample.name, said)
                        bare.append(sample.name)
                    inputs.images.append(image)
                    inputs.sources.append(source)
                    inputs.records.append(input_record(sample.name, sample.image_path, slide=False))
                    result.done.append(sample.name)
            except Exception as error:  # whatever is wrong with one image, the others are read
                result.failed(str(sample.image_path), error)
            advance(sample.name)
    result.warn_of_remarks()
    if slides:
        chosen = group.broadcast(_choose, slides, settings.mining.regions, processes, progress)
        _read_chosen(chosen, settings, inputs, result, progress)
    if not inputs.images:
        reasons = "; ".join([*(failure.reason for failure in result.failures), *result.warnings][:3])
        raise InputError(f"nothing to learn from: {reasons}")
    if len(bare) == len(inputs.images):
        shown = ", ".join(bare[:3]) + (", ..." if bare[3:] else "")
        raise InputError(f"nothing to learn from: no tissue was found in {shown}; check them and --mpp")
    return inputs


def _read_corrected(
    folder: Path,
    samples: Sequence[Sample],
    settings: Settings,
    inputs: FitInputs,
    result: BatchResult,
    progress: Progress,
) -> list[Sample]:
    """Read the images of corrected results and return the samples that are left to read."""
    asked, problems = corrected_results(folder, of_all=not samples)
    result.warnings += problems
    with progress.task("Reading corrections", total=len(asked)) as advance:
        for each in asked:
            name = each.result.name
            try:
                read = corrected_images(each, settings)
                record = input_record(name, each.source, slide=each.result.record.is_slide)
            except Exception as error:  # whatever is wrong with one image, the others are read
                result.failed(str(each.source), error)
            else:
                for image, source, said in read:
                    inputs.images.append(image)
                    inputs.sources.append(source)
                    if said is not None:
                        inputs.corrections[image.name] = said
                if read:
                    inputs.records.append(record)
                    result.done.append(name)
            advance(name)
    names = {each.source.resolve(): each.result.name for each in asked}
    left = [sample for sample in samples if sample.image_path.resolve() not in names]
    taken = set(names.values())
    for sample in left:
        if sample.name in taken:
            raise UsageError(
                f"{sample.image_path} has the name of another image in {folder}; rename one of the two"
            )
    return left


def _image(sample: Sample, settings: Settings, result: BatchResult) -> tuple[RgbImage, str]:
    """Read an image at the resolution that fitting uses; `result` notes what there is to say of it.

    Returns
    -------
    image, source
    """
    with open_slide(sample.image_path, mpp=sample.mpp) as reader:
        whole = whole_image(reader)
        result.remark(sample.name, *reader.notes)
    image = reduced(RgbImage(whole.rgb, whole.mpp, sample.name), settings)
    return image, source_of(sample.image_path, mpp=whole.mpp)


def _is_slide(sample: Sample, rois: RoiFolder) -> bool:
    """Say whether regions are chosen of an input; a scanner's file is not opened for that."""
    if sample.image_path.suffix.lower() in SLIDE_SUFFIXES or rois.find(sample.image_path) is not None:
        return True
    with open_slide(sample.image_path, mpp=sample.mpp) as reader:
        return is_slide(reader)


def _to_survey(sample: Sample, rois: RoiFolder) -> SlideToSurvey:
    drawn = rois.find(sample.image_path)
    roi = RegionOfInterest()
    if drawn is not None:
        with open_slide(sample.image_path, mpp=sample.mpp) as reader:
            roi = read_roi(drawn, corner=(reader.bounds.x, reader.bounds.y))
    return SlideToSurvey(sample.name, sample.image_path, sample.mpp, roi)


@dataclass(frozen=True)
class _Choice:
    """What the first process tells the others: regions by slide, and the slides that have none."""

    slides: list[SlideRegions]
    failures: list[tuple[Path, Exception]]
    empty: list[str]


def _choose(
    slides: Sequence[SlideToSurvey], settings: RegionSettings, processes: int, progress: Progress
) -> _Choice:
    """Survey all slides and choose regions over all of them."""
    cache = user_cache()
    surveyed: list[tuple[SlideToSurvey, Survey]] = []
    failures: list[tuple[Path, Exception]] = []
    with progress.task("Looking at slides", total=len(slides)) as advance:
        found = survey_slides(slides, settings, cache=cache and cache / REGIONS, processes=processes)
        for slide, survey in found:
            if isinstance(survey, Exception):
                failures.append((slide.path, survey))
            else:
                surveyed.append((slide, survey))
            advance(slide.name)
    candidates = [
        (number, candidate) for number, (_, survey) in enumerate(surveyed) for candidate in survey.candidates
    ]
    chosen = choose_regions(
        [candidate.shows for _, candidate in candidates], [number for number, _ in candidates], settings
    )
    of_slide: list[list[Candidate]] = [[] for _ in surveyed]
    for number, candidate in (candidates[each] for each in sorted(chosen)):
        of_slide[number].append(candidate)
    return _Choice(
        [
            SlideRegions(slide, tuple(regions), survey.corner, survey.artefacts)
            for (slide, survey), regions in zip(surveyed, of_slide, strict=True)
            if regions or survey.artefacts
        ],
        failures,
        [slide.name for slide, survey in surveyed if not survey.candidates],
    )


def _read_chosen(
    choice: _Choice, settings: Settings, inputs: FitInputs, result: BatchResult, progress: Progress
) -> None:
    """Read the chosen regions at the finest resolution that fitting uses."""
    for path, error in choice.failures:
        result.failed(str(path), error)
    for name in choice.empty:
        result.warnings.append(f"{name}: no region with enough tissue; nothing was learnt from it")
    mpp = finest_mpp(settings)
    with progress.task("Reading regions", total=sum(bool(each.chosen) for each in choice.slides)) as advance:
        for of_slide in choice.slides:
            slide = of_slide.slide
            if not of_slide.chosen:
                inputs.slides.append(of_slide)
                continue
            try:
                with open_slide(slide.path, mpp=slide.mpp) as reader:
                    images = [read_region(reader, each.box, mpp=mpp) for each in of_slide.chosen]
                    source = source_of(slide.path, mpp=resolved_mpp(reader))
                record = input_record(slide.name, slide.path, slide=True)
            except Exception as error:
                result.failed(str(slide.path), error)
            else:
                inputs.images += images
                inputs.sources += [source] * len(images)
                inputs.slides.append(of_slide)
                inputs.records.append(record)
                result.done.append(slide.name)
            advance(slide.name)
