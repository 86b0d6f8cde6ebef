"""What people changed: marks beside a result, and the list of changes beside a corrected one."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from acinus.core.errors import InputError
from acinus.core.files import atomic_path, read_json
from acinus.core.run import checksum
from acinus.results.files import CHANGES, MARKS, find_outlines

__all__ = ["GlandChange", "GlandMark", "read_changes", "read_marks", "write_changes"]


@dataclass(frozen=True)
class GlandMark:
    """A verdict on one gland.

    Attributes
    ----------
    mark : str
        ``right`` or ``wrong``.
    by, at : str
        Who made it and when (ISO 8601); empty where it is not known.
    """

    mark: str
    by: str
    at: str


@dataclass(frozen=True)
class GlandChange:
    """What became of one gland.

    Attributes
    ----------
    label : int
        In the corrected result, or of the gland that is gone.
    change : str
        ``removed``, ``replaced``, ``added`` or ``confirmed``.
    by, at : str
        Who and when; empty where it is not known.
    source : str
        Name of the file that says so.
    """

    label: int
    change: str
    by: str
    at: str
    source: str


def read_marks(folder: Path) -> dict[str, GlandMark]:
    """Return the viewer's marks of a result by the glands' ids; empty where there are none.

    Raises
    ------
    InputError
        When the file is damaged, or speaks of other outlines than those that lie beside it.
    """
    path, outlines = folder / MARKS, find_outlines(folder)
    if not path.is_file():
        return {}
    try:
        kept = read_json(path)
        digest = str(kept["outlines_sha256"])
        marks = {
            str(gland): GlandMark(str(each["mark"]), str(each.get("by") or ""), str(each.get("at") or ""))
            for gland, each in kept["marks"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} cannot be read ({error}); rename it to leave its marks out") from error
    if outlines is None or checksum(outlines) != digest:
        raise InputError(
            f"{path} holds marks of an earlier segmentation; open the result in acinus view, mark again, or "
            "rename the file to leave its marks out"
        )
    return marks


def write_changes(folder: Path, changes: Sequence[GlandChange]) -> None:
    """Write ``changes.csv``, one line for each gland that a person changed or confirmed.

    Raises
    ------
    OutputError
        When it cannot be written.
    """
    with (
        atomic_path(folder / CHANGES) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([field.name for field in fields(GlandChange)])
        writer.writerows(astuple(change) for change in changes)


def read_changes(folder: Path) -> list[GlandChange]:
    """Return the changes of a corrected result; empty for one that nobody corrected.

    Raises
    ------
    InputError
        When the file is damaged.
    """
    path = folder / CHANGES
    if not path.is_file():
        return []
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return [GlandChange(int(row.pop("label")), **row) for row in csv.DictReader(file)]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path} cannot be read ({error}); run acinus measure again") from error
