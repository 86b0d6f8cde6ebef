"""Pixels through zarr: OME-Zarr of NGFF 0.4 and 0.5, from a folder or a zip.

References
----------
Moore et al., OME-Zarr: a cloud-optimized bioimaging file format with international community support,
Histochem. Cell Biol. 160, 2023; the specifications: https://ngff.openmicroscopy.org/.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zarr
import zarr.errors
import zarr.storage

from acinus.core.errors import AcinusError, InputError
from acinus.core.geometry import Box, Size
from acinus.core.image import RgbArray
from acinus.slides.pixels import FLUORESCENCE_REFUSAL, GREYSCALE_REFUSAL, are_fluorescent, integer_scale
from acinus.slides.pyramid import SlideFacts, SourceRefusedError
from acinus.slides.reader import Level, level_downsample
from acinus.slides.reduced_copy import has_the_aspect
from acinus.slides.resolution import Resolution, from_axes, um_per_unit
from acinus.slides.zarr_files import is_zarr_folder, zarr_root

__all__ = ["ZarrSource"]

_AXES = ("t", "c", "z", "y", "x")  # of images that name none
_SPACE = ("y", "x")
_NO_IMAGE = "is a Zarr without an image; expected OME-Zarr (NGFF 0.4 or 0.5)"


class ZarrSource:
    """An open OME-Zarr whose largest colour image is the slide.

    Chunks are decoded as they are asked for, so that a box of a large image costs what the box costs.

    Raises
    ------
    SourceRefusedError
        When it is no Zarr.
    InputError
        When it is one without a colour image, or damaged.
    """

    backend = "zarr"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._store, root = _opened(path)
        try:
            group = zarr.open_group(self._store, path=root, mode="r")
            images = _images(group, path)
            image = max(images, key=lambda each: each.size.width * each.size.height)
            self._image = image
            self._scale = integer_scale(_largest(image), stored_bits=8 * image.levels[0].dtype.itemsize)
        except Exception as error:
            self._store.close()
            if isinstance(error, AcinusError):
                raise
            if isinstance(error, zarr.errors.ContainsArrayError):
                raise InputError(f"{path.name} {_NO_IMAGE}") from error
            # Of damaged metadata zarr raises whatever comes of it.
            raise InputError(f"{path.name} is a damaged OME-Zarr ({error}); copy it again") from error
        left_out = [f"{each.size.width} × {each.size.height} px" for each in images if each is not image]
        notes = [note for note in (image.note, self._scale.note) if note]
        if left_out:
            notes.append(f"{len(left_out)} other picture of it left out: {', '.join(left_out)}")
        self.facts = SlideFacts(
            format=f"ome-zarr {image.version}",
            levels=image.pyramid(),
            bounds=Box(0, 0, image.size.width, image.size.height),
            mpp=image.resolution.mpp,
            mpp_source=image.resolution.source,
            mpp_doubt=image.resolution.doubt,
            notes=notes,
        )

    def read_level(self, level: int, box: Box) -> RgbArray:
        """Return a box of one level as 8-bit RGB."""
        try:
            values = self._image.read(level, box)
        except Exception as error:  # each codec raises its own kind
            raise InputError(
                f"{self._path.name} cannot be decoded ({error}); it is damaged, copy it again"
            ) from error
        return np.ascontiguousarray(self._scale.to_8_bit(values))

    def close(self) -> None:
        """Release the file."""
        self._store.close()


@dataclass(frozen=True)
class _Image:
    """One colour image of an OME-Zarr: the arrays of its levels, finest first, and their axes."""

    version: str
    axes: tuple[str, ...]
    levels: Sequence[Any]
    resolution: Resolution
    note: str | None

    @property
    def size(self) -> Size:
        return self._size(self.levels[0])

    def pyramid(self) -> tuple[Level, ...]:
        """Return what `SlideReader` says of the levels."""
        chunk = dict(zip(self.axes, self.levels[0].chunks, strict=True))
        tile = Size(chunk["x"], chunk["y"])
        sizes = [self._size(level) for level in self.levels]
        return tuple(
            Level(size=size, downsample=level_downsample(sizes[0], size), tile=tile) for size in sizes
        )

    def read(self, level: int, box: Box) -> Any:
        """Return the stored values of a box, (height, width, 3); of other axes the first plane, or middle."""
        array = self.levels[level]
        where: dict[str, Any] = {
            "y": slice(box.y, box.bottom),
            "x": slice(box.x, box.right),
            "c": slice(0, 3),
        }
        window = tuple(
            where.get(axis, (length - 1) // 2 if axis == "z" else 0)
            for axis, length in zip(self.axes, array.shape, strict=True)
        )
        kept = [axis for axis in self.axes if axis in where]
        return np.moveaxis(np.asarray(array[window]), [kept.index(axis) for axis in "yxc"], [0, 1, 2])

    def _size(self, level: Any) -> Size:
        length = dict(zip(self.axes, level.shape, strict=True))
        return Size(length["x"], length["y"])


def _opened(path: Path) -> tuple[Any, str]:
    """Return the store and the place of the outermost group in it."""
    if is_zarr_folder(path):
        return zarr.storage.LocalStore(path, read_only=True), ""
    if path.is_dir() or not zipfile.is_zipfile(path):
        raise SourceRefusedError("no Zarr")
    try:
        with zipfile.ZipFile(path) as archive:
            root = zarr_root(archive)
    except Exception as error:  # of a damaged directory zipfile raises whatever comes of its numbers
        raise SourceRefusedError(str(error)) from error
    if root is None:
        raise SourceRefusedError("a zip without Zarr")
    return zarr.storage.ZipStore(path, mode="r"), root


def _images(group: Any, path: Path) -> list[_Image]:
    """Return the colour images: the group itself, or those that Bio-Formats numbers below it."""
    attributes = _ome(group)
    if "plate" in attributes or "well" in attributes:
        raise InputError(f"{path.name} is a plate of many images; give the folder of one of them")
    if "labels" in attributes or "image-label" in attributes:
        raise InputError(f"{path.name} holds labels, expected an image; give the OME-Zarr they belong to")
    nodes = [group]
    if "multiscales" not in attributes:
        numbers = sorted((name for name in group.group_keys() if name.isdigit()), key=int)
        nodes = [node for node in map(group.__getitem__, numbers) if "multiscales" in _ome(node)]
    if not nodes:
        raise InputError(f"{path.name} {_NO_IMAGE}")
    images, reasons = [], []
    for node in nodes:
        try:
            images.append(_image(node, path))
        except InputError as error:
            reasons.append(error)
    if not images:
        raise reasons[0]
    return images


def _ome(group: Any) -> Mapping[str, Any]:
    """Return the metadata of a group, which 0.5 has under a key of its own."""
    attributes: Mapping[str, Any] = group.attrs.asdict()
    inner = attributes.get("ome")
    return inner if isinstance(inner, Mapping) else attributes


def _image(group: Any, path: Path) -> _Image:
    attributes = _ome(group)
    multiscale = attributes["multiscales"][0]
    named = multiscale.get("axes") or _AXES
    axes = tuple(str(axis["name"] if isinstance(axis, Mapping) else axis).lower() for axis in named)
    datasets = multiscale["datasets"]
    levels = [group[dataset["path"]] for dataset in datasets]
    _check_colours(axes, levels[0], path)
    channels = (attributes.get("omero") or {}).get("channels") or []
    if are_fluorescent(
        [str(each.get("label", "")) for each in channels], [str(each.get("color", "")) for each in channels]
    ):
        raise InputError(f"{path.name} {FLUORESCENCE_REFUSAL}")
    sizes = [dict(zip(axes, level.shape, strict=True)) for level in levels]
    finest = Size(sizes[0]["x"], sizes[0]["y"])
    copies = [
        place == 0 or has_the_aspect(Size(size["x"], size["y"]), of=finest)
        for place, size in enumerate(sizes)
    ]
    stacked = [f"{axis} 1 of {sizes[0][axis]}" for axis in axes if axis not in "yxcz" and sizes[0][axis] > 1]
    if sizes[0].get("z", 1) > 1:
        stacked.append(f"depth {(sizes[0]['z'] - 1) // 2 + 1} of {sizes[0]['z']}")
    return _Image(
        version=str(attributes.get("version") or multiscale.get("version") or "of no version"),
        axes=axes,
        levels=[level for level, copy in zip(levels, copies, strict=True) if copy],
        resolution=_resolution(multiscale, named, axes),
        note=f"{', '.join(stacked)} is read" if stacked else None,
    )


def _check_colours(axes: tuple[str, ...], array: Any, path: Path) -> None:
    length = dict(zip(axes, array.shape, strict=True))
    if any(axis not in length for axis in _SPACE):
        raise InputError(f"{path.name} has the axes {', '.join(axes)}, expected y and x among them")
    if length.get("c", 1) == 1:
        raise InputError(f"{path.name} {GREYSCALE_REFUSAL}")
    if length["c"] not in (3, 4):
        raise InputError(
            f"{path.name} has {length['c']} channels, expected red, green and blue; export it as RGB"
        )
    if array.dtype not in (np.uint8, np.uint16):
        raise InputError(
            f"{path.name} holds values of type {array.dtype}, expected 8 or 16 bits; export it as 8-bit RGB"
        )


def _resolution(multiscale: Mapping[str, Any], named: Sequence[Any], axes: tuple[str, ...]) -> Resolution:
    """Return µm per pixel of the finest level: its scale times that of the pyramid, in the axes' units."""
    scale = np.ones(len(axes))
    for holder in (multiscale["datasets"][0], multiscale):
        for transform in holder.get("coordinateTransformations") or ():
            if transform.get("type") == "scale":
                scale = scale * np.asarray(transform["scale"], np.float64)
    um: dict[str, float | None] = {}
    for axis in _SPACE:
        place = axes.index(axis)
        unit = named[place].get("unit") if isinstance(named[place], Mapping) else None
        in_um = None if unit is None else um_per_unit(str(unit))
        um[axis] = None if in_um is None else float(scale[place]) * in_um
    return from_axes(um["x"], um["y"], "OME-Zarr scale")


def _largest(image: _Image) -> int:
    """Return the largest value of the coarsest level, in one of at most 4096 px each way."""
    if image.levels[0].dtype == np.uint8:
        return 255
    last = len(image.levels) - 1
    size = image.pyramid()[last].size
    box = Box(0, 0, size.width, size.height)
    middle = Box(size.width // 2 - 2048, size.height // 2 - 2048, 4096, 4096).intersection(box)
    return int(image.read(last, middle).max(initial=0))
