"""The page: all tables, the chart and the grid in one HTML file that needs no network."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path

from markupsafe import Markup

from acinus.benchmark.tables import Table

__all__ = ["page"]

_STYLE = """
:root { color-scheme: light dark; --ink: #221a27; --page: #fbfafc; --line: #ddd6e2; --soft: #5d5364; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #f0eaf3; --page: #17131a; --line: #3d3443; --soft: #b9adc0; }
}
body { margin: 24px auto; max-width: 1180px; padding: 0 16px; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; white-space: nowrap; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid var(--line); padding: 4px 10px; text-align: right; }
th:first-child, td:first-child { text-align: left; position: sticky; left: 0; background: var(--page); }
p, footer { color: var(--soft); }
svg, img { max-width: 100%; height: auto; background: #fff; }
pre { white-space: pre-wrap; }
"""


def page(
    *,
    title: str,
    note: str,
    command: str,
    tables: Sequence[Table],
    charts: Sequence[str],
    grid: Path,
    failures: Mapping[str, str],
) -> str:
    """Return the HTML text.

    Parameters
    ----------
    title, note : str
        Heading, and how the images were parted.
    command : str
        What produced the figures.
    tables : sequence of Table
    charts : sequence of str
        SVG documents of this package.
    grid : Path
        The picture grid, which is embedded.
    failures : mapping of str to str
        Reasons by what failed.
    """
    picture = base64.b64encode(grid.read_bytes()).decode()
    parts = [Markup("<h1>{}</h1><p>{}</p>").format(title, note)]
    parts += [
        Markup("<p><strong>{} has no result:</strong> {}</p>").format(*item) for item in failures.items()
    ]
    parts += [Markup("<figure>{}</figure>").format(Markup(chart)) for chart in charts]
    parts += [_table(table) for table in tables]
    parts.append(
        Markup(
            "<h2>Pictures</h2><p>Outlines of glands, first seed.</p>"
            '<img alt="A grid of images, their truth and what each method finds" '
            'src="data:image/png;base64,{}">'
        ).format(picture)
    )
    parts.append(Markup("<footer><p>Made by</p><pre>{}</pre></footer>").format(command))
    return Markup(
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<title>{}</title><style>{}</style></head>\n<body>{}</body></html>\n"
    ).format(title, Markup(_STYLE), Markup("\n").join(parts))


def _table(table: Table) -> Markup:
    head = Markup("").join(Markup('<th scope="col">{}</th>').format(heading) for heading in table.headings)
    body = Markup("\n").join(
        Markup("<tr>{}</tr>").format(Markup("").join(Markup("<td>{}</td>").format(cell) for cell in cells))
        for cells in table.cells
    )
    return Markup(
        '<h2>{}</h2><p>{}</p><div class="wide"><table><thead><tr>{}</tr></thead>'
        "<tbody>{}</tbody></table></div>"
    ).format(table.title, table.note, head, body)
