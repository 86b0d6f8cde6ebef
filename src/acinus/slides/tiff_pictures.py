"""Which picture of a TIFF is the image: the largest colour picture, one plane of it, with its levels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tifffile

from acinus.core.errors import InputError
from acinus.core.geometry import Size
from acinus.core.naming import plural
from acinus.slides.ome import OmeImage, ome_image_of
from acinus.slides.pixels import FLUORESCENCE_REFUSAL, GREYSCALE_REFUSAL
from acinus.slides.pyramid import SourceRefusedError
from acinus.slides.reduced_copy import has_the_aspect

__all__ = ["Picture", "largest_picture", "size_of"]

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _YCBCR, _CIELAB = 0, 1, 2, 6, 8  # PhotometricInterpretation
_JPEG = (6, 7, 33007)  # Compression
_NAMES = {"Z": "depth", "T": "time", "C": "channel"}
_SEVERAL_CHANNELS = "channels that nothing calls red, green and blue; export it as RGB"


@dataclass(frozen=True)
class Picture:
    """A colour picture of a TIFF.

    Attributes
    ----------
    levels : list of list of TiffPage or TiffFrame
        For each level, finest first, one page, or one for each of red, green and blue. Levels after the
        first have its aspect; whether they show the same remains to be seen.
    ome : OmeImage or None
        What OME-XML says of it.
    notes : list of str
        See `SlideReader.notes`.
    """

    levels: list[list[Any]]
    ome: OmeImage | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def page(self) -> Any:
        """The first page, with all its tags."""
        first = self.levels[0][0]
        return first if hasattr(first, "tags") and first.tags else first.keyframe


def size_of(page: Any) -> Size:
    """Return the size of a page."""
    return Size(page.keyframe.imagewidth, page.keyframe.imagelength)


def largest_picture(file: tifffile.TiffFile, ome: Sequence[OmeImage], name: str) -> Picture:
    """Return the largest colour picture of a file and what of its other pages may be levels of it.

    Raises
    ------
    InputError
        When no picture has colours that are read; the text starts with `name`.
    SourceRefusedError
        When another library may know the colours.
    """
    series = list(file.series)
    pictures: dict[int, Picture] = {}
    refusals: dict[int, InputError | SourceRefusedError] = {}
    for i, one in enumerate(series):
        try:
            pictures[i] = _picture(one, file, list(ome), name)
        except (InputError, SourceRefusedError) as error:
            refusals[i] = error
    if not pictures:
        raise refusals[max(refusals, key=lambda i: _area(series[i]))]
    best = max(pictures, key=lambda i: _area(series[i]))
    picture = pictures.pop(best)
    if not file.is_svs:  # its thumbnail, label and macro are always there, and never levels
        _add_levels(picture, pictures)
        left_out = [i for i in range(len(series)) if i != best and (i in pictures or i in refusals)]
        if left_out:
            names = ", ".join(_described(series[i]) for i in left_out[:3]) + (", …" if left_out[3:] else "")
            picture.notes.append(f"{plural(len(left_out), 'other picture')} of it left out: {names}")
    return picture


def _area(series: Any) -> int:
    return int(series.keyframe.imagewidth) * int(series.keyframe.imagelength)


def _described(series: Any) -> str:
    size = size_of(series)
    title = f" ({series.name})" if series.name and not str(series.name).isdecimal() else ""
    return f"{size.width} × {size.height} px{title}"


def _add_levels(picture: Picture, others: dict[int, Picture]) -> None:
    """Append to a picture of one level those of the others that have its aspect, and remove them there."""
    if len(picture.levels) > 1 or picture.ome is not None:
        return
    for i in sorted(others, key=lambda i: -size_of(others[i].levels[0][0]).width):
        level = others[i].levels[0]
        if has_the_aspect(size_of(level[0]), of=size_of(picture.levels[-1][0])):
            picture.levels.append(level)
            del others[i]


def _picture(series: Any, file: tifffile.TiffFile, ome: list[OmeImage], name: str) -> Picture:
    page = series.keyframe
    described = ome_image_of(ome, page=series.levels[0].pages[0].index, size=size_of(page)) if ome else None
    if described is not None and described.is_fluorescence:
        raise InputError(f"{name} {FLUORESCENCE_REFUSAL}")
    _check_numbers(page, name)
    chosen, notes = _plane(series, name)
    notes += _samples_note(page, len(chosen), name)
    levels, whole = [], size_of(page)
    for number, level in enumerate(series.levels):
        pages = [level.pages[i] for i in chosen] if len(level.pages) == len(series.pages) else []
        same_kind = pages and all(
            one is not None and one.keyframe.samplesperpixel == page.samplesperpixel for one in pages
        )
        if number == 0 or (same_kind and has_the_aspect(size_of(level.keyframe), of=whole)):
            levels.append(pages)
        else:
            notes.append(f"its level of {_described(level)} has another aspect and is left out")
    if any(one is None or one.parent is not file for level in levels for one in level):
        raise InputError(f"{name} keeps pixels in other files; export it as one file")
    return Picture(levels, described, notes)


def _check_numbers(page: Any, name: str) -> None:
    """Refuse what is neither 8 or 16 bits without a sign nor floating point."""
    kind = np.dtype(page.dtype)
    if kind.kind == "f" or kind in (np.uint8, np.uint16):
        return
    raise InputError(
        f"{name} holds values of type {kind.name}, expected 8 or 16 bits; export it as 8-bit RGB"
    )


def _plane(series: Any, name: str) -> tuple[list[int], list[str]]:
    """Return the numbers of the pages that make one colour plane, and what is said of the others."""
    axes = [axis for axis in series.axes if axis not in "YXS"]
    lengths = [series.shape[series.axes.index(axis)] for axis in axes]
    pages = len(series.pages)
    numbers = np.arange(max(pages, 1)) if not axes else np.arange(int(np.prod(lengths)))
    if not axes and pages == 1:
        return [0], []
    if series.keyframe.imagedepth > 1 or numbers.size not in (pages, int(np.prod(lengths))):
        raise InputError(f"{name} is stored as a volume; export one plane of it as RGB")
    numbers = numbers.reshape(lengths)
    colours = 3 if series.keyframe.samplesperpixel == 1 and "C" in axes else 1
    notes: list[str] = []
    index: list[int | slice] = []
    for axis, length in zip(axes, lengths, strict=True):
        if axis == "C" and colours == 3:
            index.append(slice(None))
            continue
        place = length // 2 if axis == "Z" and pages == numbers.size else 0
        index.append(place)
        if length > 1:
            notes.append(f"{_NAMES.get(axis, 'page')} {place + 1} of {length} is read")
    chosen = np.atleast_1d(numbers[tuple(index)]).tolist()
    if colours == 3 and (len(chosen) != 3 or pages != numbers.size):
        raise InputError(f"{name} has {len(chosen)} {_SEVERAL_CHANNELS}")
    return chosen, notes


def _samples_note(page: Any, pages: int, name: str) -> list[str]:
    """Return what is said of a plane's samples.

    Raises
    ------
    InputError, SourceRefusedError
        When they are not red, green and blue.
    """
    samples, photometric = int(page.samplesperpixel), int(page.photometric)
    if pages == 3:
        if photometric != _BLACK_IS_ZERO:
            raise SourceRefusedError(f"three pages of photometric {photometric}")
        return ["its three channels are read as red, green and blue"]
    if photometric == _RGB and samples >= 3:
        extra = [int(kind) for kind in page.extrasamples] or [0] * (samples - 3)
        ignored = samples - 3 - (1 if extra and extra[0] in (1, 2) else 0)
        return [f"{plural(ignored, 'channel')} beside red, green and blue left out"] if ignored else []
    if photometric == _YCBCR and page.compression in _JPEG and samples == 3:  # its decoder returns RGB
        return []
    if photometric == _BLACK_IS_ZERO and samples == 3:
        return ["its three samples are called greyscale, and are read as red, green and blue"]
    if photometric in (_WHITE_IS_ZERO, _BLACK_IS_ZERO):
        if samples <= 2:
            raise InputError(f"{name} {GREYSCALE_REFUSAL}")
        raise InputError(f"{name} has {samples} {_SEVERAL_CHANNELS}")
    if photometric == _CIELAB:
        raise InputError(f"{name} holds colours as CIELAB; export it as RGB")
    raise SourceRefusedError(f"photometric {photometric}, {samples} samples")
