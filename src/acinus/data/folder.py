"""Any images: a folder of them or a list of files, with labels beside them where there are some."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from acinus.core.errors import DatasetError
from acinus.core.naming import natural_key
from acinus.data.sample import Sample
from acinus.slides.label_image import LABEL_ENDINGS, LABEL_FOLDER, LABEL_SUFFIXES
from acinus.slides.opening import IMAGE_SUFFIXES, SLIDE_SUFFIXES
from acinus.slides.zarr_files import is_slide_file, is_zarr_name

__all__ = ["folder"]


def folder(source: Path | str | Sequence[Path | str], *, mpp: float | None = None) -> list[Sample]:
    """Return a sample for each image of a folder or a list.

    Parameters
    ----------
    source : Path, str or sequence of them
        A folder (its images and slides, not those of folders within), a file, or files and folders in a list.
        An image ``X.png`` has its labels in ``X_anno.*`` or ``X_mask.*`` beside it, or in ``labels/X.*``.
    mpp : float, optional
        µm per pixel of every image; without it each file must say.

    Returns
    -------
    list of Sample
        In natural order (2 before 10), named by the files' stems.

    Raises
    ------
    DatasetError
        When a path does not exist, there is no image at all, or two images have one stem and would overwrite
        each other's results.
    """
    sources = [source] if isinstance(source, str | Path) else list(source)
    images = [image for path in sources for image in _images(Path(path))]
    images = sorted(dict.fromkeys(images), key=lambda path: (natural_key(path.stem), str(path)))
    if not images:
        places = ", ".join(str(path) for path in sources) or "an empty list"
        raise DatasetError(
            f"no image in {places}; expected files ending in {', '.join(IMAGE_SUFFIXES)} or a slide"
        )
    _check_stems(images)
    return [Sample(name=path.stem, image_path=path, truth_path=_labels_of(path), mpp=mpp) for path in images]


def _images(path: Path) -> list[Path]:
    if is_slide_file(path):
        return [path]
    if not path.is_dir():
        raise DatasetError(f"{path} does not exist; check the path")
    files = [
        file
        for file in path.iterdir()
        if (file.suffix.lower() in (*IMAGE_SUFFIXES, *SLIDE_SUFFIXES) or is_zarr_name(file))
        and not file.name.startswith(".")
        and is_slide_file(file)
    ]
    stems = {file.stem for file in files}
    return [file for file in files if not _is_labels(file.stem, stems)]


def _is_labels(stem: str, stems: Iterable[str]) -> bool:
    """Whether a file is the label map of another one; an image that merely ends in _mask is an image."""
    return any(stem.endswith(ending) and stem.removesuffix(ending) in stems for ending in LABEL_ENDINGS)


def _labels_of(image: Path) -> Path | None:
    label_folder = image.parent / LABEL_FOLDER
    candidates = [image.parent / f"{image.stem}{ending}" for ending in LABEL_ENDINGS]
    candidates += [label_folder / f"{image.stem}{ending}" for ending in ("", *LABEL_ENDINGS)]
    for candidate in candidates:
        for suffix in LABEL_SUFFIXES:
            path = candidate.with_name(candidate.name + suffix)
            if path.is_file():
                return path
    return None


def _check_stems(images: Sequence[Path]) -> None:
    counts = Counter(path.stem for path in images)
    twice = [path for path in images if counts[path.stem] > 1]
    if twice:
        names = ", ".join(str(path) for path in twice[:4])
        raise DatasetError(
            f"{len(twice)} images share names, so results would replace others ({names}); rename them"
        )
