"""``acinus settings``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from acinus.cli.output import say

__all__ = ["settings"]


def settings(
    file: Path | None = None,
    /,
    *,
    preset: Literal["proposal", "mssg"] | None = None,
    schema: bool = False,
) -> int:
    """Print all settings with their comments, units and limits, as acinus fit --settings reads them.

    Example: acinus settings > mine.toml

    Keep the lines you change and delete the rest: a setting that a file does not name has its default.

    Parameters
    ----------
    file
        A settings file (JSON or TOML) or a model.json, which is checked and whose settings are printed.
    preset
        Print the settings of a published method, with the changes of the file; see acinus fit --preset.
    schema
        Print a JSON schema instead, for editors to check and complete settings files.
    """
    from acinus.pipeline.settings import described_settings, settings_schema

    say(settings_schema() if schema else described_settings(file, preset=preset))
    return 0
