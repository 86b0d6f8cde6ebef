"""The libraries that statistics of cohorts need beyond those of acinus."""

from __future__ import annotations

from importlib.util import find_spec

from acinus.core.errors import UsageError

__all__ = ["require_libraries"]

_NEEDED = {"sklearn": "scikit-learn", "lifelines": "lifelines"}


def require_libraries() -> None:
    """Check that they are installed.

    Raises
    ------
    UsageError
        When one is not.
    """
    missing = [name for module, name in _NEEDED.items() if find_spec(module) is None]
    if missing:
        raise UsageError(f'comparing needs {", ".join(missing)}; run pip install "acinus[compare]"')
