"""Colours of the page can be read: WCAG 2 AA, in its light, dark and printed form."""

from __future__ import annotations

import re
from importlib import resources

import pytest

TEMPLATES = resources.files("acinus.report").joinpath("templates")
STYLE = "".join((TEMPLATES / name).read_text(encoding="utf-8") for name in ("colours.css", "style.css"))
FORMS = ("light", "dark", "print")
TEXT = [
    ("ink", "page"), ("ink", "card"), ("soft", "page"), ("soft", "card"), ("accent", "page"),
    ("accent", "card"), ("accent", "accent-soft"), ("grave", "grave-page"), ("mild", "mild-page"),
    ("grave", "card"), ("mild", "card"), ("good", "card"), ("ink", "accent-soft"),
]  # fmt: skip
GRAPHICS = [("line-key", "page"), ("box", "card"), ("soft", "card")]


def colours(form: str) -> dict[str, str]:
    """Return the variables of a form; printed pages keep the light ones that they do not set."""
    blocks = [
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6})", block))
        for block in re.findall(r":root \{(.*?)\}", STYLE, re.S)
    ]
    light, dark, printed = blocks
    return {"light": light, "dark": light | dark, "print": light | printed}[form]


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def test_black_on_white_has_contrast_21():
    assert contrast("#000", "#ffffff") == pytest.approx(21.0)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("text", "ground"), TEXT)
def test_text_has_contrast_of_four_and_a_half(form, text, ground):
    assert contrast(colours(form)[text], colours(form)[ground]) >= 4.5


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("mark", "ground"), GRAPHICS)
def test_marks_have_contrast_of_three(form, mark, ground):
    assert contrast(colours(form)[mark], colours(form)[ground]) >= 3.0
