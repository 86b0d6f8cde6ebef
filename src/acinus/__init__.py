"""Acinus learns to segment glands on stained histology images from unlabelled images alone."""

__version__ = "0.1.0"
