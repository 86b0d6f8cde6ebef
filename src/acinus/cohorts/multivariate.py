"""What all statistics together know of the outcome, and what they would seem to know by chance.

A plain penalised linear model, judged on patients that it has not seen: nested cross-validation, whole
patients in each fold, the penalty chosen within the training folds alone. The same is done with permuted
outcomes; what it then reaches is the chance level.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from lifelines import CoxPHFitter
from lifelines.exceptions import ConvergenceError
from numpy.typing import NDArray
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss, make_scorer, roc_auc_score
from sklearn.model_selection import GridSearchCV, GroupKFold, StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from acinus.cohorts.effects import concordance
from acinus.cohorts.intervals import Interval, PatientBootstrap
from acinus.cohorts.outcomes import Groups, Numbers, Outcome, Survival, TwoGroups
from acinus.cohorts.units import Units
from acinus.core.progress import Progress, SilentProgress

__all__ = ["LEAST_PATIENTS", "Together", "together"]

LEAST_PATIENTS = 10
"""Fewer cannot be divided twice (ours)."""

_INNER_FOLDS = 3
_STRENGTHS = (0.001, 0.01, 0.1, 1.0)  # of logistic regression's C; fewer patients than statistics are common
_PENALTIES = (1.0, 10.0, 100.0, 1000.0)  # of ridge regression
_COX_PENALTY = 1.0  # per patient, on standardised statistics; one, since each fit takes a tenth of a second


@dataclass(frozen=True)
class Together:
    """How well all statistics together tell the outcome of patients that the model has not seen.

    Attributes
    ----------
    score : Interval
        Concordance of the predictions; of several groups without an order the mean area under the ROC curve
        of each against the others, which has no interval.
    chance : ndarray of shape (P,)
        The same with permuted outcomes.
    p : float
        Share of permutations, the outcome as it is among them, that reach the score.
    folds : int
        Of the outer cross-validation.
    """

    score: Interval
    chance: NDArray[np.float64]
    p: float
    folds: int


def together(
    units: Units,
    outcome: Outcome,
    *,
    folds: int,
    permutations: int,
    bootstrap: PatientBootstrap,
    progress: Progress | None = None,
) -> Together | str:
    """Return what all statistics together know, or the reason why that cannot be said.

    Two groups and several: logistic regression; ordered groups and numbers: ridge regression on their ranks;
    both with the penalty chosen in three inner folds, fewer where a group has fewer patients, and the
    strongest where it has one. Survival: Cox's model with a fixed penalty. Missing values take the training
    folds' median.

    Permuting, each patient takes another patient's outcomes, repeated or cut to its number of images: images
    of one patient stay as alike in their outcomes as they were.
    """
    folds = min(folds, _patients_of_rarest(units, outcome))
    if units.patient_count < LEAST_PATIENTS:
        return (
            f"{units.patient_count} patients are too few to fit on some and judge on others; at least "
            f"{LEAST_PATIENTS} are needed"
        )
    if folds < 2:
        what = "patients without event" if isinstance(outcome, Survival) else "one group"
        return f"of {what} there is a single patient, which cannot be both fitted on and judged"
    rng = np.random.default_rng(bootstrap.seed)
    predicted = _out_of_fold(units, outcome, folds=folds, seed=bootstrap.seed)
    score = _score(predicted, outcome, units, bootstrap)
    if not math.isfinite(score.estimate):
        return f"in none of {folds} divisions of the patients could the model be fitted to the larger part"
    chance = []
    with (progress or SilentProgress()).task("Permuting", total=permutations) as advance:
        for _ in range(permutations):
            permuted = outcome.select(_permuted_rows(units.patients, rng))
            others = _out_of_fold(units, permuted, folds=folds, seed=bootstrap.seed)
            chance.append(_point(others, permuted))
            advance()
    known = np.array([value for value in chance if math.isfinite(value)])
    p = (1 + np.count_nonzero(known >= score.estimate)) / (1 + len(known))
    return Together(score, known, float(p), folds)


def _permuted_rows(patients: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.intp]:
    """Return for each unit the unit whose outcome it takes."""
    numbers = np.unique(patients)
    own = {number: np.flatnonzero(patients == number) for number in numbers.tolist()}
    rows = np.empty(len(patients), np.intp)
    for mine, other in zip(numbers.tolist(), rng.permutation(numbers).tolist(), strict=True):
        rows[own[mine]] = np.resize(own[other], len(own[mine]))
    return rows


def _patients_of_rarest(units: Units, outcome: Outcome) -> int:
    return min(len(np.unique(units.patients[rows])) for rows in outcome.strata())


def _out_of_fold(units: Units, outcome: Outcome, *, folds: int, seed: int) -> NDArray[np.float64]:
    """Return predictions of every unit by a model that has not seen its patient: (N,), of groups (N, G)."""
    splitter: Any = (
        GroupKFold(folds, shuffle=True, random_state=seed)
        if isinstance(outcome, Numbers | Survival)
        else StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    )
    several = len(outcome.groups) if isinstance(outcome, Groups) else 0
    found = np.full((len(outcome), several) if several else len(outcome), np.nan)
    fit = _fit_cox if isinstance(outcome, Survival) else _fit_linear
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of folds that lack a group: their units stay without a prediction
        for train, test in splitter.split(units.values, outcome.values, units.patients):
            if several and len(np.unique(outcome.values[train])) < several:
                continue
            try:
                predict = fit(units.values[train], outcome.select(train), units.patients[train])
            except (ValueError, ConvergenceError):
                continue
            found[test] = predict(units.values[test])
    return found


def _fit_linear(
    values: NDArray[np.float64], outcome: Outcome, patients: NDArray[np.intp]
) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    of_groups = isinstance(outcome, TwoGroups | Groups)
    prepare = _preparation()
    prepared = prepare.fit_transform(values)
    model: Any
    if of_groups:
        model = _logistic(prepared, outcome.values.astype(int), patients)
    else:
        inner = GroupKFold(min(_INNER_FOLDS, len(np.unique(patients))))
        grid = {"alpha": _PENALTIES}
        model = GridSearchCV(Ridge(), grid, cv=inner, scoring="neg_mean_squared_error")
        model.fit(prepared, _ranks(outcome.values), groups=patients)

    def predict(others: NDArray[np.float64]) -> NDArray[np.float64]:
        if isinstance(outcome, Groups):
            found = model.predict_proba(prepare.transform(others))
        elif of_groups:
            found = model.decision_function(prepare.transform(others))
        else:
            found = model.predict(prepare.transform(others))
        return np.asarray(found, np.float64)

    return predict


def _logistic(values: NDArray[np.float64], groups: NDArray[np.int_], patients: NDArray[np.intp]) -> Any:
    """Return logistic regression, fitted, with the penalty chosen in inner folds that have every group."""
    known = np.unique(groups)
    folds = min(_INNER_FOLDS, *(len(np.unique(patients[groups == group])) for group in known))
    if folds < 2:
        return LogisticRegression(C=_STRENGTHS[0], solver="newton-cholesky").fit(values, groups)
    likelihood = make_scorer(log_loss, greater_is_better=False, response_method="predict_proba", labels=known)
    search = GridSearchCV(
        LogisticRegression(solver="newton-cholesky"),
        {"C": _STRENGTHS},
        cv=StratifiedGroupKFold(folds),
        scoring=likelihood,
        error_score=-np.inf,  # patients of both groups may leave a fold without one: then the strongest
    )
    return search.fit(values, groups, groups=patients)


def _preparation() -> Any:
    """Return what is fitted to the training folds before the model, without their outcomes."""
    return make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler())


def _fit_cox(
    values: NDArray[np.float64], outcome: Outcome, patients: NDArray[np.intp]
) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    del patients  # each has one unit
    assert isinstance(outcome, Survival)
    prepare = _preparation()
    table = pd.DataFrame(prepare.fit_transform(values)).add_prefix("x")
    spread = table.columns[table.std() > 0]
    table = table[spread].assign(time=outcome.values, event=outcome.events.astype(int))
    model = CoxPHFitter(penalizer=_COX_PENALTY).fit(table, "time", "event")

    def predict(others: NDArray[np.float64]) -> NDArray[np.float64]:
        prepared = pd.DataFrame(prepare.transform(others)).add_prefix("x")[spread]
        return np.asarray(model.predict_log_partial_hazard(prepared), np.float64)

    return predict


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.unique(values, return_inverse=True)[1].astype(np.float64)


def _point(predicted: NDArray[np.float64], outcome: Outcome) -> float:
    known = np.flatnonzero(np.isfinite(predicted).reshape(len(outcome), -1).all(axis=1))
    if len(known) < 2:
        return math.nan
    if isinstance(outcome, Groups):
        target = outcome.values[known].astype(int)
        if len(np.unique(target)) < len(outcome.groups):
            return math.nan
        return float(roc_auc_score(target, predicted[known], multi_class="ovr"))
    return float(concordance(predicted[known], outcome.select(known))(np.ones((1, len(known))))[0])


def _score(
    predicted: NDArray[np.float64], outcome: Outcome, units: Units, bootstrap: PatientBootstrap
) -> Interval:
    if isinstance(outcome, Groups):
        return Interval(_point(predicted, outcome), math.nan, math.nan)
    known = np.flatnonzero(np.isfinite(predicted))
    own = outcome.select(known)
    return bootstrap.interval(concordance(predicted[known], own), own, units.patients[known])
