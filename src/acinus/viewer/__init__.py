"""A local web page over files on disk."""
