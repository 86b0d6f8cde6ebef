"""Data sets, one file each, and the samples and splits made from them."""
