"""Opens slides and images: the only room that knows the file formats of microscopes."""

from acinus.slides.images import read_image
from acinus.slides.info import describe
from acinus.slides.label_image import read_labels
from acinus.slides.opening import open_slide
from acinus.slides.reader import SlideReader, resolved_mpp
from acinus.slides.tissue import overview, tissue_mask

__all__ = [
    "SlideReader",
    "describe",
    "open_slide",
    "overview",
    "read_image",
    "read_labels",
    "resolved_mpp",
    "tissue_mask",
]
