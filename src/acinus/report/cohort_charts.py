"""Charts of a cohort as inline SVG: a ranking with intervals, raw points over boxes, survival curves, chance.

Colours come from the page's style sheet, as those of `acinus.report.charts` do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from acinus.cohorts.intervals import Interval
from acinus.cohorts.survival import Curve
from acinus.report.charts import Axis, axis_for, tick_text

__all__ = [
    "Point",
    "chance_chart",
    "curves_chart",
    "points_chart",
    "ranking_chart",
    "scatter_chart",
    "with_count",
]

_WIDTH, _NAMES, _RIGHT = 760.0, 240.0, 20.0
_LINE, _BAND, _TOP = 20.0, 46.0, 10.0
_LONGEST_NAME = 34
_RADIUS = 4.0
_SHARES = axis_for(np.array([0.0, 1.0]), logarithmic=False)


@dataclass(frozen=True)
class Point:
    """One patient, image or gland: its value, what pointing at it shows, and where a click leads."""

    value: float
    words: str
    link: str
    against: float = 0.0  # the outcome's number, for `scatter_chart`


def ranking_chart(rows: Sequence[tuple[str, Interval]], *, title: str) -> Markup:
    """Return a line per statistic: its concordance from 0 to 1 with its interval, and the line of chance."""
    bottom = _TOP + _LINE * len(rows)
    parts = _scale(_SHARES, top=_TOP - 4, bottom=bottom)
    parts.append(_vertical("median", _x(_SHARES, 0.5), _TOP - 4, bottom))
    for index, (name, interval) in enumerate(rows):
        y = _TOP + _LINE * (index + 0.5)
        parts += _name(name, y)
        if interval.known:
            ends = _x(_SHARES, interval.low), _x(_SHARES, interval.high)
            parts.append(_line("spread", *ends, y, y))
        if np.isfinite(interval.estimate):
            words = f"{name}: {interval.estimate:.3f}"
            if interval.known:
                words += f" ({interval.low:.3f} to {interval.high:.3f})"
            parts.append(_dot(_x(_SHARES, interval.estimate), y, words, ""))
    return _chart(parts, height=bottom + 20, title=title)


def points_chart(
    groups: Sequence[tuple[str, Sequence[Point]]],
    *,
    title: str,
    radius: float = _RADIUS,
    logarithmic: bool = False,
) -> Markup:
    """Return a band per group: a box of the middle half with its median, and every point over it.

    Parameters
    ----------
    groups : sequence of (name, points)
        At least one point in all.
    radius : float
        Of the points, in chart units.
    logarithmic : bool
        Whether the axis is, where all values are above 0.
    """
    values = np.array([point.value for _, points in groups for point in points])
    axis = axis_for(values, logarithmic=logarithmic)
    bottom = _TOP + _BAND * len(groups)
    parts = _scale(axis, top=_TOP - 4, bottom=bottom)
    for index, (name, points) in enumerate(groups):
        y = _TOP + _BAND * (index + 0.5)
        parts += _name(name, y)
        own = np.array([point.value for point in points])
        if own.size:
            low, middle, high = (_x(axis, q) for q in np.percentile(own, (25, 50, 75)).tolist())
            box = Markup('<rect class="box" x="{:.1f}" y="{:g}" width="{:.1f}" height="{:g}" rx="3"/>')
            parts.append(box.format(low, y - _BAND * 0.36, max(high - low, 1), _BAND * 0.72))
            parts.append(_vertical("middle", middle, y - _BAND * 0.36, y + _BAND * 0.36))
        for shift, point in zip(_spread_out(own), points, strict=True):
            x = _x(axis, point.value)
            parts.append(_dot(x, y + shift * _BAND * 0.3, point.words, point.link, radius))
    return _chart(parts, height=bottom + 20, title=title)


def scatter_chart(points: Sequence[Point], *, name: str, title: str) -> Markup:
    """Return every point's value (across) against its outcome (upwards)."""
    across = axis_for(np.array([point.value for point in points]), logarithmic=False)
    up = axis_for(np.array([point.against for point in points]), logarithmic=False)
    height = 240.0
    parts = _scale(across, top=_TOP, bottom=height)
    for tick in up.ticks:
        y = height - (height - _TOP) * (tick - up.low) / (up.high - up.low)
        parts.append(_line("grid", _NAMES, _WIDTH - _RIGHT, y, y))
        parts.append(_text("tick", _NAMES - 8, y + 4, tick_text(tick), "end"))
    parts.append(_text("name", 8, _TOP + 10, name, "start"))
    for point in points:
        y = height - (height - _TOP) * (point.against - up.low) / (up.high - up.low)
        parts.append(_dot(_x(across, point.value), y, point.words, point.link))
    return _chart(parts, height=height + 20, title=title)


def curves_chart(curves: Sequence[Curve], *, name: str, title: str) -> Markup:
    """Return Kaplan and Meier's curves with their intervals; time runs across, `name` is its unit."""
    longest = max(float(curve.times.max()) for curve in curves) or 1.0
    axis = axis_for(np.array([0.0, longest]), logarithmic=False)
    height = 240.0
    parts = _scale(axis, top=_TOP, bottom=height)
    parts.append(_text("name", _NAMES - 8, height + 14, name, "end"))
    for share in (0.0, 0.5, 1.0):
        y = height - (height - _TOP) * share
        parts.append(_text("tick", _NAMES - 8, y + 4, f"{share:g}", "end"))
        parts.append(_line("grid", _NAMES, _WIDTH - _RIGHT, y, y))
    for index, curve in enumerate(curves):
        kind = f"curve-{index}"
        band = [*_steps(curve.times, curve.low, axis, height)]
        band += reversed(_steps(curve.times, curve.high, axis, height))
        corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in band)
        parts.append(Markup('<polygon class="{} band" points="{}"/>').format(kind, corners))
        corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in _steps(curve.times, curve.survival, axis, height))
        parts.append(Markup('<polyline class="{} curve" points="{}"/>').format(kind, corners))
        parts.append(_line(f"{kind} curve", 8, 26, _TOP + 8 + 18 * index, _TOP + 8 + 18 * index))
        words = f"{curve.name} ({curve.patients})"
        parts.append(_text("name", 32, _TOP + 12 + 18 * index, words, "start"))
    return _chart(parts, height=height + 20, title=title)


def chance_chart(score: Interval, chance: NDArray[np.float64], *, title: str) -> Markup:
    """Return what permuted outcomes reach, a point each, and below it what the outcome as it is reaches."""
    bottom = _TOP + 2 * _BAND
    parts = _scale(_SHARES, top=_TOP - 4, bottom=bottom)
    y = _TOP + 0.5 * _BAND
    parts += _name(f"permuted ({len(chance)})", y)
    for shift, value in zip(_spread_out(chance), chance.tolist(), strict=True):
        parts.append(_dot(_x(_SHARES, value), y + shift * _BAND * 0.36, f"permuted: {value:.3f}", ""))
    y += _BAND
    parts += _name("as it is", y)
    if score.known:
        parts.append(_line("spread", _x(_SHARES, score.low), _x(_SHARES, score.high), y, y))
    x = _x(_SHARES, score.estimate)
    parts.append(_vertical("reference", x, y - 9, y + 9))
    return _chart(parts, height=bottom + 20, title=title)


def _steps(
    times: NDArray[np.float64], heights: NDArray[np.float64], axis: Axis, bottom: float
) -> list[tuple[float, float]]:
    """Return the corners of a curve of steps, in chart units."""
    corners: list[tuple[float, float]] = []
    for time, share in zip(times.tolist(), heights.tolist(), strict=True):
        x, y = _x(axis, time), bottom - (bottom - _TOP) * share
        if corners:
            corners.append((x, corners[-1][1]))
        corners.append((x, y))
    return corners


def _spread_out(values: NDArray[np.float64]) -> list[float]:
    """Return a shift from −1 to 1 for each value, so that neighbours in order do not hide each other."""
    order = np.argsort(values, kind="stable")
    shifts = np.empty(len(values))
    shifts[order] = (np.arange(len(values)) * 0.618034 % 1.0) * 2 - 1  # the golden ratio never repeats
    return [float(shift) for shift in shifts]


def _scale(axis: Axis, *, top: float, bottom: float) -> list[Markup]:
    parts = []
    for tick in axis.ticks:
        x = _x(axis, tick)
        parts.append(_vertical("grid", x, top, bottom))
        parts.append(_text("tick", x, bottom + 14, tick_text(tick), "middle"))
    return parts


def with_count(name: str, count: str) -> str:
    """Return the name of a row and how many it has, the name cut short where there is no room for both.

    Examples
    --------
    >>> with_count("benign", " (12)"), with_count("moderately to poorly differentiated", " (3)")
    ('benign (12)', 'moderately to poorly differen… (3)')
    """
    return _cut(name, _LONGEST_NAME - len(count)) + count


def _name(name: str, y: float) -> list[Markup]:
    return [_text("name", _NAMES - 8, y + 4, _cut(name, _LONGEST_NAME), "end")]


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _dot(x: float, y: float, words: str, link: str, radius: float = _RADIUS) -> Markup:
    circle = Markup('<circle class="point" cx="{:.1f}" cy="{:.1f}" r="{:g}"><title>{}</title></circle>')
    circle = circle.format(x, y, radius, words)
    return Markup('<a href="{}" target="_blank">{}</a>').format(link, circle) if link else circle


def _vertical(kind: str, x: float, top: float, bottom: float) -> Markup:
    return _line(kind, x, x, top, bottom)


def _line(kind: str, x1: float, x2: float, y1: float, y2: float) -> Markup:
    line = Markup('<line class="{}" x1="{:.1f}" x2="{:.1f}" y1="{:.1f}" y2="{:.1f}"/>')
    return line.format(kind, x1, x2, y1, y2)


def _text(kind: str, x: float, y: float, words: str, anchor: str) -> Markup:
    text = Markup('<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>')
    return text.format(kind, x, y, anchor, words)


def _x(axis: Axis, value: float) -> float:
    return _NAMES + (_WIDTH - _NAMES - _RIGHT) * axis.share(value)


def _chart(parts: Sequence[Markup], *, height: float, title: str) -> Markup:
    return Markup(
        '<svg class="chart" viewBox="0 0 {:g} {:g}" role="img" aria-label="{}"><title>{}</title>{}</svg>'
    ).format(_WIDTH, height, title, title, Markup("").join(parts))
