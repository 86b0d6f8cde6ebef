"""Data sets, one file each, and what is drawn from them."""
