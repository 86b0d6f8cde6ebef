"""One image of a data set, by its paths: nothing is read until it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from acinus.core.errors import DatasetError
from acinus.core.image import LabelMap, RgbImage
from acinus.slides.images import read_image
from acinus.slides.label_image import read_labels

__all__ = ["Sample"]


@dataclass(frozen=True)
class Sample:
    """An image with what is known of it.

    Attributes
    ----------
    name : str
        Unique within its data set.
    image_path : Path
        The stained image.
    truth_path : Path or None
        Instance labels by an expert, read by evaluation alone.
    mpp : float or None
        µm per pixel; None leaves it to the file.
    patient, grade : str or None
        As the data set gives them.
    held_out : bool
        Whether it belongs to the test part that its data set defines.
    """

    name: str
    image_path: Path
    truth_path: Path | None = None
    mpp: float | None = None
    patient: str | None = None
    grade: str | None = None
    held_out: bool = False

    def image(self) -> RgbImage:
        """Read the image, named by the sample."""
        image = read_image(self.image_path, mpp=self.mpp)
        return RgbImage(image.rgb, image.mpp, self.name)

    def truth(self) -> LabelMap:
        """Read the expert's label map, (H, W) int32.

        Raises
        ------
        DatasetError
            When the sample has none.
        """
        if self.truth_path is None:
            raise DatasetError(
                f"{self.name} has no labels; put them beside it as {self.name}_anno.png, or in labels/"
            )
        return read_labels(self.truth_path)
