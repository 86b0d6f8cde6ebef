"""Which size of glands the images of a batch have, for a model that knows several.

A single image often suits two sizes about as well; a dozen images of one source do not. So images of one
folder and one resolution are judged together, as `acinus.pipeline.gland_size.estimated_sizes` does in a fit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from acinus.core.errors import AcinusError
from acinus.core.image import RgbImage
from acinus.core.spread import evenly_spaced
from acinus.data.sample import Sample
from acinus.pipeline.estimator import GlandSegmenter
from acinus.pipeline.gland_size import source_of
from acinus.slides.images import is_slide
from acinus.slides.opening import open_slide
from acinus.slides.reader import resolved_mpp

__all__ = ["SizesOfSources"]

_IMAGES = 12  # of a source, that are looked at


@dataclass
class SizesOfSources:
    """Chooses the model for the size of glands of each source of images.

    Attributes
    ----------
    model : GlandSegmenter
    samples : sequence of Sample
        All images of the batch, also those whose results are there: the choice does not depend on where an
        interrupted batch resumes.
    """

    model: GlandSegmenter
    samples: Sequence[Sample]
    _chosen: dict[str, GlandSegmenter] = field(default_factory=dict)

    def model_for(self, sample: Sample, *, mpp: float) -> GlandSegmenter:
        """Return the model for the glands of an image's source.

        Parameters
        ----------
        sample : Sample
            An image, not a slide, of which each is judged by itself.
        mpp : float
            Its µm per pixel.
        """
        if len(self.model.by_size) == 1:
            return self.model
        source = source_of(sample.image_path, mpp=mpp)
        if source not in self._chosen:
            self._chosen[source] = self.model.suited_to(self._some_of(source))
        return self._chosen[source]

    def _some_of(self, source: str) -> Iterator[RgbImage]:
        """Yield up to a dozen images of a source, evenly spaced; those that cannot be read are left out."""
        alike = [sample for sample, of in zip(self.samples, self._sources, strict=True) if of == source]
        for sample in evenly_spaced(alike, _IMAGES):
            try:
                yield sample.image()
            except AcinusError:  # which is said when its turn comes
                continue

    @cached_property
    def _sources(self) -> list[str | None]:
        """The source of each sample, for which its file is opened once."""
        return [_source(sample) for sample in self.samples]


def _source(sample: Sample) -> str | None:
    """Return where an image is from; None for a slide, and for what cannot be read."""
    try:
        with open_slide(sample.image_path, mpp=sample.mpp) as reader:
            return None if is_slide(reader) else source_of(sample.image_path, mpp=resolved_mpp(reader))
    except (AcinusError, OSError):
        return None
