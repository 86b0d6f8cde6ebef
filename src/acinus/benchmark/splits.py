"""What is learnt from and what is reported on: two parts of one data set, or two for each fold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from acinus.benchmark.plan import SyntheticImages
from acinus.core.code import code_digest
from acinus.core.errors import DatasetError, UsageError
from acinus.core.files import atomic_path
from acinus.core.run import checksum, fingerprint
from acinus.data.crag import crag
from acinus.data.folder import folder as find_samples
from acinus.data.glas import glas
from acinus.data.sample import Sample
from acinus.data.splits import fold_out, hold_out
from acinus.data.synthetic import write_synthetic_tiles

__all__ = ["DATASETS", "Splits", "find_splits"]

DATASETS = ("glas", "crag", "synthetic", "folder")
_HELD_OUT = 0.2  # 17 of the 85 images of GlaS
_SPLIT_SEED = 0  # the split is part of the protocol, not of a method's randomness


@dataclass(frozen=True)
class Splits:
    """The images of a benchmark.

    Attributes
    ----------
    fit : list of Sample
        Methods learn from these images, and scores alone from their labels.
    held_out : list of Sample
        Images no method has seen; may be empty.
    note : str
        How they were parted, for the page.
    """

    fit: list[Sample]
    held_out: list[Sample]
    note: str

    @property
    def scored(self) -> dict[str, list[Sample]]:
        """The samples with labels, by the name of their split; without splits that have none."""
        parts = {"fit": self.fit, "held-out": self.held_out}
        labelled = {name: [s for s in part if s.truth_path is not None] for name, part in parts.items()}
        return {name: part for name, part in labelled.items() if part}

    @property
    def shown(self) -> list[str]:
        """Names of up to four images for the grid, evenly spaced, unseen ones where there are some."""
        last = list(self.scored.values())[-1]
        count = min(4, len(last))
        return [last[round(i * (len(last) - 1) / max(1, count - 1))].name for i in range(count)]

    def fingerprint(self) -> str:
        """Return a digest of all images and labels and of how they are parted."""
        parts = []
        for split in (self.fit, self.held_out):
            for sample in split:
                truth = checksum(sample.truth_path) if sample.truth_path is not None else ""
                parts.append(f"{sample.name} {sample.mpp} {checksum(sample.image_path)} {truth}")
            parts.append("end of split")
        return fingerprint(*parts)


def find_splits(
    dataset: str,
    root: Path | None,
    *,
    synthetic: SyntheticImages,
    drawn: Callable[[], Path],
    mpp: float | None,
    patient_disjoint: bool,
    folds: int | None = None,
) -> list[Splits]:
    """Return the images of a data set, parted: once, or once for each fold.

    Parameters
    ----------
    dataset : str
        One of `DATASETS`.
    root : Path or None
        Its folder; ``synthetic`` needs none.
    synthetic : SyntheticImages
        What is drawn for ``synthetic``.
    drawn : callable
        Returns the folder that takes drawn images; called when there are to be any.
    mpp : float, optional
        µm per pixel of the images of ``folder``; other data sets have their own.
    patient_disjoint : bool
        GlaS: hold out whole patients instead of the challenge's test parts, whose patients are also in its
        training part.
    folds : int, optional
        GlaS and folders: part all images in so many ways that each is held out once (cross-validation).

    Raises
    ------
    UsageError
        When the arguments do not fit together.
    DatasetError
        When files lack.
    """
    if dataset not in DATASETS:
        raise UsageError(f"there is no data set {dataset!r}; choose one of {', '.join(DATASETS)}")
    if patient_disjoint and dataset != "glas":
        raise UsageError("--patient-disjoint needs patients, which GlaS alone names; leave it out")
    if mpp is not None and dataset != "folder":
        raise UsageError(f"--mpp is for folder; {dataset} has a resolution of its own, leave --mpp out")
    if folds is not None and dataset in ("synthetic", "crag"):
        raise UsageError(f"--folds is for glas and folder; {dataset} has a part of its own to hold out")
    if dataset == "synthetic":
        if root is not None:
            raise UsageError("--root is for images that are read; synthetic is drawn, leave --root out")
        return [_synthetic(synthetic, drawn())]
    if root is None:
        raise UsageError(f"{dataset} has to be read from somewhere; pass --root with its folder")
    if dataset == "crag":
        return [Splits(crag(root, split="train"), crag(root, split="valid"), "CRAG's own two parts.")]
    samples = _all_of_glas(root) if dataset == "glas" else _all_of_folder(root, mpp=mpp)
    if folds is not None:
        return _folds(samples, folds, by_patient=patient_disjoint)
    return [_glas(samples, patient_disjoint=patient_disjoint) if dataset == "glas" else _folder(samples)]


def _all_of_glas(root: Path) -> list[Sample]:
    try:
        return glas(root, split="all")
    except DatasetError:
        if root.is_dir() and any(root.rglob("test[AB]_*")):
            raise  # a part of the test images is worse than none: it would pass for all
        return glas(root, split="train")


def _folds(samples: Sequence[Sample], folds: int, *, by_patient: bool) -> list[Splits]:
    """Part the images with labels; those without are learnt from in every fold."""
    labelled = [sample for sample in samples if sample.truth_path is not None]
    parts = fold_out(labelled, folds=folds, seed=_SPLIT_SEED, by_patient=by_patient)
    apart = " and no patient is in both parts" if by_patient else ""
    note = f"In {folds} folds: each image is held out once, learnt from {folds - 1} times{apart}."
    return [_without(samples, held, note) for _, held in parts]


def _without(samples: Sequence[Sample], held: list[Sample], note: str) -> Splits:
    """Hold some samples out; all others are learnt from."""
    names = {sample.name for sample in held}
    return Splits([sample for sample in samples if sample.name not in names], held, note)


def _glas(samples: Sequence[Sample], *, patient_disjoint: bool) -> Splits:
    if patient_disjoint:
        fit, held = hold_out(samples, fraction=_HELD_OUT, seed=_SPLIT_SEED, by_patient=True)
        return Splits(fit, held, f"No patient of {len(samples)} images is in both parts.")
    fit = [sample for sample in samples if sample.name.startswith("train")]
    held = [sample for sample in samples if not sample.name.startswith("train")]
    note = "The challenge's training part, and its test parts A and B together."
    return Splits(fit, held, note if held else "The challenge's training part; its test parts are not there.")


def _all_of_folder(root: Path, *, mpp: float | None) -> list[Sample]:
    samples = find_samples(root, mpp=mpp)
    labelled = [sample for sample in samples if sample.truth_path is not None]
    if len(labelled) < 2:
        raise DatasetError(
            f"{root} has {len(labelled)} images with labels, expected at least 2; put labels beside the "
            "images as NAME_anno.png, or in labels/"
        )
    return samples


def _folder(samples: Sequence[Sample]) -> Splits:
    labelled = [sample for sample in samples if sample.truth_path is not None]
    _, held = hold_out(labelled, fraction=_HELD_OUT, seed=_SPLIT_SEED)
    return _without(samples, held, "A fifth of the images with labels, drawn at random, is held out.")


def _synthetic(images: SyntheticImages, drawn: Path) -> Splits:
    """Draw what is not there; each set of settings, and each code that draws, has a folder of its own."""
    code = code_digest("core", "data.synthetic")
    folder = drawn / f"{images.fit}+{images.held_out}-{images.side_px}px-{images.seed}-{code}"
    parts: list[Sequence[Sample]] = []
    for name, count, seed in (
        ("fit", images.fit, images.seed),
        ("held", images.held_out, images.seed + images.fit),
    ):
        target = folder / name
        if not target.is_dir():
            target.parent.mkdir(parents=True, exist_ok=True)
            with atomic_path(target) as temporary:
                write_synthetic_tiles(
                    temporary, count=count, seed=seed, height_px=images.side_px, width_px=images.side_px
                )
        parts.append([replace(s, name=f"{name}-{s.name}") for s in find_samples(target)])
    return Splits(list(parts[0]), list(parts[1]), "Drawn images, whose truth is exact.")
