"""The run file as rows for people: settings, versions, model, inputs, and the command that repeats it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["InputFile", "RunFacts", "run_facts"]

Rows = tuple[tuple[str, str], ...]

_SHOWN_ELSEWHERE = ("command", "settings", "versions", "model", "inputs", "stain", "version")


@dataclass(frozen=True)
class InputFile:
    """An input file with its checksum, of slides that of both ends alone."""

    name: str
    path: str
    sha256: str
    of_part: str  # in words; empty for the whole file


@dataclass(frozen=True)
class RunFacts:
    """What is known of the run; every part may be empty."""

    command: str
    settings: Rows
    versions: Rows
    model: Rows
    inputs: tuple[InputFile, ...]


def run_facts(run: dict[str, Any]) -> RunFacts:
    """Sort a run file into what the page shows; unknown entries go with the settings.

    Examples
    --------
    >>> facts = run_facts({"command": ["acinus", "segment"], "seed": 3, "settings": {"tile": {"px": 512}}})
    >>> facts.command, facts.settings
    ('acinus segment', (('tile.px', '512'), ('seed', '3')))
    """
    command = run.get("command") or ""
    others = {key: value for key, value in run.items() if key not in (*_SHOWN_ELSEWHERE, "commit")}
    versions = run.get("versions") or run.get("version") or {}
    model = run.get("model") or {}
    version_rows = tuple(_flat(versions, "" if isinstance(versions, dict) else "acinus"))
    commit = (("commit", str(run["commit"])),) if run.get("commit") else ()
    return RunFacts(
        command=" ".join(map(str, command)) if isinstance(command, list) else str(command),
        settings=(*_flat(run.get("settings") or {}, ""), *_flat(others, "")),
        versions=(*version_rows, *commit),
        model=tuple(_flat(model, "" if isinstance(model, dict) else "model")),
        inputs=tuple(_inputs(run.get("inputs"))),
    )


def _flat(value: object, name: str) -> Iterator[tuple[str, str]]:
    """Yield (dotted name, text) of nested entries."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list):
        yield name, ", ".join(map(str, value))
    elif value is None:
        yield name, "not set"
    elif isinstance(value, bool):
        yield name, "yes" if value else "no"
    else:
        yield name, str(value)


def _inputs(value: object) -> Iterator[InputFile]:
    for entry in value if isinstance(value, list) else []:
        if isinstance(entry, dict):
            path = str(entry.get("path", ""))
            whole, ends = str(entry.get("sha256") or ""), str(entry.get("sha256_of_ends") or "")
            of_part = "first and last MiB" if ends and not whole else ""
            yield InputFile(str(entry.get("name") or path), path, whole or ends, of_part)
        else:
            yield InputFile(str(entry), str(entry), "", "")
