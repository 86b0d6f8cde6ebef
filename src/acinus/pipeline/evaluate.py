"""Compare predicted label maps with true ones, matched by name; the only verb that reads labels."""

from __future__ import annotations

from pathlib import Path

from acinus.core.errors import InputError
from acinus.core.image import LabelMap
from acinus.metrics import DatasetScores, ImageScores, evaluate_pair, pool
from acinus.metrics.labels import LabelMapError
from acinus.pipeline.annotations import score_drawn
from acinus.pipeline.arguments import check_mpp_argument
from acinus.results.labels import LabelFile, is_drawn, is_one_map, label_files, open_label_file
from acinus.slides.labels import read_labels

__all__ = ["evaluate_folders"]


def evaluate_folders(
    predictions: Path, truth: Path, *, mpp: float | None = None
) -> tuple[DatasetScores, list[ImageScores]]:
    """Score every true label map, or file of drawn outlines, that has a prediction.

    Parameters
    ----------
    predictions : Path
        Folder of ``<stem>/labels.png`` (or .tif) or ``<stem>/labels.zarr``, as ``acinus segment`` writes, or
        of ``<stem>.png``; or one file; two files are compared whatever their names.
    truth : Path
        Folder of ``<stem>_anno.png``, ``<stem>.png``, ``<stem>/labels.png`` or ``<stem>.geojson`` (.gz); or a
        file. GeoJSON is read as `acinus.glands.features.read_drawn` says: each drawn region is then scored
        like an image of its own.
    mpp : float, optional
        µm per pixel of the label maps, for distances in µm; by default what ``acinus segment`` noted in
        ``image.json`` beside the prediction.

    Returns
    -------
    scores, per_image
        Pooled over the data set, and for each image, or region of one, in natural order.

    Raises
    ------
    InputError
        When a folder holds no label map or two of one image, or a true map has no prediction.
    MppError
        When neither `mpp` nor ``image.json`` gives the resolution.
    """
    check_mpp_argument(mpp)
    predicted, true = label_files(predictions), label_files(truth, drawn=True)
    if is_one_map(predictions) and is_one_map(truth):
        predicted = dict(zip(true, predicted.values(), strict=True))  # a pair, whatever the names
    matching = {name: _match(name, true[name], predicted) for name in true}
    missing = [name for name, match in matching.items() if match is None]
    if missing:
        raise InputError(
            f"{len(missing)} of {len(true)} true label maps have no prediction in {predictions} "
            f"({', '.join(missing[:3])}); segment these images too, or give the matching folder"
        )
    scores = [
        score
        for name, match in matching.items()
        if match is not None
        for score in _score(open_label_file(predicted[match], mpp=mpp), true[name], name=match)
    ]
    return pool(scores), scores


def _match(name: str, truth: Path, predicted: dict[str, Path]) -> str | None:
    """Return the prediction's name; QuPath exports ``slide.svs.geojson`` for ``slide.svs``."""
    names = (name, Path(name).stem) if is_drawn(truth) else (name,)
    return next((each for each in names if each in predicted), None)


def _score(prediction: LabelFile, truth: Path, *, name: str) -> list[ImageScores]:
    try:
        if is_drawn(truth):
            return score_drawn(prediction, truth, name=name)
        true = read_labels(truth) if truth.is_file() else _whole(open_label_file(truth, mpp=prediction.mpp))
        return [evaluate_pair(_whole(prediction), true, mpp=prediction.mpp, name=name)]
    except LabelMapError as error:
        raise InputError(f"{prediction.path} against {truth}: {error}") from error


def _whole(file: LabelFile) -> LabelMap:
    return file.read(file.frame)
