"""Static HTML pages from files on disk."""
