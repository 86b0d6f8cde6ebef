"""``acinus report``."""

from __future__ import annotations

from pathlib import Path

from acinus.cli.output import say

__all__ = ["report"]


def report(folder: Path, /, *, out: Path | None = None) -> int:
    """Write a page that shows and sums up the results of acinus segment.

    Example: acinus report results

    The page is one HTML file that needs no network; it can be mailed and printed.

    Parameters
    ----------
    folder
        The folder that acinus segment wrote.
    out
        The page to write; by default FOLDER/report.html.
    """
    from acinus.report import write_report

    say(f"The report is {write_report(folder, out)}")
    return 0
