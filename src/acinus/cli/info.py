"""``acinus info``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from acinus.cli.output import say, say_error
from acinus.core.errors import AcinusError
from acinus.core.files import to_json

__all__ = ["info"]


def info(files: Annotated[list[Path], Parameter(negative=())], /, *, json: bool = False) -> int:
    """Show what is known about an image or slide: size, resolution and its source, levels.

    Example: acinus info slide.svs

    Parameters
    ----------
    files
        Images or slides.
    json
        Print JSON, one object per line.
    """
    from acinus.slides.info import describe

    failed = False
    for path in files:
        try:
            found = describe(path)
        except AcinusError as error:
            say_error(str(error))
            failed = True
            continue
        if json:
            say(to_json(found).decode())
        else:
            for name, value in found.items():
                if name != "mpp_problem" or value is not None:
                    say(f"{name:<18} {_plain(value)}")
            say()
    return 1 if failed else 0


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(_plain(entry) for entry in value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(entry)}" for name, entry in value.items())
    if isinstance(value, float):
        return f"{value:g}"
    return "unknown" if value is None else str(value)
