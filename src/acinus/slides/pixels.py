"""What every source does to pixels that are not plain 8-bit RGB."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acinus.core.errors import InputError
from acinus.core.image import RgbArray

__all__ = [
    "FLUORESCENCE_REFUSAL",
    "GREYSCALE_REFUSAL",
    "HIDDEN_NOTE",
    "ValueScale",
    "are_fluorescent",
    "float_scale",
    "integer_scale",
    "on_white",
]

GREYSCALE_REFUSAL = "is greyscale; expected a colour image of an H&E section, export it as RGB"

HIDDEN_NOTE = "its transparency hides the whole picture and is ignored"

FLUORESCENCE_REFUSAL = "holds fluorescence channels; expected an H&E section seen in bright field"

_FLUOROPHORE = re.compile(
    r"dapi|hoechst|draq5|fitc|tritc|\bcy ?-?[357]\b|alexa|\b[gryc]fp\b|texas ?red|\bopal ?\d|rhodamine", re.I
)
_RED_GREEN_BLUE = ("ff0000", "00ff00", "0000ff")

_CAMERA_BITS = (8, 10, 12, 14, 16)


def are_fluorescent(names: Sequence[str], colours: Sequence[str]) -> bool:
    """Say whether channels are those of fluorescence, by their names and by the colours they are shown in.

    Parameters
    ----------
    names : sequence of str
    colours : sequence of str
        RRGGBB of each channel; empty where a file gives none. Colours that differ and are not red, green and
        blue in this order belong to fluorophores.

    Examples
    --------
    >>> are_fluorescent(["DAPI", "CD3", "CD8"], []), are_fluorescent([], ["0000FF", "00FF00", "FF0000"])
    (True, True)
    >>> are_fluorescent(["R", "G", "B"], ["FF0000", "00FF00", "0000FF"]), are_fluorescent([""], ["FFFFFF"])
    (False, False)
    """
    shown = tuple(colour.lower() for colour in colours[:3])
    by_colour = len(shown) == 3 and len(set(shown)) > 1 and all(shown) and shown != _RED_GREEN_BLUE
    return by_colour or any(_FLUOROPHORE.search(name) is not None for name in names)


@dataclass(frozen=True)
class ValueScale:
    """How stored values become 8 bits.

    Attributes
    ----------
    bits : int
        How many bits of an integer are used; the highest 8 of them are kept.
    white : float
        The value of white where values are floating-point numbers.
    note : str or None
        What to say where that was found by looking at the values.
    """

    bits: int = 8
    white: float = 1.0
    note: str | None = None

    def to_8_bit(self, values: NDArray[Any]) -> NDArray[np.uint8]:
        """Return 8-bit values.

        Examples
        --------
        >>> ValueScale(bits=16).to_8_bit(np.array([0, 255, 256, 65535], np.uint16)).tolist()
        [0, 0, 1, 255]
        >>> ValueScale(bits=12).to_8_bit(np.array([0, 16, 4095, 65535], np.uint16)).tolist()
        [0, 1, 255, 255]
        >>> ValueScale(white=1.0).to_8_bit(np.array([-0.1, 0.5, 1.0])).tolist()
        [0, 128, 255]
        """
        if values.dtype.kind == "f":
            scaled = values.astype(np.float32) * np.float32(255 / self.white)
            return np.asarray(np.clip(np.rint(scaled), 0, 255), np.uint8)
        if self.bits == 8 and values.dtype == np.uint8:
            return values
        if self.bits < 8:
            return np.asarray(np.clip(np.rint(values * (255 / (2**self.bits - 1))), 0, 255), np.uint8)
        return np.asarray(np.minimum(values >> (self.bits - 8), 255), np.uint8)


def integer_scale(largest: int, *, stored_bits: int, declared_bits: int | None = None) -> ValueScale:
    """Return how integers become 8 bits.

    Cameras give 10, 12 or 14 bits, and programs store them (or 8) in 16 without a word: then the largest
    value tells. A stained section holds something bright, so full 16 bits do not stay below 2¹⁴.

    Parameters
    ----------
    largest : int
        The largest value in the picture.
    stored_bits : int
        What a value takes in the file.
    declared_bits : int, optional
        How many bits are used, as the file says; believed unless values exceed it.

    Examples
    --------
    >>> integer_scale(4000, stored_bits=16).bits, integer_scale(900, stored_bits=16, declared_bits=12).bits
    (12, 12)
    """
    if declared_bits is not None and declared_bits < stored_bits and largest < 2**declared_bits:
        return ValueScale(bits=declared_bits)
    bits = next((bits for bits in _CAMERA_BITS if largest < 2**bits and bits < stored_bits), stored_bits)
    if stored_bits <= 8 or bits == stored_bits:
        return ValueScale(bits=stored_bits)
    return ValueScale(
        bits=bits, note=f"its {stored_bits}-bit values end at {largest} and are read as {bits} bits"
    )


def float_scale(smallest: float, largest: float, name: str) -> ValueScale:
    """Return how floating-point values become 8 bits: white is 1 or 255, and interpolation may overshoot.

    Raises
    ------
    InputError
        When the values are neither; the text starts with `name`.

    Examples
    --------
    >>> float_scale(0.0, 0.98, "a.tif").white, float_scale(-3.0, 262.0, "a.tif").white
    (1.0, 255.0)
    """
    white = 1.0 if largest <= 1.5 else 255.0
    if not (np.isfinite(smallest) and np.isfinite(largest)) or largest > 300 or smallest < -0.2 * white:
        raise InputError(
            f"{name} holds floating-point values from {smallest:g} to {largest:g}, expected 0 to 1 or "
            "0 to 255; export it as 8-bit RGB"
        )
    return ValueScale(white=white, note=f"its floating-point values are read with white at {white:g}")


def on_white(rgba: NDArray[np.uint8], *, premultiplied: bool = False) -> RgbArray:
    """Return (H, W, 4) laid on white as (H, W, 3).

    Examples
    --------
    >>> on_white(np.array([[[0, 100, 200, 255], [0, 100, 200, 0]]], np.uint8)).tolist()
    [[[0, 100, 200], [255, 255, 255]]]
    """
    alpha = rgba[..., 3:].astype(np.float32) / 255
    colours = rgba[..., :3].astype(np.float32)
    values = colours + 255 * (1 - alpha) if premultiplied else 255 - alpha * (255 - colours)
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
