"""The folder of one image's or slide's results: what acinus writes there, and what others put beside it."""

from __future__ import annotations

import shutil
from pathlib import Path

from acinus.core.code import code_digest
from acinus.core.errors import OutputError
from acinus.core.files import output_error

__all__ = ["IMAGE_FILES", "LABEL_FILES", "SLIDE_FILES", "keep_what_others_wrote", "results_code"]

IMAGE_FILES = ("probability.png", "overlay.png", "glands.geojson", "glands.csv")
"""What the folder of an image's results holds beside its label map and ``image.json``."""

LABEL_FILES = ("labels.png", "labels.tif")
"""The label map of an image; one of the two."""

SLIDE_FILES = (
    "labels.zarr/zarr.json", "glands.geojson.gz", "glands.parquet", "glands.csv", "overlay.jpg", "run.json"
)  # fmt: skip
"""What the folder of a slide's results holds beside ``image.json``."""

_OURS = frozenset({"image.json", *IMAGE_FILES, *LABEL_FILES, *(Path(name).parts[0] for name in SLIDE_FILES)})


_ROOMS = ("core", "slides", "data", "networks", "grouping", "inference", "glands", "results")


def results_code() -> str:
    """Return a digest of the code that decides what results say, beside model and image."""
    return code_digest(*_ROOMS)


def keep_what_others_wrote(old: Path, new: Path) -> None:
    """Copy what is no result from a folder of results into the one that will replace it.

    That is where people keep things: the viewer's marks, notes, a QuPath project.

    Raises
    ------
    OutputError
        When something cannot be copied; the old folder is as it was.
    """
    if not old.is_dir():
        return
    for entry in sorted(old.iterdir()):
        if entry.name in _OURS:
            continue
        try:
            if entry.is_dir() and not entry.is_symlink():
                shutil.copytree(entry, new / entry.name, symlinks=True)
            else:
                shutil.copy2(entry, new / entry.name, follow_symlinks=False)
        except (OSError, shutil.Error) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise output_error(error, new / entry.name) from error
            raise OutputError(f"{entry} could not be kept ({error}); move it elsewhere") from error
