"""The command line, one file per verb: parse, call the verb, print where the result is."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper

from cyclopts import App, CycloptsError, UnknownOptionError

from acinus import __version__
from acinus.cli.benchmark import MOVED, benchmark
from acinus.cli.compare import compare
from acinus.cli.demo import demo
from acinus.cli.doctor import doctor
from acinus.cli.evaluate import evaluate
from acinus.cli.fit import fit
from acinus.cli.info import info
from acinus.cli.measure import measure
from acinus.cli.output import say_error
from acinus.cli.reflow import with_reflowed_help
from acinus.cli.report import report
from acinus.cli.segment import segment
from acinus.cli.settings import settings
from acinus.cli.view import view
from acinus.core.errors import AcinusError
from acinus.core.run import commit

__all__ = ["app", "main"]

app = App(
    name="acinus",
    version=lambda: version_line(__version__, commit()),
    help="Learn to segment glands on H&E images from unlabelled images alone; measure and show them.\n\n"
    "Start with:  acinus demo\n\n"
    "Your own images:  acinus fit tiles/ --mpp 0.5 --out model  then  "
    "acinus segment tiles/ --mpp 0.5 --model model --out results",
    help_format="plaintext",
    suppress_keyboard_interrupt=False,  # `run` reports it in one line
)
for verb in (demo, fit, segment, evaluate, measure, compare, report, view, info, settings, doctor, benchmark):
    app.command(with_reflowed_help(verb))


def main(words: Sequence[str] | None = None) -> None:
    """Run the command line and end the process: 0 all done, 1 some input failed, 2 wrong usage."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without µ shows a question mark
    code = run(words)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read the output is gone; Python's own last flush must not stumble over that again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    sys.exit(code)


def run(words: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    try:
        code = app(
            list(sys.argv[1:] if words is None else words),
            exit_on_error=False,
            print_error=False,
            result_action="return_value",
        )
    except CycloptsError as error:
        say_error(f"{_first_line(error)}; see acinus --help")
        return 2
    except AcinusError as error:
        say_error(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        say_error("interrupted; run the same command again to resume")
        return 130
    except BrokenPipeError:
        return 1
    return code if isinstance(code, int) else 0


def version_line(version: str, commit: str | None) -> str:
    """Return what ``acinus --version`` prints.

    Examples
    --------
    >>> version_line("0.2.0", "36fd28f0c3a1"), version_line("0.2.0", None)
    ('acinus 0.2.0 (commit 36fd28f0c3a1)', 'acinus 0.2.0')
    """
    return f"acinus {version}" + (f" (commit {commit})" if commit else "")


def _first_line(error: CycloptsError) -> str:
    if isinstance(error, UnknownOptionError) and "benchmark" in (error.command_chain or ()):
        option = (error.token.keyword or error.token.value).split("=")[0]
        if option in MOVED:
            return f"{option} is no longer an option; {MOVED[option]}"
    return " ".join(str(error).split())
