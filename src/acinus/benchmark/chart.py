"""The bar chart: pooled mIoU of each method, what others published marked as such."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from acinus.benchmark.published import PUBLISHED
from acinus.benchmark.rows import Row

__all__ = ["bar_chart"]

_WIDTH, _NAMES, _FIGURES = 760.0, 290.0, 110.0
_TOP, _LINE, _BAR = 46.0, 24.0, 13.0
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#221a27}.soft{fill:#5d5364;font-size:11px}"
    ".own{fill:#7a2f73}.published{fill:none;stroke:#5d5364;stroke-dasharray:3 2}"
    ".oracle{stroke:#0b7f57;stroke-width:3}.sd{stroke:#221a27;stroke-width:1.5}.grid{stroke:#ddd6e2}"
    ".page{fill:#fff}"
)


def bar_chart(rows: Sequence[Row], split: str, *, published: bool) -> str:
    """Return the chart as an SVG document.

    A bar is the label-free mIoU, its whisker the standard deviation over seeds, the green stroke what the
    oracle's mapping gives. Dashed empty bars are published figures.
    """
    lines = [_own(row, split, _y(i)) for i, row in enumerate(rows)]
    if published:
        for i, figure in enumerate(PUBLISHED, start=len(rows)):
            value = sum(figure.miou_percent) / len(figure.miou_percent) / 100
            bar = Markup('<rect class="published" x="{:g}" y="{:g}" width="{:.1f}" height="{:g}"/>').format(
                _NAMES, _y(i), _x(value) - _NAMES, _BAR
            )
            name = f"published: {figure.method}"
            lines.append(
                _named(name, f"{figure.text} %", _y(i), about=f"{figure.method}, {figure.source}") + bar
            )
    height = _y(len(lines)) + 8
    where = "images learnt from" if split == "fit" else "held-out images"
    title = f"Pooled mIoU of each method, {where}"
    key = "bar: label-free, whisker: sd over seeds, green: oracle" + (", dashed: published" * published)
    parts = [
        Markup("<title>{}</title><style>{}</style>").format(title, Markup(_STYLE)),
        Markup('<rect class="page" width="100%" height="100%"/>'),
        Markup('<text x="8" y="18">{}</text><text class="soft" x="8" y="34">{}</text>').format(title, key),
        *_grid(height),
        *lines,
    ]
    return Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {:g} {:g}" width="{:g}" role="img">{}</svg>\n'
    ).format(_WIDTH, height, _WIDTH, Markup("").join(parts))


def _own(row: Row, split: str, y: float) -> Markup:
    own = row.metric(split, "label_free", "miou_label_free")
    oracle = row.metric(split, "oracle", "miou_label_free")
    middle = y + _BAR / 2
    bar = Markup('<rect class="own" x="{:g}" y="{:g}" width="{:.1f}" height="{:g}"/>').format(
        _NAMES, y, _x(own.mean) - _NAMES, _BAR
    )
    stroke = Markup('<line class="oracle" x1="{0:.1f}" x2="{0:.1f}" y1="{1:g}" y2="{2:g}"/>').format(
        _x(oracle.mean), y - 2, y + _BAR + 2
    )
    whisker = Markup("")
    if own.sd is not None:
        whisker = Markup('<line class="sd" x1="{:.1f}" x2="{:.1f}" y1="{:g}" y2="{:g}"/>').format(
            _x(max(0.0, own.mean - own.sd)), _x(min(1.0, own.mean + own.sd)), middle, middle
        )
    return _named(row.title, own.text(3), y, about=row.title) + bar + stroke + whisker


def _named(name: str, figure: str, y: float, *, about: str) -> Markup:
    short = name if len(name) <= 44 else f"{name[:43]}…"
    return Markup(
        '<text x="{:g}" y="{:g}" text-anchor="end">{}<title>{}</title></text>'
        '<text class="soft" x="{:g}" y="{:g}">{}</text>'
    ).format(_NAMES - 8, y + 11, short, about, _WIDTH - _FIGURES + 10, y + 11, figure)


def _grid(height: float) -> list[Markup]:
    line = Markup('<line class="grid" x1="{0:.1f}" x2="{0:.1f}" y1="{1:g}" y2="{2:g}"/>')
    return [line.format(_x(tenth / 10), _TOP - 4, height - 6) for tenth in range(0, 11, 2)]


def _x(value: float) -> float:
    return _NAMES + (_WIDTH - _NAMES - _FIGURES) * value


def _y(line: int) -> float:
    return _TOP + _LINE * line
