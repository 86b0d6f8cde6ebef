"""Before anything is computed: can each image be used, and does each label map belong to its image?"""

from __future__ import annotations

from collections.abc import Iterable

from acinus.core.errors import DatasetError, InputError
from acinus.core.image import LabelMap
from acinus.core.progress import Progress
from acinus.data.sample import Sample
from acinus.slides.images import LARGEST_IMAGE_PX, SMALLEST_SIDE_PX, whole_image
from acinus.slides.opening import open_slide
from acinus.slides.reader import resolved_mpp

__all__ = ["check_samples", "read_truth"]


def check_samples(samples: Iterable[Sample], *, progress: Progress) -> None:
    """Refuse images and label maps that would be found unusable once a method has been fitted.

    Of an image no more is read than opening it takes. A label map has to be read to know it for one; nothing
    of it is kept or handed on.

    Parameters
    ----------
    samples : iterable of Sample
        Those of several folds come several times, and are read once.
    progress : Progress

    Raises
    ------
    InputError
        When an image cannot be opened, or is too small or too large to be read as a whole.
    MppError
        When nothing says its µm per pixel.
    DatasetError
        When a label map is none, or not of its image's size.
    """
    distinct = {sample.image_path: sample for sample in samples}
    with progress.task("Checking images", total=len(distinct)) as advance:
        for sample in distinct.values():
            shape = _image_shape(sample)
            if sample.truth_path is not None:
                read_truth(sample, shape)
            advance(sample.name)


def read_truth(sample: Sample, shape: tuple[int, int]) -> LabelMap:
    """Return the label map of a sample, (H, W) int32.

    Parameters
    ----------
    sample : Sample
        With labels.
    shape : (int, int)
        (H, W) of its image.

    Raises
    ------
    DatasetError
        When the map cannot be read or has another size; the text names both files.
    """
    try:
        truth = sample.truth()
    except InputError as error:
        raise DatasetError(f"the labels of {sample.image_path} cannot be used: {error}") from error
    if truth.shape != shape:
        height, width = shape
        raise DatasetError(
            f"{sample.name}: the labels {sample.truth_path} have {truth.shape[1]} × {truth.shape[0]} px, "
            f"their image {sample.image_path} {width} × {height}; give labels of the image's own size"
        )
    return truth


def _image_shape(sample: Sample) -> tuple[int, int]:
    with open_slide(sample.image_path, mpp=sample.mpp) as slide:
        size = slide.size
        if min(size.width, size.height) < SMALLEST_SIDE_PX or size.width * size.height > LARGEST_IMAGE_PX:
            whole_image(slide)  # it says what is wrong
        resolved_mpp(slide)
    return size.height, size.width
