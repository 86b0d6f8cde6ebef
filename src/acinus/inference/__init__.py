"""A segmenter and an image in; probability, instances out."""
