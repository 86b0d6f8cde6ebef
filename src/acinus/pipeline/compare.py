"""Results and a clinical table in, an answer out: tables, page and run file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from acinus.cohorts import require_libraries
from acinus.cohorts.clinical import ClinicalTable, numbers, read_clinical
from acinus.cohorts.matching import match_rows
from acinus.cohorts.outcomes import Outcome, Survival, read_outcome
from acinus.cohorts.settings import CompareSettings
from acinus.cohorts.units import CohortImage
from acinus.core.errors import InputError, UsageError
from acinus.core.files import make_folder, write_json
from acinus.core.naming import plural
from acinus.core.progress import Progress
from acinus.core.run import run_record
from acinus.core.settings import apply_settings, settings_to_plain
from acinus.core.settings_file import read_settings_file
from acinus.pipeline.compared import COMPARED_FILES, PAGE, Compared, write_comparison
from acinus.results.folder import read_records
from acinus.results.ownership import claimed, in_the_way, refuse_to_replace
from acinus.results.record import ImageRecord
from acinus.slides.identity import input_record

__all__ = ["Question", "compare_results", "load_compare_settings"]


@dataclass(frozen=True)
class Question:
    """What is compared.

    Attributes
    ----------
    by : str or None
        Column of groups, grades or numbers.
    time, event : str or None
        Columns of the time to an event or to the end of observation, and of whether it took place (1 or 0).
    patient : str or None
        Column that names patients; by default each row of the table is one.
    order : tuple of str
        The groups from best to worst.
    """

    by: str | None = None
    time: str | None = None
    event: str | None = None
    patient: str | None = None
    order: tuple[str, ...] = ()

    def outcome_columns(self, table: ClinicalTable) -> tuple[str, ...]:
        """Return the headings of the columns that hold outcomes."""
        options = {"--by": self.by, "--time": self.time, "--event": self.event}
        return tuple(
            table.heading(name, option=option) for option, name in options.items() if name is not None
        )

    def __post_init__(self) -> None:
        """Check that something is asked."""
        if (self.time is None) != (self.event is None):
            raise UsageError("--time and --event belong together; give both columns")
        if self.by is None and self.time is None:
            raise UsageError("nothing to compare by; give --by COLUMN, or --time and --event")


@dataclass(frozen=True)
class _Joined:
    """Images with their rows of the clinical table; what was not used, in full and as a clause for errors."""

    images: list[CohortImage]
    rows: list[int]
    folders: dict[str, Path]
    notices: list[str]
    lacking: str


def load_compare_settings(path: Path | None) -> CompareSettings:
    """Read a settings file; None gives the defaults.

    Raises
    ------
    UsageError
        As of `acinus.core.settings.apply_settings`.
    """
    if path is None:
        return CompareSettings()
    return apply_settings(CompareSettings(), read_settings_file(path), where=path.name)


def compare_results(
    results: Path,
    clinical: Path,
    question: Question,
    *,
    out: Path,
    beside: Path | None = None,
    settings: CompareSettings | None = None,
    progress: Progress | None = None,
) -> Compared:
    """Compare the glands of a cohort by what is known of its patients, and write what comes out.

    Parameters
    ----------
    results : Path
        Folder of results.
    clinical : Path
        CSV with one row per slide or per patient.
    out : Path
        Takes ``compare.html`` and the tables.
    beside : Path, optional
        Other results of the same images, such as those of true outlines, shown beside.

    Raises
    ------
    UsageError
        When a column does not exist, nothing is asked, a library is missing, or `out` holds something else.
    InputError
        When nothing matches, or too little is left to compare.
    """
    require_libraries()
    _check_free(out)
    settings = settings or CompareSettings()
    table = read_clinical(clinical)
    asked = _outcomes(table, question)
    joined = _join(results, table, question, settings)
    others = None if beside is None else _join(beside, table, question, settings)
    cohorts = []
    for name, outcome, rows in asked:
        own, values, notice = _with_outcome(joined, name, outcome, rows)
        joined.notices.extend(notice)
        cohorts.append((own, values))
    make_folder(out)
    record = run_record(
        command=None,
        settings=settings_to_plain(settings),
        seed=settings.seed,
        inputs=[input_record(clinical.name, clinical, slide=False)],
    )
    with claimed(out, COMPARED_FILES), _also(joined.lacking):
        compared = write_comparison(
            out,
            cohorts,
            folders=joined.folders,
            results=results,
            beside=None if others is None or beside is None else (beside.name, others.images),
            settings=settings,
            notices=joined.notices,
            run=record,
            progress=progress,
        )
        write_json(out / "run.json", {**record, "results": str(results.resolve())})
    return compared


@contextmanager
def _also(lacking: str) -> Iterator[None]:
    """Add to the error of too few images why there may be so few."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{error}; {lacking}" if lacking else str(error)) from error


def _check_free(out: Path) -> None:
    """Refuse a folder with files that are not an earlier answer, which would be overwritten."""
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file; choose another --out")
    if out.is_dir() and any(out.iterdir()) and not (out / PAGE).is_file():
        raise UsageError(f"{out} is not empty and holds no {PAGE}; choose an empty or new folder for --out")
    refuse_to_replace(in_the_way(out, COMPARED_FILES))


def _join(results: Path, table: ClinicalTable, question: Question, settings: CompareSettings) -> _Joined:
    records, notices = read_records(results)
    patient = None if question.patient is None else table.heading(question.patient, option="--patient")
    matches = match_rows(list(records), table, patient=patient, but=question.outcome_columns(table))
    texts = table.columns[matches.column if patient is None else patient]
    here = table.path.name
    notices += _unmatched(matches.results_without_row, "result has", "results have", f"no row in {here}")
    notices += _unmatched(
        matches.rows_without_result,
        f"row of {here} has",
        f"rows of {here} have",
        "no result",
    )
    nameless = tuple(name for name, row in matches.rows.items() if texts[row] is None)
    notices += _unmatched(
        nameless, "image has", "images have", f"no {question.patient}, each counted as a patient"
    )
    images, rows = [], []
    for name, row in matches.rows.items():
        record = records[name][1]
        images.append(
            CohortImage(name, texts[row] or name, record.summary, record.quality, _doubt(record, settings))
        )
        rows.append(row)
    lacking = f"{len(matches.results_without_row)} of {len(records)} results have no row in {here}"
    return _Joined(
        images,
        rows,
        {name: folder for name, (folder, _) in records.items()},
        notices,
        lacking if matches.results_without_row else "",
    )


def _doubt(record: ImageRecord, settings: CompareSettings) -> str:
    """Return why an image is not to be trusted; empty if it is."""
    reasons = []
    if record.quality is not None and record.quality < settings.least_quality:
        reasons.append(f"trust {record.quality:.2f}")
    if record.unfamiliar:
        reasons.append(f"unfamiliar by its {' and '.join(record.unfamiliar)}")
    return ", ".join(reasons)


def _unmatched(names: Sequence[str], one: str, several: str, lacks: str) -> list[str]:
    """Return one line that lists names, or none."""
    if not names:
        return []
    shown = ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
    return [f"{plural(len(names), one, several)} {lacks}: {shown}"]


def _outcomes(table: ClinicalTable, question: Question) -> list[tuple[str, Outcome, list[int]]]:
    """Return name, outcome and rows of the table of what is asked: groups or numbers, survival, or both."""
    found: list[tuple[str, Outcome, list[int]]] = []
    if question.by is not None:
        texts = table.column(question.by, option="--by")
        outcome, rows = read_outcome(question.by, texts, order=question.order)
        found.append((question.by, outcome, rows.tolist()))
    if question.time is not None and question.event is not None:
        found.append((question.time, *_survival(table, question.time, question.event)))
    return found


def _survival(table: ClinicalTable, time: str, event: str) -> tuple[Survival, list[int]]:
    times = numbers(table.column(time, option="--time"))
    if times is None or any(value is not None and value < 0 for value in times):
        raise UsageError(f"--time {time} holds something that is no time; expected numbers from 0")
    words = {"1": True, "0": False, "yes": True, "no": False, "true": True, "false": False}
    words |= {"1.0": True, "0.0": False, "dead": True, "alive": False, "deceased": True, "living": False}
    texts = table.column(event, option="--event")
    # cBioPortal writes 1:DECEASED and 0:LIVING, 1:Recurred/Progressed and 0:DiseaseFree.
    said = [None if text is None else re.sub("^([01]):.*", r"\1", text).lower() for text in texts]
    unknown = sorted({str(texts[i]) for i, word in enumerate(said) if word is not None and word not in words})
    if unknown:
        raise UsageError(f"--event {event} holds {unknown[0]}; expected 1 or 0, yes or no, dead or alive")
    rows = [i for i in range(len(table)) if times[i] is not None and said[i] is not None]
    values = np.array([times[i] for i in rows], np.float64)
    events = np.array([words[str(said[i])] for i in rows], np.bool_)
    return Survival(time, values, events), rows


def _with_outcome(
    joined: _Joined, name: str, outcome: Outcome, rows: Sequence[int]
) -> tuple[list[CohortImage], Outcome, list[str]]:
    """Return the images whose row has an outcome, their outcomes, and a line about the others."""
    places = {row: place for place, row in enumerate(rows)}
    kept = [i for i, row in enumerate(joined.rows) if row in places]
    lacking = [joined.images[i].name for i, row in enumerate(joined.rows) if row not in places]
    if not kept:
        raise InputError(f"no result has a {name} in the table; check --by and --order")
    own = outcome.select(np.array([places[joined.rows[i]] for i in kept], np.intp))
    notices = _unmatched(lacking, "image has", "images have", f"no {name} that is compared")
    return [joined.images[i] for i in kept], own, notices
