"""The windows of a slide from run to run: of one that was interrupted, and of results that are whole.

What takes long, the network's probability of each window, is kept: while a run lasts in its work folder, then
in the folder of the results. A later run with the same network, slide and code takes it from there, whatever
other settings have changed. Whoever deletes it loses nothing but time.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

import orjson

from acinus.core.errors import OutputError
from acinus.core.files import make_folder, output_error, read_json, write_json
from acinus.core.run import fingerprint
from acinus.core.settings import settings_to_plain
from acinus.pipeline.estimator import GlandSegmenter
from acinus.results.files import MADE_FROM, WINDOWS

__all__ = ["discard_work", "keep_windows", "network_state", "prepare_work"]

_MADE_HERE = (WINDOWS, "model", "colours*", "refined", "outlines.wkb")


def network_state(model: GlandSegmenter) -> str:
    """Return a digest of all that decides what a model's network answers, and of nothing else."""
    network, grouping = model.fitted.network, model.fitted_settings.grouping
    weights = (value.cpu().numpy().tobytes() for value in network.state_dict().values())
    architecture = orjson.dumps(settings_to_plain(grouping.network))
    return fingerprint(*weights, architecture, repr(grouping.mpp))


def prepare_work(work: Path, result: Path, *, made_from: str) -> Path:
    """Return the folder of windows in a work folder: with those made from the same, otherwise empty.

    Parameters
    ----------
    work : Path
        Made, or emptied if what it holds was made from something else.
    result : Path
        Earlier results of the slide, if there are any; their windows move to `work`.
    made_from : str
        A digest of all that windows depend on.

    Raises
    ------
    OutputError
        When the work folder cannot be emptied or written to.
    """
    windows = work / WINDOWS
    if not _is_made_from(windows, made_from):
        discard_work(work)
        make_folder(work)
        if _is_made_from(result / WINDOWS, made_from):
            with suppress(OSError):  # then they are computed again
                (result / WINDOWS).rename(windows)
        write_json(make_folder(windows) / MADE_FROM, made_from)
    return windows


def keep_windows(work: Path, result: Path) -> None:
    """Move the windows into the folder of results and remove the work folder."""
    with suppress(OSError):
        for half_written in (work / WINDOWS).glob(".*"):  # by a process that was killed
            half_written.unlink()
        (work / WINDOWS).rename(result / WINDOWS)
    with suppress(OutputError):
        discard_work(work)


def discard_work(work: Path) -> None:
    """Remove a work folder, but for what others put into it.

    Raises
    ------
    OutputError
        When something cannot be removed.
    """
    try:
        if not work.is_dir() or work.is_symlink():
            return
        for entry in list(work.iterdir()):
            if any(entry.match(name) for name in _MADE_HERE) and not entry.is_symlink():
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        with suppress(OSError):  # somebody's files are in it
            work.rmdir()
    except OSError as error:
        raise output_error(error, work) from error


def _is_made_from(windows: Path, made_from: str) -> bool:
    try:
        return bool(read_json(windows / MADE_FROM) == made_from)
    except (OSError, ValueError):  # absent, or damaged
        return False
