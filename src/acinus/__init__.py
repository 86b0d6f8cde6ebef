"""Acinus learns to segment glands on stained histology images from unlabelled images alone.

>>> import acinus
>>> acinus.__version__
'0.2.0'
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from acinus.pipeline.estimator import GlandSegmenter

__version__ = "0.2.0"
__all__ = ["GlandSegmenter", "__version__"]


def __getattr__(name: str) -> Any:
    """Load the estimator, and PyTorch with it, only when it is asked for."""
    if name == "GlandSegmenter":
        return import_module("acinus.pipeline.estimator").GlandSegmenter
    raise AttributeError(f"module 'acinus' has no attribute {name!r}")
