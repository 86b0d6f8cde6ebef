"""Going on from a fitted model: fewer, smaller steps than a fit of its own."""

from __future__ import annotations

from acinus.core.limits import Count, Positive
from acinus.core.settings import settings_class

__all__ = ["Continuation"]


@settings_class
class Continuation:
    """How training goes on from a fitted model (ours).

    The model's network starts with the weights that it has, and before the first round it relabels the
    proposals of the new images as it would have between two rounds: its probabilities count together with the
    closed shapes of stage 1.

    Attributes
    ----------
    rounds, steps : int
        In place of those of a whole fit; all rounds are of one length.
    learning_rate : float
        Highest of the schedule, in place of that of a whole fit.
    """

    rounds: Count = 1
    steps: Count = 100
    learning_rate: Positive = 1e-3
