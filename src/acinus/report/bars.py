"""A chart of horizontal bars from 0 to 1, as inline SVG; the page's style sheet has its colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

__all__ = ["Bar", "bar_chart"]

_WIDTH, _NAMES, _FIGURES = 760.0, 290.0, 110.0
_TOP, _LINE, _THICK = 8.0, 24.0, 13.0
_LONGEST_NAME = 44


@dataclass(frozen=True)
class Bar:
    """One line of the chart.

    Attributes
    ----------
    name : str
        Left of the bar; shortened where it is long.
    value : float
        0 to 1.
    text : str
        The value in words, right of the bar.
    about : str
        What pointing at the name shows.
    spread : float or None
        Half the length of a whisker at the bar's end.
    reference : float or None
        Where a stroke marks what could be had.
    empty : bool
        Whether only the bar's outline is drawn, dashed: a value from elsewhere.
    """

    name: str
    value: float
    text: str
    about: str
    spread: float | None = None
    reference: float | None = None
    empty: bool = False


def bar_chart(bars: Sequence[Bar], *, title: str) -> Markup:
    """Return the chart.

    Parameters
    ----------
    bars : sequence of Bar
        From top to bottom.
    title : str
        What a reader who does not see the chart is told.
    """
    height = _y(len(bars)) + 14
    line = Markup('<line class="grid" x1="{0:.1f}" x2="{0:.1f}" y1="{1:g}" y2="{2:g}"/>')
    label = Markup('<text class="tick" x="{:.1f}" y="{:g}" text-anchor="middle">{:g}</text>')
    scale = [
        part
        for tenth in range(0, 11, 2)
        for part in (
            line.format(_x(tenth / 10), _TOP - 4, height - 14),
            label.format(_x(tenth / 10), height - 2, tenth / 10),
        )
    ]
    parts = [*scale, *(_bar(bar, _y(i)) for i, bar in enumerate(bars))]
    return Markup(
        '<svg class="chart" viewBox="0 0 {:g} {:g}" role="img" aria-label="{}"><title>{}</title>{}</svg>'
    ).format(_WIDTH, height, title, title, Markup("").join(parts))


def _bar(bar: Bar, y: float) -> Markup:
    short = bar.name if len(bar.name) <= _LONGEST_NAME else f"{bar.name[: _LONGEST_NAME - 1]}…"
    parts = [
        Markup('<text class="name" x="{:g}" y="{:g}" text-anchor="end">{}<title>{}</title></text>').format(
            _NAMES - 8, y + 11, short, bar.about
        ),
        Markup('<text class="tick" x="{:g}" y="{:g}">{}</text>').format(
            _WIDTH - _FIGURES + 10, y + 11, bar.text
        ),
        Markup('<rect class="{}" x="{:g}" y="{:g}" width="{:.1f}" height="{:g}"/>').format(
            "empty" if bar.empty else "bar", _NAMES, y, _x(bar.value) - _NAMES, _THICK
        ),
    ]
    if bar.reference is not None:
        parts.append(
            Markup('<line class="reference" x1="{0:.1f}" x2="{0:.1f}" y1="{1:g}" y2="{2:g}"/>').format(
                _x(bar.reference), y - 2, y + _THICK + 2
            )
        )
    if bar.spread is not None:
        ends = _x(max(0.0, bar.value - bar.spread)), _x(min(1.0, bar.value + bar.spread))
        parts.append(
            Markup('<line class="spread" x1="{:.1f}" x2="{:.1f}" y1="{:g}" y2="{:g}"/>').format(
                *ends, y + _THICK / 2, y + _THICK / 2
            )
        )
    return Markup("").join(parts)


def _x(value: float) -> float:
    return _NAMES + (_WIDTH - _NAMES - _FIGURES) * value


def _y(line: int) -> float:
    return _TOP + _LINE * line
