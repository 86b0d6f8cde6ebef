"""Compare predicted label maps with true ones, matched by name; the only verb that reads labels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from acinus.core.errors import InputError
from acinus.core.files import leads_nowhere
from acinus.core.naming import plural
from acinus.metrics import DatasetScores, ImageScores, evaluate_pair, pool
from acinus.metrics.label_pair import LabelMapError
from acinus.pipeline.annotations import score_annotations
from acinus.pipeline.arguments import check_mpp_argument
from acinus.results.label_files import is_annotation, is_one_map, label_files
from acinus.results.labels import LabelFile, open_label_file

__all__ = ["Evaluation", "evaluate_folders"]


@dataclass(frozen=True)
class Evaluation:
    """How predictions compare with the truth.

    Attributes
    ----------
    pooled : DatasetScores
        Over the data set.
    images : list of ImageScores
        Of each image, or region of one, in natural order.
    notices : list of str
        One line for each thing that was left out, or that a file does not say and was understood.
    """

    pooled: DatasetScores
    images: list[ImageScores]
    notices: list[str]


def evaluate_folders(predictions: Path, truth: Path, *, mpp: float | None = None) -> Evaluation:
    """Score every true label map, or file of annotations, that has a prediction.

    Parameters
    ----------
    predictions : Path
        Folder of ``<stem>/labels.png`` (or .tif) or ``<stem>/labels.zarr``, as ``acinus segment`` writes, or
        of ``<stem>.png``; or one file; two files are compared whatever their names.
    truth : Path
        Folder of ``<stem>_anno.png``, ``<stem>.png``, ``<stem>/labels.png`` or ``<stem>.geojson`` (.gz); or a
        file. GeoJSON is read by `acinus.glands.features.read_annotations`: each annotated region is then
        scored as an image of its own.
    mpp : float, optional
        µm per pixel of the label maps, for distances in µm; by default that of ``image.json`` beside a
        prediction. Where neither gives it, distances are reported in pixels only.

    Raises
    ------
    InputError
        When a folder holds no label map or two of one image, or a true map has no prediction.
    MppError
        When `mpp` is not given and ``image.json`` beside a prediction is damaged.
    """
    check_mpp_argument(mpp)
    predicted, true = label_files(predictions), label_files(truth, annotations=True)
    if is_one_map(predictions) and is_one_map(truth):
        predicted = dict(zip(true, predicted.values(), strict=True))  # a pair, whatever the names
    matching = {name: _match(name, true[name], predicted) for name in true}
    missing = [name for name, match in matching.items() if match is None]
    if missing:
        raise InputError(
            f"{len(missing)} of {len(true)} true label maps have no prediction in {predictions} "
            f"({', '.join(missing[:3])}); segment these images too, or give the matching folder"
        )
    used = [*true.values(), *(predicted[match] for match in matching.values() if match is not None)]
    if lost := [str(path) for path in used if leads_nowhere(path)]:
        raise InputError(
            f"{plural(len(lost), 'label map is a link', 'label maps are links')} to nowhere "
            f"({', '.join(lost[:3])}); mend or delete {'it' if len(lost) == 1 else 'them'}"
        )
    images: list[ImageScores] = []
    notices: list[str] = []
    for name, match in matching.items():
        if match is not None:
            prediction = open_label_file(predicted[match], mpp=mpp)
            scores, said = _score(prediction, true[name], name=match)
            images += scores
            notices += [*prediction.notices, *said]
    beside = [name for name in predicted if name not in matching.values()]
    if beside:
        shown = ", ".join(beside[:3]) + (", ..." if beside[3:] else "")
        notices.append(f"{plural(len(beside), 'prediction has', 'predictions have')} no true map ({shown})")
    unknown = [image.name for image in images if image.mpp is None]
    if unknown:
        notices.append(
            f"no µm/px for {len(unknown)} of {plural(len(images), 'image')} ({', '.join(unknown[:3])}), so "
            "distances are reported in pixels only; pass --mpp"
        )
    return Evaluation(pool(images), images, notices)


def _match(name: str, truth: Path, predicted: dict[str, Path]) -> str | None:
    """Return the prediction's name; QuPath exports ``slide.svs.geojson`` for ``slide.svs``."""
    names = (name, Path(name).stem) if is_annotation(truth) else (name,)
    return next((each for each in names if each in predicted), None)


def _score(prediction: LabelFile, truth: Path, *, name: str) -> tuple[list[ImageScores], list[str]]:
    try:
        if is_annotation(truth):
            return score_annotations(prediction, truth, name=name)
        true = open_label_file(truth, mpp=prediction.mpp)
        scores = evaluate_pair(prediction.whole(), true.whole(), mpp=prediction.mpp, name=name)
        return [scores], list(true.notices)
    except LabelMapError as error:
        raise InputError(f"{prediction.path} against {truth}: {error}") from error
