"""Images as callers in Python give them: files, folders, arrays, pictures."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from acinus.core.errors import MppError, UsageError
from acinus.core.image import RgbImage
from acinus.data.folder import folder as find_samples
from acinus.slides.images import read_image

__all__ = ["ImageLike", "check_names", "given_image", "given_images", "named_as_argument"]

ImageLike = str | os.PathLike[str] | NDArray[np.uint8] | Image.Image | RgbImage
"""A file, an (H, W, 3) uint8 array, a picture of Pillow, or an image with its resolution."""


@contextmanager
def named_as_argument() -> Iterator[None]:
    """Let errors that name the option ``--mpp 0.5`` name the argument ``mpp=0.5`` instead."""
    try:
        yield
    except MppError as error:
        raise MppError(re.sub(r"--mpp( (?=\d))?", "mpp=", str(error))) from error


def given_images(
    images: ImageLike | Iterable[ImageLike], *, mpp: float | None
) -> list[tuple[RgbImage, Path | None]]:
    """Read all images, each with the file it is from; those in memory are numbered if they have no name."""
    loaded: list[tuple[RgbImage, Path | None]] = []
    one = isinstance(images, str | os.PathLike | np.ndarray | Image.Image | RgbImage)
    entries = cast("list[ImageLike]", [images] if one else list(cast("Iterable[ImageLike]", images)))
    for number, entry in enumerate(entries):
        if isinstance(entry, str | os.PathLike):
            with named_as_argument():
                samples = find_samples([Path(entry)], mpp=mpp)
                loaded += [(sample.image(), sample.image_path) for sample in samples]
        elif isinstance(entry, RgbImage):
            loaded.append((entry, None))
        else:
            loaded.append((replace(given_image(entry, mpp=mpp), name=f"image_{number:03d}"), None))
    return loaded


def check_names(images: Iterable[RgbImage]) -> None:
    """Refuse images of one name.

    Raises
    ------
    UsageError
        When there are any.
    """
    names = [image.name for image in images]
    if len(set(names)) < len(names):
        raise UsageError(
            "two images have the same name, so one's proposals would replace the other's; rename them"
        )


def given_image(image: ImageLike, *, mpp: float | None) -> RgbImage:
    """Return one image as the package works with it.

    Raises
    ------
    UsageError
        When it is of none of these types, or an array comes without `mpp`.
    InputError
        When its file cannot be read.
    """
    if isinstance(image, RgbImage):
        return image
    if isinstance(image, str | os.PathLike):
        with named_as_argument():
            return read_image(Path(image), mpp=mpp)
    if not isinstance(image, np.ndarray | Image.Image):
        raise UsageError(
            "expected a path, an (H, W, 3) uint8 array, a Pillow image or an RgbImage, "
            f"got {type(image).__name__}"
        )
    if mpp is None:
        what = "an array" if isinstance(image, np.ndarray) else "a Pillow image"
        raise UsageError(f"{what} has no µm/px; pass mpp=, for example mpp=0.5")
    return RgbImage(rgb=image if isinstance(image, np.ndarray) else np.asarray(image.convert("RGB")), mpp=mpp)
