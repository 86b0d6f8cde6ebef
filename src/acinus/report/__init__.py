"""Static HTML pages from files on disk."""

from acinus.report.page import write_report

__all__ = ["write_report"]
