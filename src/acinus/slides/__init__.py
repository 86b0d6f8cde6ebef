"""Opens slides and images: the only room that knows the file formats of microscopes."""

from acinus.slides.images import read_image, read_labels
from acinus.slides.opening import open_slide
from acinus.slides.reader import SlideReader, resolved_mpp

__all__ = ["SlideReader", "open_slide", "read_image", "read_labels", "resolved_mpp"]
