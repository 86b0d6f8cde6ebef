"""Which code this is: what was computed by other code is not to be taken for what this one computes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from acinus.core.run import fingerprint

__all__ = ["code_digest"]

_PACKAGE = Path(__file__).resolve().parents[1]


@cache
def code_digest(*rooms: str) -> str:
    """Return a digest (SHA-256, shortened) of the Python files of some parts of this package.

    It changes with what the code does and with the names of its files. Comments, docstrings and the layout of
    lines change nothing. Files are read once per process.

    Parameters
    ----------
    rooms : str
        Sub-packages, with all that is in them, or modules: ``core``, ``data.synthetic``, ``pipeline.fit``.

    Raises
    ------
    ModuleNotFoundError
        When the package has no such part.

    Examples
    --------
    >>> code_digest("core") == code_digest("core"), code_digest("core") == code_digest("core", "metrics")
    (True, False)
    """
    files = sorted({path for room in rooms for path in _files(room)})
    parts = ((path.relative_to(_PACKAGE).as_posix(), _meaning(path)) for path in files)
    return fingerprint(*(text for part in parts for text in part))


def _files(room: str) -> Iterator[Path]:
    path = _PACKAGE.joinpath(*room.split("."))
    if path.is_dir():
        yield from path.rglob("*.py")
    elif path.with_suffix(".py").is_file():
        yield path.with_suffix(".py")
    else:
        raise ModuleNotFoundError(f"acinus.{room} is no part of this package, whose code was asked for")


def _meaning(path: Path) -> str:
    """Return the syntax tree of a file as text, without places in the file and without docstrings."""
    tree = ast.parse(path.read_bytes(), filename=str(path))
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            statements = getattr(node, name, None)
            if isinstance(statements, list):  # of an if-expression they are no statements
                setattr(node, name, [each for each in statements if not _is_text(each)])
    return ast.dump(tree)


def _is_text(statement: ast.stmt) -> bool:
    """Whether a statement is nothing but a text: a docstring of whatever stands before it."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )
