"""Any images: a folder of them or a list of files, with labels beside them where there are some."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from acinus.core.errors import DatasetError
from acinus.core.files import is_there, leads_nowhere
from acinus.core.naming import is_text, natural_key, portable
from acinus.data.sample import Sample
from acinus.slides.label_image import LABEL_ENDINGS, LABEL_FOLDER, LABEL_SUFFIXES
from acinus.slides.opening import IMAGE_SUFFIXES, SLIDE_SUFFIXES
from acinus.slides.zarr_files import is_slide_file, is_zarr_name

__all__ = ["ImagesFound", "folder", "images_in"]


@dataclass(frozen=True)
class ImagesFound:
    """The images among files and in folders.

    Attributes
    ----------
    samples : list of Sample
        In natural order (2 before 10), named by the files' stems; two may have one name.
    unusable : dict of Path to str
        Files that are meant as images and cannot be had, each with the reason in one line.
    within : list of Path
        Folders within those given that hold images, too, which are not among these.
    """

    samples: list[Sample]
    unusable: dict[Path, str]
    within: list[Path]


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
        When a path does not exist, there is no image at all, an image cannot be had (a link that leads
        nowhere), or two images have one stem and would overwrite each other's results.
    """
    found = images_in(source, mpp=mpp)
    if found.unusable:
        raise DatasetError("; ".join(list(found.unusable.values())[:4]))
    _check_stems([sample.image_path for sample in found.samples])
    return found.samples


def images_in(source: Path | str | Sequence[Path | str], *, mpp: float | None = None) -> ImagesFound:
    """Return the images of a folder or a list as `folder` does, and the unusable ones beside the others.

    Raises
    ------
    DatasetError
        When a path does not exist, or there is no image at all.
    """
    sources = [source] if isinstance(source, str | Path) else list(source)
    images = [image for path in sources for image in _images(Path(path))]
    images = sorted(dict.fromkeys(images), key=lambda path: (natural_key(path.stem), str(path)))
    within = [inner for path in sources for inner in _folders_of_images(Path(path))]
    if not images:
        places = ", ".join(str(path) for path in sources) or "an empty list"
        there = f"; there are some in {within[0]}" if within else ""
        raise DatasetError(
            f"no image in {places}; expected files ending in {', '.join(IMAGE_SUFFIXES)} or a slide{there}"
        )
    unusable = {path: reason for path in images if (reason := _why_unusable(path)) is not None}
    samples = [
        Sample(name=path.stem, image_path=path, truth_path=_labels_of(path), mpp=mpp)
        for path in images
        if path not in unusable
    ]
    return ImagesFound(samples, unusable, within)


def _why_unusable(path: Path) -> str | None:
    if not path.exists():
        return f"{path} is a link that leads nowhere; mend or delete it"
    if not is_text(path.stem):
        return f"{path} has a name that is not UTF-8, which tables and pages cannot hold; rename it"
    return None


def _folders_of_images(path: Path) -> list[Path]:
    """Return the folders within a folder that hold images, but for label maps and what acinus wrote."""
    if not path.is_dir() or is_slide_file(path):
        return []
    inner = [each for each in path.iterdir() if each.is_dir() and each.name != LABEL_FOLDER]
    return sorted(filter(_holds_images, inner), key=lambda folder: natural_key(folder.name))


def _holds_images(folder: Path) -> bool:
    if folder.name.startswith(".") or is_slide_file(folder):
        return False
    with suppress(OSError):
        files = list(folder.iterdir())
        own = any(file.name.startswith(".acinus") for file in files)
        return not own and any(file.suffix.lower() in (*IMAGE_SUFFIXES, *SLIDE_SUFFIXES) for file in files)
    return False


def _images(path: Path) -> list[Path]:
    if is_slide_file(path) or (path.is_symlink() and not path.exists()):
        return [path]
    if not path.is_dir():
        raise DatasetError(f"{path} does not exist; check the path")
    files = [
        file
        for file in path.iterdir()
        if (file.suffix.lower() in (*IMAGE_SUFFIXES, *SLIDE_SUFFIXES) or is_zarr_name(file))
        and not file.name.startswith(".")
        and (is_slide_file(file) or not file.exists())  # a link that leads nowhere
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
            # With the ending its name may be longer than the file system takes. A link that leads nowhere is
            # found, so that reading it says so.
            if leads_nowhere(path) or is_there(path):
                return path
    return None


def _check_stems(images: Sequence[Path]) -> None:
    counts = Counter(portable(path.stem) for path in images)
    twice = [path for path in images if counts[portable(path.stem)] > 1]
    if twice:
        names = ", ".join(str(path) for path in twice[:4])
        raise DatasetError(
            f"{len(twice)} images share names, so results would replace others ({names}); rename them"
        )
