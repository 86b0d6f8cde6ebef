"""Scripts of the repository as modules, for tests of what is in them."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

__all__ = ["script"]

ROOT = Path(__file__).resolve().parents[1]


def script(path: str) -> ModuleType:
    """Run a script, given by its path in the repository, as a module that dataclasses find by its name."""
    name = path.removesuffix(".py").replace("/", "_")
    spec = importlib.util.spec_from_file_location(name, ROOT / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
