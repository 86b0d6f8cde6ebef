"""Charts as inline SVG: a histogram of all glands with one row of box or one tick for each image below it.

Colours come from the page's style sheet (classes), so that a chart follows its light, dark and printed form.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from acinus.report.wording import number

__all__ = ["Axis", "axis_for", "distribution", "tick_text"]

Values = NDArray[np.float64]

_WIDTH, _LEFT, _RIGHT = 380.0, 92.0, 12.0
_TOP, _BARS = 6.0, 84.0
_ROW = 15.0
_LEAST_BINS, _MOST_BINS = 8, 24
_LONGEST_TAIL = 100.0  # a crumb of one pixel must not squeeze all glands into a corner
_MOST_ROWS = 16
_LONGEST_NAME = 14


@dataclass(frozen=True)
class Axis:
    """Maps values to the chart's x.

    Attributes
    ----------
    low, high : float
        Ends of the axis.
    logarithmic : bool
    ticks : tuple of float
    """

    low: float
    high: float
    logarithmic: bool
    ticks: tuple[float, ...]

    def share(self, value: float) -> float:
        """Return where a value lies on the axis, 0..1; values beyond an end lie on it."""
        value = min(max(value, self.low), self.high)
        low, high, value = (
            (math.log10(self.low), math.log10(self.high), math.log10(value))
            if self.logarithmic
            else (self.low, self.high, value)
        )
        return (value - low) / (high - low)

    def x(self, value: float) -> float:
        """Return where a value lies, in chart units."""
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * self.share(value)


def axis_for(values: Values, *, logarithmic: bool) -> Axis:
    """Return an axis over all values, widened to round ends.

    Examples
    --------
    >>> axis_for(np.array([0.31, 0.98]), logarithmic=False).ticks
    (0.2, 0.4, 0.6, 0.8, 1.0)
    >>> axis_for(np.array([400.0, 90_000.0]), logarithmic=True).ticks
    (200.0, 1000.0, 10000.0, 100000.0)
    """
    low, high = float(values.min()), float(values.max())
    if logarithmic and low > 0:
        low = max(low, float(np.median(values)) / _LONGEST_TAIL)
        ends = _round_down(low), _round_up(high)
        if ends[0] == ends[1]:
            ends = ends[0], 10 * ends[0]
        decades = [
            10.0**power for power in range(math.ceil(math.log10(ends[0])), 20) if 10.0**power < ends[1]
        ]
        inner = [decade for decade in decades if decade > ends[0] * 1.01]
        return Axis(*ends, True, (ends[0], *inner, ends[1]))
    if low == high:
        low, high = low - 0.5 * (abs(low) or 1), high + 0.5 * (abs(high) or 1)
    step = _step((high - low) / 4)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = tuple(round(step * k, 10) for k in range(first, last + 1))
    return Axis(ticks[0], ticks[-1], False, ticks)


def distribution(
    values: Values, *, axis: Axis, title: str, groups: Sequence[tuple[str, Values]] = ()
) -> Markup:
    """Return a chart of all values, and of each group's against them.

    Parameters
    ----------
    values : ndarray of shape (N,)
        Finite, at least one.
    axis : Axis
        From `axis_for`.
    title : str
        Text for readers who do not see the chart.
    groups : sequence of (name, ndarray)
        Up to 16 get a row each (line from the 10th to the 90th percentile, box of the middle half, stroke at
        the median); of more, only the medians are drawn, in one row.
    """
    rows = groups if 1 < len(groups) <= _MOST_ROWS else ()
    strip = groups if len(groups) > _MOST_ROWS else ()
    base = _TOP + _BARS
    height = base + 20 + _ROW * (len(rows) + (1 if strip else 0)) + (4 if groups else 0)
    parts = [*_bars(values, axis, base), _median_line(values, axis, height - 2), *_axis_marks(axis, base)]
    for index, (name, group) in enumerate(rows):
        parts += _row(name, group, axis, y=base + 30 + _ROW * index)
    if strip:
        parts += _strip(strip, axis, y=base + 30)
    return Markup(
        '<svg class="chart" viewBox="0 0 {:g} {:g}" role="img" aria-label="{}"><title>{}</title>{}</svg>'
    ).format(_WIDTH, height, title, title, Markup("").join(parts))


def histogram_counts(values: Values, axis: Axis) -> tuple[Values, NDArray[np.int64]]:
    """Return the edges of 8 to 24 bins, equal on the axis, and the number of values in each."""
    bins = int(np.clip(2 * math.sqrt(len(values)), _LEAST_BINS, _MOST_BINS))
    if axis.logarithmic:
        edges = np.geomspace(axis.low, axis.high, bins + 1)
    else:
        edges = np.linspace(axis.low, axis.high, bins + 1)
    edges[0], edges[-1] = axis.low, axis.high
    return edges, np.histogram(np.clip(values, axis.low, axis.high), edges)[0].astype(np.int64)


def _bars(values: Values, axis: Axis, base: float) -> list[Markup]:
    edges, counts = histogram_counts(values, axis)
    tallest = max(int(counts.max()), 1)
    parts = []
    for left, right, count in zip(edges[:-1].tolist(), edges[1:].tolist(), counts.tolist(), strict=True):
        if count:
            x, width, height = axis.x(left), axis.x(right) - axis.x(left), _BARS * count / tallest
            words = f"{number(left)} to {number(right)}: {count}"
            parts.append(
                Markup(
                    '<rect class="bar" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}">'
                    "<title>{}</title></rect>"
                ).format(x + 0.5, base - height, max(width - 1, 0.5), height, words)
            )
    parts.append(
        Markup('<text class="tick" x="{:g}" y="{:g}" text-anchor="end">{}</text>').format(
            _LEFT - 6, _TOP + 8, f"{tallest} gland{'s' if tallest > 1 else ''}"
        )
    )
    return parts


def _median_line(values: Values, axis: Axis, bottom: float) -> Markup:
    x = axis.x(float(np.median(values)))
    return Markup('<line class="median" x1="{0:.1f}" x2="{0:.1f}" y1="{1:g}" y2="{2:g}"/>').format(
        x, _TOP - 4, bottom
    )


def _axis_marks(axis: Axis, base: float) -> list[Markup]:
    line = Markup('<line class="axis" x1="{:g}" x2="{:g}" y1="{:g}" y2="{:g}"/>')
    parts = [line.format(_LEFT, _WIDTH - _RIGHT, base, base)]
    shown = -math.inf
    for tick in axis.ticks:
        x = axis.x(tick)
        parts.append(line.format(x, x, base, base + 3))
        if x - shown >= 38 or tick == axis.ticks[0]:
            label = Markup('<text class="tick" x="{:.1f}" y="{:g}" text-anchor="middle">{}</text>')
            parts.append(label.format(min(x, _WIDTH - _RIGHT - 4), base + 14, tick_text(tick)))
            shown = x
    return parts


def _row(name: str, group: Values, axis: Axis, *, y: float) -> list[Markup]:
    short = name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"
    label = Markup('<text class="name" x="{:g}" y="{:g}" text-anchor="end">{}<title>{}</title></text>')
    parts = [label.format(_LEFT - 6, y + 3.5, short, name)]
    if not group.size:
        absent = Markup('<text class="tick" x="{:g}" y="{:g}">no value</text>')
        return [*parts, absent.format(_LEFT + 2, y + 3.5)]
    q10, q25, q50, q75, q90 = (axis.x(q) for q in np.percentile(group, (10, 25, 50, 75, 90)).tolist())
    words = f"{name}: median {number(float(np.median(group)))} of {group.size}"
    box = Markup(
        '<g><title>{}</title><line class="whisker" x1="{:.1f}" x2="{:.1f}" y1="{:g}" y2="{:g}"/>'
        '<rect class="box" x="{:.1f}" y="{:g}" width="{:.1f}" height="8" rx="2"/>'
        '<line class="middle" x1="{:.1f}" x2="{:.1f}" y1="{:g}" y2="{:g}"/></g>'
    )
    parts.append(box.format(words, q10, q90, y, y, q25, y - 4, max(q75 - q25, 1), q50, q50, y - 5, y + 5))
    return parts


def _strip(groups: Sequence[tuple[str, Values]], axis: Axis, *, y: float) -> list[Markup]:
    parts = [
        Markup('<text class="name" x="{:g}" y="{:g}" text-anchor="end">image medians</text>').format(
            _LEFT - 6, y + 3.5
        )
    ]
    tick = Markup(
        '<line class="middle" x1="{0:.1f}" x2="{0:.1f}" y1="{1:g}" y2="{2:g}"><title>{3}</title></line>'
    )
    for name, group in groups:
        if group.size:
            median = float(np.median(group))
            parts.append(tick.format(axis.x(median), y - 5, y + 5, f"{name}: {number(median)}"))
    return parts


def tick_text(value: float) -> str:
    """Return what an axis says beside a tick.

    Examples
    --------
    >>> tick_text(0.05), tick_text(400.0), tick_text(20_000.0), tick_text(3e6)
    ('0.05', '400', '20 k', '3 M')
    """
    if value >= 1_000_000:
        return f"{value / 1e6:g} M"
    return f"{value / 1000:g} k" if value >= 10_000 else f"{value:g}"


def _step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return power * next(step for step in (1, 2, 5, 10) if step * power >= rough * 0.999)


def _round_down(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value) + 1e-12)
    return power * max(step for step in (1, 2, 5) if step * power <= value * (1 + 1e-9))


def _round_up(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value) - 1e-12)
    return power * next(step for step in (1, 2, 5, 10) if step * power >= value * (1 - 1e-9))
