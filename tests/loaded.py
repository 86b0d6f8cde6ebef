"""Which modules of the package another one loads."""

from __future__ import annotations

import subprocess
import sys

__all__ = ["modules_loaded_by"]


def modules_loaded_by(name: str) -> set[str]:
    """Return the modules that a module of the package loads in a fresh process, all without ``acinus.``."""
    script = (
        f"import sys, acinus.{name}; print(*(each for each in sys.modules if each.startswith('acinus.')))"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    return {each.removeprefix("acinus.") for each in said.split()}
