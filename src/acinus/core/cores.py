"""How many cores this process may use."""

from __future__ import annotations

import joblib

__all__ = ["usable_cores"]


def usable_cores() -> int:
    """Return the cores that this process may use, at least 1.

    Fewer than the machine has where a scheduler's affinity or a container's quota says so: as many processes
    or threads as the machine has cores would then wait for each other.
    """
    return int(joblib.cpu_count())
