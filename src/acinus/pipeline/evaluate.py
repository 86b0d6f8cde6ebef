"""Compare predicted label maps with true ones, matched by name; the only verb that reads labels."""

from __future__ import annotations

from pathlib import Path

from acinus.core.errors import InputError, MppError
from acinus.core.files import read_json
from acinus.core.units import check_mpp
from acinus.data.sample import natural_key
from acinus.metrics import DatasetScores, ImageScores, evaluate_pair, pool
from acinus.metrics.labels import LabelMapError
from acinus.pipeline.arguments import check_mpp_argument
from acinus.slides.images import read_labels

__all__ = ["evaluate_folders", "label_files"]

_SUFFIXES = (".png", ".tif", ".tiff", ".bmp")
_TRUTH_ENDINGS = ("_anno", "_mask", "_labels", "_label")


def evaluate_folders(
    predictions: Path, truth: Path, *, mpp: float | None = None
) -> tuple[DatasetScores, list[ImageScores]]:
    """Score every true label map that has a prediction.

    Parameters
    ----------
    predictions : Path
        Folder of ``<stem>/labels.png`` (or .tif), as ``acinus segment`` writes, or of ``<stem>.png``; or one
        file; two files are compared whatever their names.
    truth : Path
        Folder of ``<stem>_anno.png``, ``<stem>.png`` or ``<stem>/labels.png``; or a file.
    mpp : float, optional
        µm per pixel of the label maps, for distances in µm; by default what ``acinus segment`` noted in
        ``image.json`` beside the prediction.

    Returns
    -------
    scores, per_image
        Pooled over the data set, and for each image in natural order.

    Raises
    ------
    InputError
        When a folder holds no label map or two of one image, or a true map has no prediction.
    MppError
        When neither `mpp` nor ``image.json`` gives the resolution.
    """
    check_mpp_argument(mpp)
    predicted, true = label_files(predictions), label_files(truth)
    if predictions.is_file() and truth.is_file():
        predicted = dict(zip(true, predicted.values(), strict=True))  # a pair, whatever the names
    missing = sorted(set(true) - set(predicted))
    if missing:
        raise InputError(
            f"{len(missing)} of {len(true)} true label maps have no prediction in {predictions} "
            f"({', '.join(missing[:3])}); segment these images too, or give the matching folder"
        )
    scores = [_score(predicted[name], true[name], mpp=mpp, name=name) for name in true]
    return pool(scores), scores


def _score(predicted: Path, true: Path, *, mpp: float | None, name: str) -> ImageScores:
    mpp = _mpp_of(predicted) if mpp is None else mpp
    try:
        return evaluate_pair(read_labels(predicted), read_labels(true), mpp=mpp, name=name)
    except LabelMapError as error:
        raise InputError(f"{predicted} against {true}: {error}") from error


def label_files(path: Path) -> dict[str, Path]:
    """Return the label maps of a folder by the stem of the image they belong to.

    In a folder that holds images and their ``_anno`` maps, only the latter are label maps.
    """
    if path.is_file():
        return {_stem(path): path}
    if not path.is_dir():
        raise InputError(f"{path} does not exist; check the path")
    nested = [
        file
        for folder in _visible(path)
        if folder.is_dir()
        for file in _visible(folder)
        if file.stem == "labels" and file.suffix.lower() in _SUFFIXES
    ]
    flat = [file for file in _visible(path) if file.is_file() and file.suffix.lower() in _SUFFIXES]
    marked = [file for file in flat if _stem(file) != file.stem]
    found: dict[str, Path] = {}
    for file in nested or marked or flat:
        other = found.setdefault(_stem(file), file)
        if other is not file:
            raise InputError(f"{other} and {file} are label maps of one image; leave only one of them there")
    if not found:
        raise InputError(
            f"{path} holds no label map; expected <stem>/labels.png, <stem>_anno.png or <stem>.png files"
        )
    return dict(sorted(found.items(), key=lambda item: natural_key(item[0])))


def _visible(folder: Path) -> list[Path]:
    """Return what a folder holds but for hidden entries, which may be the rest of an interrupted run."""
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))


def _stem(path: Path) -> str:
    if path.stem == "labels":
        return path.parent.name
    for ending in _TRUTH_ENDINGS:
        if path.stem.endswith(ending) and path.stem != ending:
            return path.stem.removesuffix(ending)
    return path.stem


def _mpp_of(labels: Path) -> float:
    """Return the resolution that was noted beside a predicted label map."""
    description = labels.with_name("image.json")
    noted = None
    if description.is_file():
        try:
            noted = float(read_json(description)["mpp"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise MppError(f"{description} is damaged; segment this image again, or pass --mpp") from error
    return check_mpp(noted, source=str(labels))
