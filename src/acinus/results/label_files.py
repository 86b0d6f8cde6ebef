"""Label maps in folders: which there are, and whose image each one is of."""

from __future__ import annotations

from pathlib import Path

from acinus.core.errors import InputError
from acinus.core.files import leads_nowhere
from acinus.core.naming import composed, natural_key
from acinus.results.files import LABELS_ZARR
from acinus.slides.label_image import LABEL_ENDINGS, LABEL_FOLDER, LABEL_SUFFIXES

__all__ = ["is_annotation", "is_one_map", "label_files"]

_ANNOTATIONS = (".geojson", ".geojson.gz", ".geojson.zip")


def label_files(path: Path, *, annotations: bool = False) -> dict[str, Path]:
    """Return the label maps of a folder by the stem of the image they belong to.

    In a folder that holds images and their ``_anno`` maps or outlines, only the latter are taken, and beside
    a folder ``labels`` only what that one holds. Links that lead nowhere are among them: which case is lost
    is for the reader of the map to say.

    Parameters
    ----------
    path : Path
        A folder, or one file (``labels.zarr`` is one, too).
    annotations : bool
        Take GeoJSON files as well.

    Raises
    ------
    InputError
        When there is none, or two of one image.
    """
    if is_one_map(path):
        return {_stem(path): path}
    if leads_nowhere(path):
        raise InputError(f"{path} is a link that leads nowhere; mend or delete it")
    if not path.is_dir():
        raise InputError(f"{path} does not exist; check the path")
    entries = _visible(path)
    folders = [path, *(entry for entry in entries if entry.is_dir())]
    nested = [file for folder in folders for file in _visible(folder) if _is_result(file)]
    lost = [entry for entry in entries if leads_nowhere(entry)]
    files = [*lost, *(entry for entry in entries if entry.is_file())]
    flat = [file for file in files if file.suffix.lower() in LABEL_SUFFIXES]
    marked = [file for file in flat if _stem(file) != composed(file.stem)]
    outlines = [file for file in files if is_annotation(file)] if annotations else []
    folder_links = lost if nested else []  # of results, by the layout of the others
    if not (nested or marked or outlines) and (path / LABEL_FOLDER).is_dir():
        return label_files(
            path / LABEL_FOLDER, annotations=annotations
        )  # the other layout of a folder of images
    found: dict[str, Path] = {}
    for file in [*(nested or marked), *folder_links, *outlines] or flat:
        other = found.setdefault(composed(file.name) if file in folder_links else _stem(file), file)
        if other is not file:
            raise InputError(f"{other} and {file} are label maps of one image; leave only one of them there")
    if not found:
        kinds = "<stem>/labels.png, <stem>/labels.zarr, <stem>_anno.png or <stem>.png"
        raise InputError(
            f"{path} holds no label map; expected {kinds}{' or <stem>.geojson' if annotations else ''} files"
        )
    return dict(sorted(found.items(), key=lambda item: natural_key(item[0])))


def is_one_map(path: Path) -> bool:
    """Say whether a path is a label map itself and not a folder of some."""
    return path.is_file() or (path.name == LABELS_ZARR and path.is_dir())


def is_annotation(path: Path) -> bool:
    """Say whether a file holds outlines instead of a map."""
    return path.name.lower().endswith(_ANNOTATIONS)


def _is_result(file: Path) -> bool:
    """Say whether this is what ``acinus segment`` writes into the folder of an image or slide."""
    return file.name == LABELS_ZARR or (file.stem == "labels" and file.suffix.lower() in LABEL_SUFFIXES)


def _visible(folder: Path) -> list[Path]:
    """Return what a folder holds but for hidden entries, which may be the rest of an interrupted run."""
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))


def _stem(path: Path) -> str:
    if path.stem == "labels":
        return composed(path.absolute().parent.name)
    compressed = path.suffix.lower() in (".gz", ".zip")
    stem = composed(path.stem.removesuffix(".geojson") if compressed else path.stem)
    for ending in LABEL_ENDINGS:
        if stem.endswith(ending) and stem != ending:
            return stem.removesuffix(ending)
    return stem
