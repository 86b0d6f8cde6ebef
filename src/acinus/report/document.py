"""What all pages share: the templates, their style sheet, and charts as files of their own."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from acinus.report.wording import number, percent, plural

__all__ = ["chart_file", "render"]


def render(template: str, **values: object) -> str:
    """Return a page that needs no network and no other file.

    Parameters
    ----------
    template : str
        Name of a file in ``templates/`` that extends ``base.html.j2``.
    values
        What it shows. Texts are escaped; every value that it names must be given.
    """
    return _environment().get_template(template).render(values)


def chart_file(chart: Markup) -> str:
    """Return a chart, as `acinus.report.charts` and `acinus.report.bars` make them, as an SVG document."""
    start, rest = chart.split(">", 1)
    return _environment().get_template("chart.svg.j2").render(start=start, rest=rest)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("acinus.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "percent": percent}
    environment.globals["plural"] = plural
    return environment
