"""Compare predicted label maps with true ones, matched by name; the only verb that reads labels."""

from __future__ import annotations

from pathlib import Path

from acinus.core.errors import InputError
from acinus.core.files import read_json
from acinus.core.units import check_mpp
from acinus.data.sample import natural_key
from acinus.metrics import DatasetScores, ImageScores, evaluate_pair, pool
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
        file.
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
        When a folder holds no label map, or a true map has no prediction.
    MppError
        When neither `mpp` nor ``image.json`` gives the resolution.
    """
    predicted, true = label_files(predictions), label_files(truth)
    missing = sorted(set(true) - set(predicted))
    if missing:
        raise InputError(
            f"{len(missing)} of {len(true)} true label maps have no prediction in {predictions} "
            f"({', '.join(missing[:3])}); segment these images too, or give the matching folder"
        )
    scores = [
        evaluate_pair(
            read_labels(predicted[name]),
            read_labels(true[name]),
            mpp=_mpp_of(predicted[name]) if mpp is None else mpp,
            name=name,
        )
        for name in true
    ]
    return pool(scores), scores


def label_files(path: Path) -> dict[str, Path]:
    """Return the label maps of a folder by the stem of the image they belong to.

    In a folder that holds images and their ``_anno`` maps, only the latter are label maps.
    """
    if path.is_file():
        return {_stem(path): path}
    if not path.is_dir():
        raise InputError(f"{path} does not exist; check the path")
    nested = [
        file for folder in sorted(path.iterdir()) if folder.is_dir() for file in folder.glob("labels.*")
    ]
    flat = [file for file in sorted(path.iterdir()) if file.is_file() and file.suffix.lower() in _SUFFIXES]
    marked = [file for file in flat if _stem(file) != file.stem]
    found = {file.parent.name: file for file in nested} or {_stem(file): file for file in marked or flat}
    if not found:
        raise InputError(
            f"{path} holds no label map; expected <stem>/labels.png, <stem>_anno.png or <stem>.png files"
        )
    return dict(sorted(found.items(), key=lambda item: natural_key(item[0])))


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
    noted = read_json(description).get("mpp") if description.is_file() else None
    return check_mpp(noted, source=str(labels))
