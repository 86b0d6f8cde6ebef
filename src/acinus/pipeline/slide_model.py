"""What a slide's computation asks of a model: to be there in every process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from acinus.core.segmenter import Segmenter
from acinus.grouping.segmenter import NetworkSegmenter
from acinus.pipeline.estimator import GlandSegmenter

__all__ = ["SavedModel", "prepared"]


@dataclass(frozen=True)
class SavedModel:
    """Loads a model in whatever process it is sent to.

    Attributes
    ----------
    folder : Path
        Model folder, seen by all processes under the same path.
    device : str
        As `choose_device` takes it.
    """

    folder: Path
    device: str

    def __call__(self) -> Segmenter:
        """Return the model, prepared for many windows.

        Raises
        ------
        ModelError
            When the folder is no model, or one of another version.
        """
        return prepared(GlandSegmenter.load(self.folder, device=self.device).fitted)


def prepared(segmenter: Segmenter) -> Segmenter:
    """Return the same method, prepared for many forward passes where it is a network."""
    return segmenter.prepared() if isinstance(segmenter, NetworkSegmenter) else segmenter
