"""``acinus compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from acinus.cli.output import console_progress, say, say_error

__all__ = ["compare"]

_Words = Parameter(negative=(), consume_multiple=True)


def compare(
    results: Path,
    clinical: Path,
    /,
    *,
    out: Path,
    by: str | None = None,
    patient: str | None = None,
    time: str | None = None,
    event: str | None = None,
    order: Annotated[tuple[str, ...], _Words] = (),
    beside: Path | None = None,
    settings: Path | None = None,
) -> int:
    """Compare the glands of a cohort by grade, group, number or survival.

    Example: acinus compare results patients.csv --by grade --patient patient_id --out compared

    Joins results with a table of slides or patients by name, averages each patient's images by area, and
    gives of every statistic the effect size, the area under the ROC curve (concordance) with intervals from a
    bootstrap over patients, a rank test and the false discovery rate; then what all statistics together know
    of patients not seen, against permuted outcomes. Survival (--time, --event) is compared by Cox's model.
    Images of low trust are left out, and the result says what that changes. Writes OUT/compare.html, and
    statistics, groups, units, images and together as CSV and Parquet. docs/comparing.md explains each figure.

    A file of --settings, here in TOML (JSON is read as well), holds any of:

    untrusted = "weight"; least_quality = 0.5; quantiles = true; resamples = 5000; level = 0.9;
    permutations = 500; folds = 10; seed = 1

    Parameters
    ----------
    results
        The folder that acinus segment or acinus measure wrote.
    clinical
        CSV with a heading and one row per slide or per patient; one column has their names.
    out
        Folder for the answer.
    by
        Column of groups, grades or numbers.
    patient
        Column that names patients, where a row is a slide.
    time
        Column of the time to the event, or to the end of observation.
    event
        Column that says whether the event took place: 1 or 0, yes or no.
    order
        The groups of --by from best to worst, as in --order normal low high; others are left out.
    beside
        Other results of the same images, such as those of true outlines, shown beside.
    settings
        JSON or TOML file with changes, see above.
    """
    from acinus.cohorts import require_libraries

    require_libraries()
    from acinus.pipeline.compare import Question, compare_results, load_compare_settings

    compared = compare_results(
        results,
        clinical,
        Question(by=by, time=time, event=event, patient=patient, order=order),
        out=out,
        beside=beside,
        settings=load_compare_settings(settings),
        progress=console_progress(),
    )
    for notice in compared.notices:
        say_error(notice)
    for comparison in compared.comparisons:
        clear = sum(each.q <= 0.05 for each in comparison.associations)
        count = len(comparison.associations)
        say(f"{comparison.outcome.title}: {clear} of {count} statistics related, at 5 % false discoveries")
    say(f"The answer is {compared.files['page']}")
    return 0
