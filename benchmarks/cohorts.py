"""Do intervals of ``acinus compare`` hold the truth at their rate, and does its false discovery rate hold?

    python benchmarks/cohorts.py --cohorts 200

Cohorts are simulated: 20 statistics that are correlated with each other, patients that keep their own values
over their images, and a known effect on one statistic, or on none. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from acinus.cohorts.comparison import false_discovery_rates
from acinus.cohorts.effects import concordance, effect
from acinus.cohorts.intervals import PatientBootstrap
from acinus.cohorts.outcomes import OrderedGroups, Outcome, Survival, TwoGroups
from acinus.cohorts.ranks import rank_test
from acinus.cohorts.survival import hazard
from acinus.cohorts.units import CohortImage, Units, units_of

STATISTICS = 20
SHARED = 0.5  # correlation between any two statistics
WITHIN = 0.5  # standard deviation between images of one patient, that between patients being 1
STRENGTH = 0.8
LARGE = 4000  # patients of the cohort whose value stands for the truth


@dataclass(frozen=True)
class Design:
    """A kind of cohort: the outcome of each image from the patients and their images."""

    name: str
    patients: int
    outcome: Callable[[NDArray[np.intp], np.random.Generator], tuple[Outcome, NDArray[np.float64]]]


def two_groups(patients: NDArray[np.intp], rng: np.random.Generator) -> tuple[Outcome, NDArray[np.float64]]:
    """Return half of the patients in each group."""
    del rng
    group = (patients % 2).astype(float)
    return TwoGroups("group", group, ("benign", "malignant")), group


def both_in_some(patients: NDArray[np.intp], rng: np.random.Generator) -> tuple[Outcome, NDArray[np.float64]]:
    """Return groups in which a fifth of the patients has images of both, as in GlaS."""
    group = (patients % 2).astype(float)
    mixed = patients % 5 == 0
    group[mixed] = rng.integers(0, 2, int(mixed.sum()))
    return TwoGroups("group", group, ("benign", "malignant")), group


def grades(patients: NDArray[np.intp], rng: np.random.Generator) -> tuple[Outcome, NDArray[np.float64]]:
    """Return four grades."""
    del rng
    grade = (patients % 4).astype(float)
    return OrderedGroups("grade", grade, ("1", "2", "3", "4")), grade / 2


def survival(patients: NDArray[np.intp], rng: np.random.Generator) -> tuple[Outcome, NDArray[np.float64]]:
    """Return times that are the shorter the higher a patient's hidden risk is, a third of them censored."""
    count = int(patients.max()) + 1
    risk = rng.normal(size=count)
    times, ends = rng.exponential(size=count) / np.exp(risk), 2 * rng.exponential(size=count)
    outcome = Survival("months", np.minimum(times, ends)[patients], (times <= ends)[patients])
    return outcome, risk[patients]


DESIGNS = (
    Design("two groups, 40 patients", 40, two_groups),
    Design("two groups, 16 patients", 16, two_groups),
    Design("images, both groups in some of 40 patients", 40, both_in_some),
    Design("images, both groups in some of 16 patients", 16, both_in_some),
    Design("four grades, 40 patients", 40, grades),
    Design("survival, 60 patients", 60, survival),
)


def simulate(
    design: Design, patients: int, *, strength: float, rng: np.random.Generator
) -> tuple[Units, Outcome]:
    """Return the units of a cohort of one to four images per patient."""
    of_image = np.repeat(np.arange(patients), rng.integers(1, 5, patients))
    outcome, shift = design.outcome(of_image, rng)
    common = rng.normal(size=(patients, 1))
    own = np.sqrt(SHARED) * common + np.sqrt(1 - SHARED) * rng.normal(size=(patients, STATISTICS))
    values = own[of_image] + WITHIN * rng.normal(size=(len(of_image), STATISTICS))
    values[:, 0] += strength * shift
    names = [f"s{k}" for k in range(STATISTICS)]
    images = [
        CohortImage(f"i{i}", f"P{of_image[i]}", dict(zip(names, values[i].tolist(), strict=True)))
        for i in range(len(of_image))
    ]
    return units_of(images, outcome, {name: name for name in names})


def p_values(units: Units, outcome: Outcome) -> list[float]:
    """Return the p-value of every statistic."""
    if isinstance(outcome, Survival):
        return [hazard(units.values[:, k], outcome, level=0.95).p for k in range(STATISTICS)]
    return [rank_test(units.values[:, k], outcome, units.patients) for k in range(STATISTICS)]


def judge(design: Design, *, cohorts: int, resamples: int) -> str:
    """Return the row of a design."""
    rng = np.random.default_rng(7)
    large, own = simulate(
        design, LARGE // (4 if design.outcome is both_in_some else 2), strength=STRENGTH, rng=rng
    )
    once = np.ones((1, len(own)))
    sizes = [concordance] if isinstance(own, Survival) else [concordance, effect]
    truths = [float(size(large.values[:, 0], own)(once)[0]) for size in sizes]
    held, found, alarms, shares = np.zeros(len(sizes)), 0, 0, []
    for cohort in range(cohorts):
        units, outcome = simulate(design, design.patients, strength=STRENGTH, rng=rng)
        bootstrap = PatientBootstrap(resamples, 0.95, seed=cohort)
        for k, size in enumerate(sizes):
            interval = bootstrap.interval(size(units.values[:, 0], outcome), outcome, units.patients)
            held[k] += interval.low <= truths[k] <= interval.high
        q = np.array(false_discovery_rates(p_values(units, outcome)))
        found += q[0] <= 0.05
        shares.append((q[1:] <= 0.05).sum() / max(1, (q <= 0.05).sum()))
        nothing, outcome = simulate(design, design.patients, strength=0.0, rng=rng)
        alarms += np.nanmin(false_discovery_rates(p_values(nothing, outcome))) <= 0.05
    cells = [
        design.name,
        f"{truths[0]:.3f}",
        *(f"{100 * each / cohorts:.1f} %" for each in held),
        *([] if len(sizes) > 1 else ["(the model's)"]),
        f"{100 * alarms / cohorts:.1f} %",
        f"{100 * float(np.mean(shares)):.1f} %",
        f"{100 * found / cohorts:.0f} %",
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Print the table, a row as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--cohorts", type=int, default=200)
    parser.add_argument("--resamples", type=int, default=1000)
    arguments = parser.parse_args()
    headings = [
        "cohort",
        "true concordance",
        "held by its interval",
        "effect held",
        "false alarms, no effect",
    ]
    headings += ["false share, one effect", "effect found"]
    print(f"| {' | '.join(headings)} |\n|{'---|' * len(headings)}", flush=True)
    for design in DESIGNS:
        print(judge(design, cohorts=arguments.cohorts, resamples=arguments.resamples), flush=True)


if __name__ == "__main__":
    main()
