"""From tables to an answer: statistics of a cohort's glands against grades, groups, numbers and survival.

Its modules need scipy, scikit-learn and lifelines (``pip install "acinus[compare]"``), which are
not imported here.
"""

from acinus.cohorts.libraries import require_libraries

__all__ = ["require_libraries"]
