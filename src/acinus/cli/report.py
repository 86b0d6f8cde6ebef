"""``acinus report``."""

from __future__ import annotations

from pathlib import Path

from acinus.cli.output import say, say_error

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

    problems: list[str] = []
    page = write_report(folder, out, tell=problems.append)
    for problem in problems:
        say_error(problem)
    say(f"The report is {page}")
    return 1 if problems else 0
