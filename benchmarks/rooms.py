"""Measures how the code is laid out: lines of each room, longest import chain, modules with one importer.

    python benchmarks/rooms.py

Prints the table of docs/development.md; judges nothing.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from functools import cache
from pathlib import Path
from statistics import median

import grimp

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "acinus"
LONG_LINES = 60


def main() -> None:
    """Print the measures."""
    lines = {path: count_lines(path) for path in PACKAGE.rglob("*.py")}
    rooms: dict[str, list[int]] = defaultdict(list)
    for path, count in lines.items():
        parts = path.relative_to(PACKAGE).parts
        rooms[parts[0] if len(parts) > 1 else "acinus"].append(count)
    print("| room | lines | files |\n|---|---:|---:|")
    for room, counts in sorted(rooms.items(), key=lambda entry: -sum(entry[1])):
        print(f"| `{room}` | {sum(counts)} | {len(counts)} |")
    total = sum(lines.values())
    print(f"| all | {total} | {len(lines)} |\n")
    print(f"lines of a file: median {median(lines.values()):.0f}, largest {max(lines.values())}")
    lengths = [length for path in lines for length in function_lengths(path)]
    long = sum(length > LONG_LINES for length in lengths)
    print(f"functions over {LONG_LINES} lines: {long} of {len(lengths)} ({long / len(lengths):.1%})")
    graph = grimp.build_graph("acinus", exclude_type_checking_imports=True)
    single = sum(len(graph.find_modules_that_directly_import(module)) == 1 for module in graph.modules)
    print(f"modules with a single importer: {single}")
    chain = longest_chain(graph)
    print(f"longest import chain: {len(chain)}: {' > '.join(chain).replace('acinus.', '')}")
    print(f"tests to code: {sum(map(count_lines, (ROOT / 'tests').rglob('*.py'))) / total:.2f}")


def count_lines(path: Path) -> int:
    """Return the number of lines of a file."""
    return len(path.read_text(encoding="utf-8").splitlines())


def function_lengths(path: Path) -> list[int]:
    """Return the number of lines of each function of a file."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    functions = (node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return [(node.end_lineno or node.lineno) - node.lineno + 1 for node in functions]


def longest_chain(graph: grimp.ImportGraph) -> tuple[str, ...]:
    """Return the longest chain of modules of which each imports the next; circles are not followed."""
    active: set[str] = set()

    @cache
    def below(module: str) -> tuple[str, ...]:
        active.add(module)
        imported = sorted(graph.find_modules_directly_imported_by(module) - active)
        chain = max((below(name) for name in imported), key=len, default=())
        active.discard(module)
        return (module, *chain)

    return max((below(module) for module in sorted(graph.modules)), key=len)


if __name__ == "__main__":
    main()
