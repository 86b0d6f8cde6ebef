"""Which files are acinus's own: nothing else is ever replaced or removed.

Every folder that acinus writes to has a list of what it wrote there, ``.acinus.json``, with checksums. A file
that is not on the list, or was changed since, belongs to somebody; a link always does. Folders of version 0.2
and earlier have no list: what bears the name of a result is acinus's there if a record or run file beside it
is.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from acinus.core.errors import OutputError, UsageError
from acinus.core.files import atomic_path, hidden_stem, is_temporary, read_json, write_json
from acinus.core.lock import waited_for
from acinus.core.naming import plural
from acinus.core.run import checksum
from acinus.results.files import (
    LIST,
    MADE_FROM,
    RECORD,
    RESULT_NAMES,
    RUN,
    SUMMARY_JSON,
    WINDOWS,
    keep_what_others_wrote,
)

__all__ = ["claimed", "in_the_way", "is_own", "list_all", "own_folder", "refuse_to_replace"]

Listed = dict[str, str | None]
"""Checksum of each file by name; None while it is being written."""

_READ_BY_ACINUS_ALONE = frozenset({RECORD, RUN})  # a damaged one is made again
_SHOWN = 3

_MARKS: dict[str, Callable[[dict[str, Any]], bool]] = {
    RUN: lambda run: "acinus" in run["versions"],
    "benchmark.json": lambda run: "acinus" in run["versions"],
    RECORD: lambda record: "gland_count" in record,
    "model.json": lambda model: "weights_sha256" in model,
    SUMMARY_JSON: lambda summary: "tissue_area_um2" in summary,
    "demo.json": lambda demo: {"seed", "small"} <= set(demo),
}
"""How acinus's own records are told from other files of these names."""

_NAMES_BEFORE_LISTS = (
    *RESULT_NAMES,
    *("model.json", "weights.safetensors"),
    *("benchmark.json", "results.*", "result.json", "differences.csv", "chart-*.svg", "grid.png"),
    *("demo.json", "settings.json"),
)


def is_own(path: Path) -> bool:
    """Say whether acinus wrote what lies at a path, and nobody has changed it since.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "summary.csv").write_text("patient,grade")
    >>> is_own(folder / "summary.csv")
    False
    """
    return _is_listed(path, _read(path.parent))


def in_the_way(folder: Path, names: Collection[str]) -> list[Path]:
    """Return what lies under these names in a folder, or in its place, and is not acinus's own."""
    if os.path.lexists(folder) and not folder.is_dir():
        return [folder]
    there = [folder / name for name in names if os.path.lexists(folder / name)]
    if not there:
        return []
    listed = _read(folder)
    return [path for path in there if not _is_listed(path, listed)]


def refuse_to_replace(paths: Collection[Path]) -> None:
    """Refuse to go on while there are files in the way.

    Raises
    ------
    UsageError
        When there are any; the first ones are named.
    """
    if not paths:
        return
    shown = ", ".join(str(path) for path in list(paths)[:_SHOWN])
    if len(paths) > _SHOWN:
        shown += f" and {plural(len(paths) - _SHOWN, 'other')}"
    verb, object_ = ("is", "it") if len(paths) == 1 else ("are", "them")
    raise UsageError(
        f"{shown} {verb} in the way: not written by acinus, or changed since; move {object_} elsewhere, or "
        "choose another --out"
    )


@contextmanager
def claimed(folder: Path, names: Collection[str]) -> Iterator[None]:
    """Let the block write files of these names into a folder, and list them as acinus's own.

    A process that is killed in the block leaves files that are its own, too.

    Raises
    ------
    UsageError
        When something else lies under one of the names; then the block does not run.
    OutputError
        When the list cannot be written.
    """
    refuse_to_replace(in_the_way(folder, names))
    had_list = (folder / LIST).exists()
    with waited_for(folder / LIST):
        before = _read(folder)
        if not had_list:  # of an earlier version
            before = {name: _digest(folder / name) for name in before}
        _write(folder, {**before, **dict.fromkeys(names)})
    try:
        yield
    except BaseException:
        with suppress(OutputError, OSError):  # the error of the block is the one to tell
            _settle(folder, names)
            if not had_list and _read(folder) == before:  # nothing was written
                (folder / LIST).unlink(missing_ok=True)
        raise
    _settle(folder, names)


@contextmanager
def own_folder(folder: Path, names: Collection[str]) -> Iterator[Path]:
    """Yield an empty folder that takes the place of `folder` at the end, with what others put there.

    Parameters
    ----------
    folder : Path
        A link to a folder stays one.
    names : collection of str
        All that acinus may write there.

    Raises
    ------
    UsageError
        When something else lies under one of the names.
    OutputError
        When it cannot be written; the old folder is as it was.
    """
    folder = folder.resolve() if folder.is_symlink() else folder
    refuse_to_replace(in_the_way(folder, names))
    with atomic_path(folder) as temporary:
        temporary.mkdir()
        yield temporary
        list_all(temporary)
        refuse_to_replace(in_the_way(folder, names))  # the block may have taken hours
        keep_what_others_wrote(folder, temporary, own=names)


def list_all(folder: Path) -> None:
    """List all that a folder holds as acinus's own.

    Raises
    ------
    OutputError
        When the list cannot be written.
    """
    names = sorted(entry.name for entry in folder.iterdir() if entry.name != LIST)
    _write(folder, {name: _digest(folder / name) for name in names})


def _is_listed(path: Path, listed: Listed) -> bool:
    if path.is_symlink():
        return False
    if path.name == WINDOWS and (path / MADE_FROM).is_file():
        return True
    if path.name not in listed:
        return False
    known = listed[path.name]
    return known is None or path.name in _READ_BY_ACINUS_ALONE or known == _digest(path)


def _settle(folder: Path, names: Collection[str]) -> None:
    """Write the list with the checksums of these names, and without what is not there.

    What else is there without a checksum, another process may be writing; what that has not begun, it lists
    when it has ended.
    """
    with waited_for(folder / LIST):
        listed = {name: known for name, known in _read(folder).items() if os.path.lexists(folder / name)}
        listed |= {name: _digest(folder / name) for name in names if os.path.lexists(folder / name)}
        if listed:
            _write(folder, listed)
        else:
            (folder / LIST).unlink(missing_ok=True)


def _digest(path: Path) -> str | None:
    """Return the SHA-256 of a file, or of a folder's names and sizes; None where it cannot be read."""
    if path.name in _READ_BY_ACINUS_ALONE:
        return ""  # is not compared
    try:
        if not path.is_dir():
            return checksum(path)
        inside = sorted((file.relative_to(path).as_posix(), file) for file in path.rglob("*"))
        text = "\n".join(f"{name} {file.stat().st_size if file.is_file() else ''}" for name, file in inside)
        return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
    except OSError:
        return None


def _read(folder: Path) -> Listed:
    """Return the list of a folder; of one that an earlier version wrote, what bears the names of results."""
    try:
        written = read_json(folder / LIST)["written"]
    except (OSError, ValueError, KeyError, TypeError):
        written = None
    if isinstance(written, dict):
        return dict(written)
    if not any(_is_marked(folder / name, mark) for name, mark in _MARKS.items()):
        return {}
    names = sorted(entry.name for entry in folder.iterdir())
    return {name: None for name in names if any(fnmatchcase(name, each) for each in _NAMES_BEFORE_LISTS)}


def _is_marked(path: Path, mark: Callable[[dict[str, Any]], bool]) -> bool:
    try:
        return mark(read_json(path))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _write(folder: Path, listed: Listed) -> None:
    for path in folder.glob(f"{hidden_stem(LIST)}.*"):  # of a process that was killed while it wrote
        if is_temporary(path.name):
            path.unlink(missing_ok=True)
    write_json(folder / LIST, {"version": 1, "written": listed})
