"""The images of a benchmark: which data sets there are, what is learnt from and what is held out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from acinus.benchmark.settings import BenchmarkSettings, SyntheticImages
from acinus.core.code import code_digest
from acinus.core.errors import DatasetError, UsageError
from acinus.core.files import atomic_path
from acinus.core.run import checksum, fingerprint
from acinus.data.crag import CRAG
from acinus.data.ebhi import EBHI
from acinus.data.folder import folder as find_samples
from acinus.data.glas import GLAS
from acinus.data.reference import ReferenceSet
from acinus.data.rings import RINGS
from acinus.data.sample import Sample
from acinus.data.splits import fold_out, hold_out
from acinus.data.synthetic import write_synthetic_tiles

__all__ = ["DATASETS", "Splits", "dataset_names", "find_splits"]

DATASETS: dict[str, ReferenceSet] = {
    "glas": GLAS,
    "crag": CRAG,
    "ebhi": EBHI,
    "rings": RINGS,
}
"""Published data sets by the name that the command takes; each has a file of its own in `acinus.data`."""

_HELD_OUT = 0.2  # 17 of the 85 images of GlaS
_SPLIT_SEED = 0  # the split is part of the protocol, not of a method's randomness
_MOST_SHOWN = 4


@dataclass(frozen=True)
class Splits:
    """The images of a benchmark, or of one of its folds.

    Attributes
    ----------
    fit : list of Sample
        Methods learn from these images, and scores alone from their labels.
    held_out : list of Sample
        Images no method has seen; may be empty.
    note : str
        How they were split, for the page.
    parts_glands : bool
        Whether glands can be scored, or only pixels, see `ReferenceSet`.
    """

    fit: list[Sample]
    held_out: list[Sample]
    note: str
    parts_glands: bool = True

    @property
    def scored(self) -> dict[str, list[Sample]]:
        """The samples with labels, by the name of their split; without splits that have none."""
        parts = {"fit": _labelled(self.fit), "held-out": _labelled(self.held_out)}
        return {name: part for name, part in parts.items() if part}

    @property
    def grades(self) -> dict[str, str]:
        """The class or grade of each sample that has one, by its name."""
        return {s.name: s.grade for s in (*self.fit, *self.held_out) if s.grade is not None}

    @property
    def shown(self) -> list[Sample]:
        """Up to four images for the page, evenly spaced, held-out ones where there are some."""
        last = list(self.scored.values())[-1]
        count = min(_MOST_SHOWN, len(last))
        return [last[round(i * (len(last) - 1) / max(1, count - 1))] for i in range(count)]

    def fingerprint(self) -> str:
        """Return a digest of all images and labels and of how they are split."""
        parts = []
        for split in (self.fit, self.held_out):
            for sample in split:
                truth = checksum(sample.truth_path) if sample.truth_path is not None else ""
                parts.append(f"{sample.name} {sample.mpp} {checksum(sample.image_path)} {truth}")
            parts.append("end of split")
        return fingerprint(*parts)


def dataset_names() -> tuple[str, ...]:
    """Return what the command takes: published data sets, images that are made, images of the user's own."""
    return (*DATASETS, "synthetic", "folder")


def find_splits(
    dataset: str,
    root: Path | None,
    settings: BenchmarkSettings,
    *,
    mpp: float | None = None,
    images_folder: Callable[[], Path],
) -> list[Splits]:
    """Return the images of a data set: split once, or once for each fold.

    Parameters
    ----------
    dataset : str
        One of `dataset_names`.
    root : Path or None
        Its folder; ``synthetic`` needs none.
    settings : BenchmarkSettings
        How images are split, and which synthetic ones are made.
    mpp : float, optional
        µm per pixel of the images of ``folder``; other data sets have their own.
    images_folder : callable
        Returns the folder that takes synthetic images; called when there are to be any.

    Raises
    ------
    UsageError
        When the arguments do not fit together.
    DatasetError
        When files are missing.
    """
    _check_arguments(dataset, root, settings, mpp=mpp)
    if root is None:
        return [_synthetic(settings.synthetic, images_folder())]
    root = root.resolve()  # workers may run elsewhere
    reference = DATASETS.get(dataset)
    samples = _folder(root, mpp=mpp) if reference is None else reference.read(root)
    patients = all(sample.patient is not None for sample in samples)
    if settings.patient_disjoint and not patients:
        raise UsageError(f"patient_disjoint: {dataset} does not say whose an image is; leave it out")
    if settings.folds is not None:
        parts = _folds(samples, settings.folds, by_patient=settings.patient_disjoint)
    elif reference is None or settings.patient_disjoint:
        parts = [_random_parts(samples, by_patient=patients)]
    elif reference.has_test_part:
        parts = [_own_parts(samples, reference.note)]
    else:
        parts = [Splits(samples, [], "All images are learnt from, without their labels.")]
    if reference is None or reference.parts_glands:
        return parts
    return [replace(part, note=f"{part.note} {reference.note}", parts_glands=False) for part in parts]


def _check_arguments(
    dataset: str, root: Path | None, settings: BenchmarkSettings, *, mpp: float | None
) -> None:
    if dataset not in dataset_names():
        raise UsageError(f"there is no data set {dataset!r}; choose one of {', '.join(dataset_names())}")
    if mpp is not None and dataset != "folder":
        raise UsageError(f"--mpp is for folder; {dataset} has a resolution of its own, leave --mpp out")
    if dataset != "synthetic":
        if root is None:
            raise UsageError(f"{dataset} is read from a folder; pass --root with it")
        return
    if root is not None:
        raise UsageError("--root is for images that are read; synthetic images are made, leave --root out")
    for name, value in (("folds", settings.folds), ("patient_disjoint", settings.patient_disjoint)):
        if value:
            raise UsageError(f"{name} is for images that are read; synthetic ones have a part to hold out")


def _labelled(samples: Sequence[Sample]) -> list[Sample]:
    return [sample for sample in samples if sample.truth_path is not None]


def _own_parts(samples: Sequence[Sample], note: str) -> Splits:
    fit = [sample for sample in samples if not sample.held_out]
    held = [sample for sample in samples if sample.held_out]
    return Splits(fit, held, note if held else "The training part; the test part is not in the folder.")


def _random_parts(samples: Sequence[Sample], *, by_patient: bool) -> Splits:
    """Hold a fifth of the images with labels out."""
    _, held = hold_out(_labelled(samples), fraction=_HELD_OUT, seed=_SPLIT_SEED, by_patient=by_patient)
    if by_patient:
        note = f"About a fifth of {len(samples)} images is held out; no patient is in both parts."
    else:
        note = "A fifth of the images with labels, chosen at random, is held out."
    return _without(samples, held, note)


def _folds(samples: Sequence[Sample], folds: int, *, by_patient: bool) -> list[Splits]:
    """Split the images with labels; those without are learnt from in every fold."""
    parts = fold_out(_labelled(samples), folds=folds, seed=_SPLIT_SEED, by_patient=by_patient)
    apart = "; no patient is in both parts of a fold" if by_patient else ""
    note = f"In {folds} folds: each image is held out once and learnt from {folds - 1} times{apart}."
    return [_without(samples, held, note) for _, held in parts]


def _without(samples: Sequence[Sample], held: list[Sample], note: str) -> Splits:
    """Hold some samples out; all others are learnt from."""
    names = {sample.name for sample in held}
    return Splits([sample for sample in samples if sample.name not in names], held, note)


def _folder(root: Path, *, mpp: float | None) -> list[Sample]:
    samples = find_samples(root, mpp=mpp)
    if len(_labelled(samples)) < 2:
        raise DatasetError(
            f"{root} has {len(_labelled(samples))} images with labels, expected at least 2; put labels "
            "beside the images as NAME_anno.png, or in labels/"
        )
    return samples


def _synthetic(images: SyntheticImages, folder: Path) -> Splits:
    """Make the images that are not there; other settings, and other code, have a folder of their own."""
    code = code_digest("core", "data.synthetic")
    own = folder.resolve() / f"{images.fit}+{images.held_out}-{images.side_px}px-{images.seed}-{code}"
    parts: list[list[Sample]] = []
    for name, count, seed in (
        ("fit", images.fit, images.seed),
        ("held", images.held_out, images.seed + images.fit),
    ):
        target = own / name
        if not target.is_dir():
            target.parent.mkdir(parents=True, exist_ok=True)
            with atomic_path(target) as temporary:
                write_synthetic_tiles(
                    temporary, count=count, seed=seed, height_px=images.side_px, width_px=images.side_px
                )
        parts.append([replace(sample, name=f"{name}-{sample.name}") for sample in find_samples(target)])
    return Splits(parts[0], parts[1], "Synthetic images, whose truth is exact.")
