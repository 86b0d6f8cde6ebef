"""The picture grid: some images, their truth, and what each method finds on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from acinus.benchmark.rows import Row
from acinus.core.files import atomic_path
from acinus.core.image import LabelMap, RgbArray, RgbImage
from acinus.data.sample import Sample
from acinus.results.overlay import draw_outlines

__all__ = ["write_grid"]

_CELL_PX, _GAP_PX, _NAMES_PX = 240, 6, 210
_INK, _PAGE = (34, 26, 39), (255, 255, 255)


def write_grid(
    path: Path, samples: Sequence[Sample], rows: Sequence[Row], folder_of: Callable[[Row, str], Path]
) -> None:
    """Write a PNG with a column for each image and a line for the image, its truth and each method.

    A method whose masks have been deleted keeps its line, which says so.

    Parameters
    ----------
    path : Path
    samples : sequence of Sample
        With labels.
    rows : sequence of Row
        The masks of their first seeds are shown.
    folder_of : callable
        Returns the folder of the result that has a row's masks of the image of a name.
    """
    images = [sample.image() for sample in samples]
    lines = [
        ("image", [image.rgb for image in images]),
        ("truth", [_outlined(im, sample.truth()) for im, sample in zip(images, samples, strict=True)]),
    ]
    for row in rows:
        paths = [_masks(folder_of(row, image.name), row, image.name) for image in images]
        if all(path.is_file() for path in paths):
            outlined = [_outlined(image, _read(path)) for image, path in zip(images, paths, strict=True)]
            lines.append((row.title, outlined))
        else:
            lines.append((f"{row.title}: its masks are missing", []))
    heights = max(round(_CELL_PX * image.shape[0] / image.shape[1]) for image in images)
    step_y, step_x = heights + _GAP_PX, _CELL_PX + _GAP_PX
    page = Image.new("RGB", (_NAMES_PX + step_x * len(images), step_y * len(lines)), _PAGE)
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(size=13)
    for i, (name, pictures) in enumerate(lines):
        draw.multiline_text((4, i * step_y + 4), _wrapped(name), fill=_INK, font=font)
        for j, rgb in enumerate(pictures):
            size = (_CELL_PX, max(1, round(_CELL_PX * rgb.shape[0] / rgb.shape[1])))
            small = Image.fromarray(rgb).resize(size, Image.Resampling.LANCZOS)
            page.paste(small, (_NAMES_PX + j * step_x, i * step_y))
    with atomic_path(path) as temporary:
        page.save(temporary)


def _masks(folder: Path, row: Row, image: str) -> Path:
    return folder / "masks" / str(row.number) / f"{image}.png"


def _outlined(image: RgbImage, labels: LabelMap) -> RgbArray:
    return draw_outlines(image.rgb, labels, mpp=image.mpp)


def _read(path: Path) -> LabelMap:
    with Image.open(path) as picture:
        return np.asarray(picture).astype(np.int32)


def _wrapped(text: str, width: int = 28) -> str:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines)
