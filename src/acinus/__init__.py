"""Acinus learns to segment glands on stained histology images from unlabelled images alone.

>>> import acinus
>>> acinus.__version__
'0.2.0'

What is imported from here is what there is to know for most uses: `GlandSegmenter` with its settings,
`read_image` and `read_results`. Names are loaded when they are first asked for; those that compute bring
PyTorch with them.

>>> from acinus import GlandSegmenter, InstanceSettings
>>> GlandSegmenter(instances=InstanceSettings(min_area_um2=500.0))
GlandSegmenter(instances=InstanceSettings(min_area_um2=500.0))
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from acinus.core.errors import AcinusError
    from acinus.core.image import RgbImage
    from acinus.grouping.settings import GroupingSettings
    from acinus.inference.instances import InstanceSettings
    from acinus.inference.refinement import RefinementSettings
    from acinus.mining.settings import MiningSettings
    from acinus.pipeline.estimator import GlandSegmenter
    from acinus.results.folder import read_results
    from acinus.slides.images import read_image

__version__ = "0.2.0"
__all__ = [
    "AcinusError",
    "GlandSegmenter",
    "GroupingSettings",
    "InstanceSettings",
    "MiningSettings",
    "RefinementSettings",
    "RgbImage",
    "__version__",
    "read_image",
    "read_results",
]

_PLACES = {
    "AcinusError": "acinus.core.errors",
    "GlandSegmenter": "acinus.pipeline.estimator",
    "GroupingSettings": "acinus.grouping.settings",
    "InstanceSettings": "acinus.inference.instances",
    "MiningSettings": "acinus.mining.settings",
    "RefinementSettings": "acinus.inference.refinement",
    "RgbImage": "acinus.core.image",
    "read_image": "acinus.slides.images",
    "read_results": "acinus.results.folder",
}


def __getattr__(name: str) -> Any:
    """Load a public name, and what it needs, only when it is asked for."""
    if name not in _PLACES:
        raise AttributeError(f"module 'acinus' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_PLACES[name]), name)
    return value


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted({*globals(), *__all__} - {"TYPE_CHECKING", "Any", "annotations", "import_module"})
