"""Do intervals of ``acinus compare`` hold the truth at their rate, and does its false discovery rate hold?

    python benchmarks/cohorts.py --cohorts 200
    python benchmarks/cohorts.py --cohorts 200 --only survival
    python benchmarks/cohorts.py --table rates-7.jsonl rates-8.jsonl

Cohorts are simulated: 20 statistics that are correlated with each other, patients that keep their own values
over their images, and a known effect on one statistic, or on none. Prints a Markdown table. Many cohorts can
be shared out over processes with seeds of their own: ``--out`` keeps what came out, ``--table`` puts several
such files together.

Of survival the hazard of a patient is proportional to exp(β x), x being the first statistic's mean over the
patient's images, so that Cox's model holds and the ratio of hazards per standard deviation is known.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import numpy as np
import orjson
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
HAZARD_RATIO = 2.0  # per standard deviation between patients
LARGE = 4000  # patients of the cohort whose value stands for the truth


Images = NDArray[np.float64]
"""(N, K): the statistics of N images."""


@dataclass(frozen=True)
class Design:
    """A kind of cohort.

    Attributes
    ----------
    name : str
    patients : int
    outcome : callable
        Of each image, from patients (N,), values (N, K), which it may change, the strength of the effect on
        the first statistic, and a generator.
    truth : float
        Size of the effect, where it is known; else that of a large cohort stands for it.
    """

    name: str
    patients: int
    outcome: Callable[[NDArray[np.intp], Images, float, np.random.Generator], Outcome]
    truth: float = math.nan


@dataclass(frozen=True)
class Rates:
    """How often what should be was, each a share of the cohorts.

    Attributes
    ----------
    concordance : float
        That the truth is, of a cohort of thousands.
    concordance_held, effect_held : float
        By their intervals.
    alarms : float
        Something found at a false discovery rate of 5 % where nothing is related.
    false_share : float
        Mean share of false ones among what is found where one statistic is related.
    found : float
        That one is found.
    cohorts : int
    """

    concordance: float
    concordance_held: float
    effect_held: float
    alarms: float
    false_share: float
    found: float
    cohorts: int

    @classmethod
    def of_all(cls, parts: Sequence[Self]) -> Self:
        """Return the rates over the cohorts of all parts."""
        counts = [each.cohorts for each in parts]
        names = [name for name in asdict(parts[0]) if name != "cohorts"]
        means = {
            name: float(np.average([getattr(each, name) for each in parts], weights=counts)) for name in names
        }
        return cls(**means, cohorts=sum(counts))


def two_groups(
    patients: NDArray[np.intp], values: Images, strength: float, rng: np.random.Generator
) -> Outcome:
    """Return half of the patients in each group."""
    del rng
    group = (patients % 2).astype(float)
    values[:, 0] += strength * group
    return TwoGroups("group", group, ("benign", "malignant"))


def both_in_some(
    patients: NDArray[np.intp], values: Images, strength: float, rng: np.random.Generator
) -> Outcome:
    """Return groups in which a fifth of the patients has images of both, as in GlaS."""
    group = (patients % 2).astype(float)
    mixed = patients % 5 == 0
    group[mixed] = rng.integers(0, 2, int(mixed.sum()))
    values[:, 0] += strength * group
    return TwoGroups("group", group, ("benign", "malignant"))


def grades(patients: NDArray[np.intp], values: Images, strength: float, rng: np.random.Generator) -> Outcome:
    """Return four grades."""
    del rng
    grade = (patients % 4).astype(float)
    values[:, 0] += strength * grade / 2
    return OrderedGroups("grade", grade, ("1", "2", "3", "4"))


def survival(
    patients: NDArray[np.intp], values: Images, strength: float, rng: np.random.Generator
) -> Outcome:
    """Return times of which a third is censored, and a hazard that rises with the patients' means.

    It does so by `HAZARD_RATIO` per standard deviation at a strength of 1. The first statistic is drawn anew,
    without what all have in common: else the others would go with survival, too.
    """
    images = np.bincount(patients)
    own = rng.normal(size=len(images))[patients]
    values[:, 0] = own + WITHIN * rng.normal(size=len(patients))
    means = np.bincount(patients, weights=values[:, 0]) / images
    # Variance between patients, and what is left within after averaging: 1/n of it, n from 1 to 4.
    deviation = math.sqrt(1.0 + WITHIN**2 * np.mean(1.0 / np.arange(1, 5)))
    hazards = np.exp(strength * math.log(HAZARD_RATIO) * means / deviation)
    times = rng.exponential(size=len(images)) / hazards
    ends = 2 * rng.exponential(size=len(images))
    return Survival("months", np.minimum(times, ends)[patients], (times <= ends)[patients])


DESIGNS = (
    Design("two groups, 40 patients", 40, two_groups),
    Design("two groups, 16 patients", 16, two_groups),
    Design("images, both groups in some of 40 patients", 40, both_in_some),
    Design("images, both groups in some of 16 patients", 16, both_in_some),
    Design("four grades, 40 patients", 40, grades),
    Design("survival, 120 patients", 120, survival, HAZARD_RATIO),
    Design("survival, 40 patients", 40, survival, HAZARD_RATIO),
)


def simulate(
    design: Design,
    patients: int,
    *,
    strength: float,
    rng: np.random.Generator,
    statistics: int = STATISTICS,
) -> tuple[Units, Outcome]:
    """Return the units of a cohort of one to four images per patient."""
    of_image = np.repeat(np.arange(patients), rng.integers(1, 5, patients))
    common = rng.normal(size=(patients, 1))
    own = np.sqrt(SHARED) * common + np.sqrt(1 - SHARED) * rng.normal(size=(patients, statistics))
    values = own[of_image] + WITHIN * rng.normal(size=(len(of_image), statistics))
    outcome = design.outcome(of_image, values, strength, rng)
    names = [f"s{k}" for k in range(statistics)]
    images = [
        CohortImage(f"i{i}", f"P{of_image[i]}", dict(zip(names, values[i].tolist(), strict=True)))
        for i in range(len(of_image))
    ]
    return units_of(images, outcome, {name: name for name in names})


def p_values(units: Units, outcome: Outcome) -> list[float]:
    """Return the p-value of every statistic."""
    columns = units.values.T
    if isinstance(outcome, Survival):
        return [hazard(column, outcome, level=0.95).p for column in columns]
    return [rank_test(column, outcome, units.patients) for column in columns]


def judge(
    design: Design, *, cohorts: int, resamples: int, statistics: int = STATISTICS, seed: int = 7
) -> Rates:
    """Simulate cohorts of a design and return how often intervals held and tests were wrong."""
    rng = np.random.default_rng(seed)
    strength = STRENGTH if math.isnan(design.truth) else 1.0
    many = LARGE // (4 if design.outcome is both_in_some else 2)
    large, own = simulate(design, many, strength=strength, rng=rng, statistics=1)
    once = np.ones((1, len(own)))
    truth = float(concordance(large.values[:, 0], own)(once)[0])
    size = design.truth
    if math.isnan(size):
        size = float(effect(large.values[:, 0], own)(once)[0])
    held, held_effect, found, alarms, shares = 0, 0, 0, 0, []
    for cohort in range(cohorts):
        units, outcome = simulate(design, design.patients, strength=strength, rng=rng, statistics=statistics)
        values = units.values[:, 0]
        bootstrap = PatientBootstrap(resamples, 0.95, seed=cohort)
        interval = bootstrap.interval(concordance(values, outcome), outcome, units.patients)
        held += interval.low <= truth <= interval.high
        if isinstance(outcome, Survival):
            ratio = hazard(values, outcome, level=0.95)
            held_effect += ratio.low <= size <= ratio.high
        else:
            interval = bootstrap.interval(effect(values, outcome), outcome, units.patients)
            held_effect += interval.low <= size <= interval.high
        q = np.array(false_discovery_rates(p_values(units, outcome)))
        found += q[0] <= 0.05
        shares.append((q[1:] <= 0.05).sum() / max(1, (q <= 0.05).sum()))
        nothing, outcome = simulate(design, design.patients, strength=0.0, rng=rng, statistics=statistics)
        alarms += np.nanmin(false_discovery_rates(p_values(nothing, outcome))) <= 0.05
    return Rates(
        concordance=truth,
        concordance_held=held / cohorts,
        effect_held=held_effect / cohorts,
        alarms=float(alarms) / cohorts,
        false_share=float(np.mean(shares)),
        found=float(found) / cohorts,
        cohorts=cohorts,
    )


def row(name: str, rates: Rates) -> str:
    """Return a line of the table."""
    cells = [
        f"{name} ({rates.cohorts} cohorts)",
        f"{rates.concordance:.3f}",
        f"{100 * rates.concordance_held:.1f} %",
        f"{100 * rates.effect_held:.1f} %",
        f"{100 * rates.alarms:.1f} %",
        f"{100 * rates.false_share:.1f} %",
        f"{100 * rates.found:.0f} %",
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Print the table, a row as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--cohorts", type=int, default=200)
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--only", default="", help="designs whose name holds this")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, help="add a line of JSON per design to this file")
    parser.add_argument("--table", type=Path, nargs="+", default=[], help="files of such lines")
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
    if arguments.table:
        kept = [orjson.loads(line) for path in arguments.table for line in path.read_bytes().splitlines()]
        for name in dict.fromkeys(each["design"] for each in kept):
            parts = [Rates(**each["rates"]) for each in kept if each["design"] == name]
            print(row(name, Rates.of_all(parts)))
        return
    for design in DESIGNS:
        if arguments.only in design.name:
            rates = judge(
                design, cohorts=arguments.cohorts, resamples=arguments.resamples, seed=arguments.seed
            )
            print(row(design.name, rates), flush=True)
            if arguments.out:
                with arguments.out.open("ab") as file:
                    file.write(orjson.dumps({"design": design.name, "rates": asdict(rates)}) + b"\n")


if __name__ == "__main__":
    main()
