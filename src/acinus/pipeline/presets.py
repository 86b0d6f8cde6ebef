"""Presets: settings files of the package, each a published method as a whole.

``proposal`` is the founding document as written, ``mssg`` its published successor. The page "From the
proposal to the code" of the documentation shows both beside the sentences that they stand for.
"""

from __future__ import annotations

import tomllib
from importlib import resources
from typing import Any

from acinus.core.errors import UsageError

__all__ = ["PRESETS", "preset_changes"]

PRESETS = ("proposal", "mssg")
"""Names of the presets."""


def preset_changes(name: str) -> dict[str, Any]:
    """Return what a preset changes of the default settings, as a settings file says it.

    Raises
    ------
    UsageError
        When there is no preset of this name.

    Examples
    --------
    >>> preset_changes("proposal")["grouping"]["network"]["kind"]
    'PSPNetSpec'
    """
    if name not in PRESETS:
        raise UsageError(f"there is no preset {name!r}; choose one of {', '.join(PRESETS)}")
    file = resources.files("acinus.pipeline") / "preset_files" / f"{name}.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))
