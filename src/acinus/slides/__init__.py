"""Opens slides and images: the only room that knows the file formats of microscopes."""
