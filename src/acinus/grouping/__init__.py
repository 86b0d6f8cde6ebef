"""Stage 2, semantic grouping: images and proposal maps in, a segmenter out."""
