"""Where things are kept that were expensive to compute and can be computed again."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["user_cache"]


def user_cache() -> Path | None:
    """Return ``$ACINUS_CACHE``, or the folder ``acinus`` in the user's cache; None where there is no home.

    It may not exist. Whoever deletes it loses nothing but time.
    """
    if chosen := os.environ.get("ACINUS_CACHE"):
        return Path(chosen)
    if of_all := os.environ.get("XDG_CACHE_HOME"):
        return Path(of_all) / "acinus"
    try:
        return Path.home() / ".cache" / "acinus"
    except RuntimeError:  # a container's user without a home
        return None
