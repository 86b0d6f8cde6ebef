"""The images that a list of files and folders names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from acinus.core.errors import DatasetError, InputError
from acinus.core.naming import plural, portable
from acinus.data.folder import images_in
from acinus.data.sample import Sample
from acinus.results.batch import BatchResult
from acinus.results.files import RESULT_NAMES
from acinus.slides.opening import DICOM_SUFFIXES
from acinus.slides.openslide_source import dicom_series

__all__ = ["find_inputs"]


def find_inputs(inputs: Iterable[Path], *, mpp: float | None, result: BatchResult) -> list[Sample]:
    """Return the images among files and in folders, each with a name of its own; note the others as failed.

    Of two images of one name the first is taken, in natural order within a folder; names count as one when
    Windows or macOS would take them for one. Of the files of a DICOM series, which all open the same slide,
    the first is taken, and a warning says so.
    """
    samples: dict[str, Sample] = {}
    entries = list(inputs)
    for entry in entries:
        try:
            found = images_in([entry], mpp=mpp)
        except Exception as error:  # a folder that cannot be listed must not stop the batch
            result.failed(str(entry), error)
            continue
        left_out = [folder for folder in found.within if folder not in entries]
        if left_out:
            shown = ", ".join(folder.name for folder in left_out[:3]) + (", ..." if left_out[3:] else "")
            where = plural(len(left_out), "folder")
            result.warnings.append(f"{entry}: images in {where} within it left out ({shown}); name them, too")
        for path, reason in found.unusable.items():
            result.failed(str(path), DatasetError(reason))
        for sample in found.samples:
            problem = _problem(sample, samples)
            if problem is None:
                samples.setdefault(portable(sample.name), sample)
            else:
                result.failed(str(sample.image_path), InputError(problem))
    return _one_of_each_series(list(samples.values()), result)


def _one_of_each_series(samples: Sequence[Sample], result: BatchResult) -> list[Sample]:
    first: dict[str, Sample] = {}
    others: dict[str, list[str]] = {}
    kept = []
    for sample in samples:
        is_dicom = sample.image_path.suffix.lower() in DICOM_SUFFIXES
        series = dicom_series(sample.image_path) if is_dicom else None
        if series is None or first.setdefault(series, sample) is sample:
            kept.append(sample)
        else:
            others.setdefault(series, []).append(sample.image_path.name)
    for series, names in others.items():
        shown = ", ".join(names[:3]) + (", ..." if names[3:] else "")
        result.warnings.append(
            f"{first[series].name}: {plural(len(names), 'other file')} of its DICOM series left out ({shown})"
        )
    return kept


def _problem(sample: Sample, others: dict[str, Sample]) -> str | None:
    """Return why an image cannot have a folder of results by its name, None where it can."""
    path, other = sample.image_path, others.get(portable(sample.name))
    if other is not None and other.name != sample.name:
        return (
            f"{path} and {other.image_path} have names that differ only in capitals or in how accents are "
            "stored, so on Windows and macOS one's results would replace the other's; rename one"
        )
    if other is not None and other.image_path.resolve() != path.resolve():
        return (
            f"{path} and {other.image_path} have the same name, so one's results would replace the other's; "
            "rename one or process them separately"
        )
    if sample.name.startswith("."):
        return f"{path} has a name that begins with a dot, so its results would be hidden; rename it"
    if sample.name in RESULT_NAMES:
        return f"{path} has the name of a file that acinus writes, {sample.name}; rename it"
    return None
