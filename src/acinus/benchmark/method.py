"""What the benchmark asks of a method; ``docs/adding-a-method.md`` shows a complete one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

import numpy as np
import orjson
from numpy.typing import NDArray

from acinus.core.errors import UsageError
from acinus.core.image import RgbImage
from acinus.core.segmenter import Segmenter

if TYPE_CHECKING:
    import torch

__all__ = ["Method", "ShowsClusters", "ShowsStages", "check_method"]

_PARTS = ("name", "title", "settings", "fit")
_SEE = "see docs/adding-a-method.md"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


@runtime_checkable
class Method(Protocol):
    """A method with its settings, which can be fitted to unlabelled images."""

    @property
    def name(self) -> str:
        """Short and unique: what ``--methods`` takes and what the folder of its results is called."""
        ...

    @property
    def title(self) -> str:
        """What tables and charts call it."""
        ...

    @property
    def settings(self) -> Any:
        """Every setting that can change the result, as JSON values: results are kept until it changes."""
        ...

    def fit(self, images: Sequence[RgbImage], *, seed: int, device: torch.device, folder: Path) -> Segmenter:
        """Learn from images alone and return what segments them and others.

        Parameters
        ----------
        images : sequence of RgbImage
            With distinct names, at full resolution.
        seed : int
            Decides everything that is random.
        device : torch.device
        folder : Path
            An empty folder for whatever the method writes; it is removed afterwards.
        """
        ...


@runtime_checkable
class ShowsClusters(Protocol):
    """A fitted method whose clusters the oracle may name; without it, it may only swap the two."""

    @property
    def n_clusters(self) -> int:
        """K, at most 256."""
        ...

    @property
    def shared_clusters(self) -> bool:
        """Whether a cluster means the same in every image; if not, the oracle names those of each image."""
        ...

    def clusters(self, image: RgbImage) -> NDArray[np.uint8]:
        """Return the cluster of each pixel at the image's own size, (H, W), 0..K−1."""
        ...


@runtime_checkable
class ShowsStages(Protocol):
    """A fitted method with earlier states of itself, which get rows of their own at no cost."""

    @property
    def stages(self) -> Mapping[str, Segmenter]:
        """The earlier states by what a row calls them, such as "after round 1"."""
        ...


def check_method(method: object, *, source: str) -> Method:
    """Return `method` if it is one.

    Parameters
    ----------
    method : object
    source : str
        Where it comes from, for the message.

    Raises
    ------
    UsageError
        When something is missing or of the wrong kind, or the name cannot be that of a folder.
    """
    kind = type(method).__name__
    parts = _parts(method, where=f"{source}: {kind}")
    missing = [part for part in _PARTS if part not in parts]
    if missing:
        raise UsageError(f"{source}: {kind} has no {' and no '.join(missing)}; {_SEE}")
    for part in ("name", "title"):
        if not isinstance(parts[part], str):
            raise UsageError(f"{source}: the {part} of {kind} is {parts[part]!r}, expected a text; {_SEE}")
    name = parts["name"]
    if not _NAME.fullmatch(name):
        raise UsageError(f"{source}: the name {name!r} may have letters, digits and . _ + - only")
    if not callable(parts["fit"]):
        raise UsageError(f"{source}: fit of {name} is {parts['fit']!r}, expected a function; {_SEE}")
    if callable(parts["settings"]):
        raise UsageError(
            f"{source}: settings of {name} is a function, expected a value; write @property above it"
        )
    try:
        orjson.dumps(parts["settings"])
    except TypeError as error:
        raise UsageError(
            f"{source}: the settings of {name} are not JSON values ({error}); write float(x) or int(x) for a "
            "number of NumPy, str(x) for a path"
        ) from error
    return cast("Method", method)


def _parts(method: object, *, where: str) -> dict[str, Any]:
    """Return what a method has of a method's parts."""
    found = {}
    for part in _PARTS:
        try:
            found[part] = getattr(method, part)
        except AttributeError:
            continue
        except Exception as error:  # of a property
            raise UsageError(f"{where}.{part} fails ({type(error).__name__}: {error})") from error
    return found
