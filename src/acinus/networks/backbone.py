"""What is known of a pretrained backbone of another library: enough to build it again without its files."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import torch

from acinus.core.errors import ModelError
from acinus.core.limits import Counts, Limits, Name, Number, Positive
from acinus.core.settings import refuse, settings_class

__all__ = [
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "BackboneDescription",
    "chosen_stages",
    "explained",
    "map_shapes",
    "one_line",
    "optional",
]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
_MAPS = 4  # feature maps taken, as many as a hierarchical backbone has (Lin et al. 2017, arXiv 1612.03144)


@settings_class
class BackboneDescription:
    """Architecture and input of a backbone.

    Attributes
    ----------
    configuration : str
        JSON of the library's own configuration, from which it builds the architecture.
    widths : tuple of int
        Channels of each feature map.
    strides : tuple of int
        Side of a pixel of each feature map, in pixels of the image.
    mean, std : tuple of three float
        By which the backbone expects red, green and blue of 0 to 1 to be normalised.
    """

    configuration: Name
    widths: Counts
    strides: Counts
    mean: Annotated[tuple[Number, ...], Limits(least=3, most=3)] = IMAGENET_MEAN
    std: Annotated[tuple[Positive, ...], Limits(least=3, most=3)] = IMAGENET_STD

    def __post_init__(self) -> None:
        if len(self.strides) != len(self.widths):
            raise refuse("strides", self.strides, f"as many as widths, {len(self.widths)}")

    @property
    def stride(self) -> int:
        """Sides of images are multiples of it: no feature map then has a pixel that is cut off."""
        return math.lcm(*self.strides)


def chosen_stages(stages: Sequence[int], *, count: int, first: int = 0) -> list[int]:
    """Return which of the stages 0 to `count` - 1 give a feature map.

    Parameters
    ----------
    stages : sequence of int
        The user's choice. Empty takes four, evenly spaced from after `first` to the last: all stages of a
        hierarchical backbone, every third layer of a vision transformer of twelve.
    first : int
        Last stage too shallow to be taken unless it is chosen.

    Raises
    ------
    ValueError
        When `stages` do not ascend or do not exist.

    Examples
    --------
    >>> chosen_stages([], count=5), chosen_stages([], count=13), chosen_stages([12], count=13)
    ([1, 2, 3, 4], [3, 6, 9, 12], [12])
    """
    if not stages:
        deeper = count - 1 - first
        return sorted({first + math.ceil(deeper * number / _MAPS) for number in range(1, _MAPS + 1)})
    if list(stages) != sorted(set(stages)) or stages[0] < 0 or stages[-1] >= count:
        raise ValueError(f"stages are {list(stages)}; choose ascending ones from 0 to {count - 1}")
    return list(stages)


def map_shapes(backbone: Any, *, side_px: int, device: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return widths and strides of the feature maps that a backbone makes of an image.

    Parameters
    ----------
    backbone : module
        Maps (B, 3, H, W) to a list of (B, C, h, w).
    side_px : int
        Side of the image that is tried.
    device : str
        Where the backbone is; on ``meta`` nothing is computed.

    Raises
    ------
    ValueError
        When a pixel of a map is not a square of whole pixels.
    """
    with torch.no_grad():
        maps = backbone(torch.zeros(1, 3, side_px, 2 * side_px, device=device))
    for x in maps:
        if side_px % x.shape[2] or x.shape[3] != 2 * x.shape[2]:
            raise ValueError(f"of {side_px} × {2 * side_px} px it makes {x.shape[2]} × {x.shape[3]} cells")
    return tuple(x.shape[1] for x in maps), tuple(side_px // x.shape[2] for x in maps)


def optional(library: str) -> Any:
    """Import an optional library, which happens only when a user has asked for it by name.

    Raises
    ------
    ModelError
        When it is not installed, or cannot be imported, as timm beside a torchvision of another PyTorch.
    """
    try:
        return importlib.import_module(library)
    except ModuleNotFoundError as error:
        if error.name == library:
            raise ModelError(
                f'a backbone of {library} needs that library; run pip install "acinus[{library}]"'
            ) from error
        raise _broken(library, error) from error
    except Exception as error:  # libraries that do not fit PyTorch raise many types
        raise _broken(library, error) from error


@contextmanager
def explained(tell: Callable[[str], str]) -> Iterator[None]:
    """Turn whatever another library raises into a `ModelError`.

    Parameters
    ----------
    tell : callable
        Returns the message, given what the library said in one line.
    """
    try:
        yield
    except ModelError:
        raise
    except Exception as error:  # libraries raise many types on files, names and networks
        raise ModelError(tell(one_line(error))) from error


def one_line(error: Exception) -> str:
    """Return the start of another library's message, without its line breaks."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"


def _broken(library: str, error: Exception) -> ModelError:
    return ModelError(
        f"{library} is installed but cannot be imported ({one_line(error)}); PyTorch {torch.__version__} "
        f"and torchvision must be a pair: install the torchvision made for it, or leave {library} out"
    )
