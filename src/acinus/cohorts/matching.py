"""Which row of a clinical table belongs to which result: by name, with or without suffix, or by patient."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath

from acinus.cohorts.clinical import ClinicalTable
from acinus.core.errors import InputError
from acinus.core.naming import composed

__all__ = ["Matches", "match_rows"]

_SUFFIX = re.compile(
    r"(\.(ome|svs|tiff?|ndpi|mrxs|scn|bif|png|jpe?g|bmp|dcm|zarr|vms|svslide|isyntax|czi|vsi))+$"
)


@dataclass(frozen=True)
class Matches:
    """Rows of the table by result, and what was left over on either side.

    Attributes
    ----------
    rows : dict of str to int
        Number of the row, from 0, by the name of the result.
    column : str
        The column by which they were matched.
    results_without_row, rows_without_result : tuple of str
        Names, as they stand in the folder and in the table.
    """

    rows: dict[str, int]
    column: str
    results_without_row: tuple[str, ...]
    rows_without_result: tuple[str, ...]


def match_rows(
    results: Sequence[str],
    table: ClinicalTable,
    *,
    patient: str | None = None,
    but: Sequence[str] = (),
) -> Matches:
    """Return the row of every result.

    Names are compared without folders, suffixes and capitals. A row of a patient belongs to all results whose
    names begin with the patient's, up to a sign that is neither letter nor digit: ``P7`` has ``P7-a.svs`` and
    ``P7_2``, and not ``P71``. The names are in the column that matches most results.

    Parameters
    ----------
    results : sequence of str
        Names of images or slides.
    table : ClinicalTable
    patient : str, optional
        The column that names patients. Only there a lone number is the beginning of a name: elsewhere ``2``
        may be a grade, and ``2-a.svs`` have another.
    but : sequence of str
        Columns that hold outcomes, and no names: ``low`` may begin the name of a file, too.

    Raises
    ------
    InputError
        When no result is matched, or two rows have one name.
    """
    names = {name: _first_rows(texts) for name, texts in table.columns.items() if name not in but}
    found = {name: _match(results, rows, lone=name == patient) for name, rows in names.items()}
    exact = {name: sum(plain_name(result) in rows for result in results) for name, rows in names.items()}
    best = max(found, key=lambda name: (exact[name], len(found[name])), default=None)
    if best is None or not found[best]:
        raise InputError(
            f"no name in {table.path.name} is that of a result ({', '.join(results[:3])}, ...); "
            "expected a column with the slides' or the patients' names"
        )
    texts = table.columns[best]
    _refuse_twins(texts, found[best], table)
    used = set(found[best].values())
    return Matches(
        rows=found[best],
        column=best,
        results_without_row=tuple(name for name in results if name not in found[best]),
        rows_without_result=tuple(text for i, text in enumerate(texts) if text is not None and i not in used),
    )


def plain_name(name: str) -> str:
    r"""Return a name without folders, suffix of an image or slide, and capitals; accents are `composed`.

    Examples
    --------
    >>> plain_name("scans/A 1.ome.tif"), plain_name(r"D:\\scans\\A.1.SVS"), plain_name("A.1")
    ('a 1', 'a.1', 'a.1')
    """
    last = PureWindowsPath(PurePosixPath(name).name).name.strip().lower()
    return _SUFFIX.sub("", composed(last))


def _first_rows(texts: Sequence[str | None]) -> dict[str, int]:
    rows: dict[str, int] = {}
    for i, text in enumerate(texts):
        if text is not None:
            rows.setdefault(plain_name(text), i)
    return rows


def _match(results: Sequence[str], rows: Mapping[str, int], *, lone: bool) -> dict[str, int]:
    found = {name: _row_of(plain_name(name), rows, lone=lone) for name in results}
    return {name: row for name, row in found.items() if row is not None}


def _row_of(name: str, rows: Mapping[str, int], *, lone: bool) -> int | None:
    if name in rows:
        return rows[name]
    ends = [i for i in range(len(name) - 1, 0, -1) if not name[i].isalnum()]
    starts = (name[:end] for end in ends)
    return next((rows[each] for each in starts if each in rows and (lone or not each.isdecimal())), None)


def _refuse_twins(texts: Sequence[str | None], rows: Mapping[str, int], table: ClinicalTable) -> None:
    used = {plain_name(texts[row] or "") for row in rows.values()}
    seen: set[str] = set()
    for text in texts:
        name = plain_name(text) if text is not None else ""
        if name in used and name in seen:
            raise InputError(
                f"{table.path.name} has two rows for {text}; leave one row per slide or per patient in it"
            )
        seen.add(name)
