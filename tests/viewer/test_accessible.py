"""The page can be read (WCAG 2 AA contrast, as the browser computes it) and worked without a mouse."""

from __future__ import annotations

import pytest

from .chromium import Page

pytestmark = pytest.mark.browser

# Contrast of every text that is shown. Colours with alpha are laid on what is below; where that is the slide,
# on black and on white, whichever is worse. Disabled controls are exempt (WCAG 1.4.3).
CONTRASTS = """
(() => {
  const parse = (text) => {
    const [r, g, b, a = 1] = text.match(/[0-9.]+/g).map(Number);
    return [r, g, b, a];
  };
  const over = ([r, g, b, a], below) => [r, g, b].map((c, i) => a * c + (1 - a) * below[i]);
  const ground = (element, last) => {
    if (!element) return last;
    const own = parse(getComputedStyle(element).backgroundColor);
    return own[3] === 1 ? own.slice(0, 3) : over(own, ground(element.parentElement, last));
  };
  const light = (colour) => {
    const linear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = colour.map((c) => linear(c / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (first, second) => {
    const [low, high] = [light(first), light(second)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const contrast = (element, pseudo) => Math.min(...[[0, 0, 0], [255, 255, 255]].map((last) => {
    const below = ground(element, last);
    return ratio(over(parse(getComputedStyle(element, pseudo).color), below), below);
  }));
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    if (element.closest(":disabled, [aria-disabled=true], svg, option")) continue;
    if (!element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    const texts = [...element.childNodes].filter((node) => node.nodeType === 3 && node.textContent.trim());
    const words = texts.map((node) => node.textContent.trim()).join(" ");
    if (words || element.value) found.push([words || element.value, contrast(element)]);
    if (element.placeholder) found.push([element.placeholder, contrast(element, "::placeholder")]);
  }
  return found;
})()
"""

# What is focused, how its focus is shown and against what.
FOCUSED = """
(() => {
  const element = document.activeElement;
  if (!element || element === document.body) return null;
  const style = getComputedStyle(element), box = element.getBoundingClientRect();
  const inside = box.top >= 0 && box.left >= 0 && box.bottom <= innerHeight && box.right <= innerWidth;
  const name = element.id || element.dataset.do || element.textContent.trim() || element.className;
  return { name, outlined: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2, inside };
})()
"""

CONTROLS = """
[...document.querySelectorAll("#panel, #tools")].flatMap((part) =>
  [...part.querySelectorAll("button:not(:disabled), a[href], input, select")]
    .filter((element) => element.checkVisibility())
    .map((element) => element.id || element.dataset.do || element.textContent.trim()))
"""


def press(page: Page, key: str, code: int, *, text: str = "", shift: bool = False) -> None:
    """Press a key as a keyboard does, so that the browser acts on it, too."""
    more = {"text": text} if text else {}
    modifiers = 8 if shift else 0
    for kind in ("keyDown", "keyUp"):
        page.send(
            "Input.dispatchKeyEvent",
            type=kind,
            key=key,
            code=key,
            windowsVirtualKeyCode=code,
            modifiers=modifiers,
            **(more if kind == "keyDown" else {}),
        )


def too_faint(page: Page) -> list[tuple[str, float]]:
    found = page.evaluate(CONTRASTS)
    assert len(found) > 15
    return [(text, ratio) for text, ratio in found if ratio < 4.5]


def test_the_measure_of_contrast_finds_grey_on_white(opened: Page) -> None:
    opened.evaluate("document.getElementById('subtitle').style.color = '#999'")
    assert [ratio for _, ratio in too_faint(opened)] == [pytest.approx(2.6, abs=0.3)]


def test_every_text_can_be_read_with_and_without_a_gland(opened: Page) -> None:
    assert too_faint(opened) == []
    opened.key("j")
    opened.wait_for("acinus.state.gland !== null")
    opened.key("r")
    opened.wait_for("acinus.state.marks.get(acinus.state.gland?.index) === 'right'")
    assert too_faint(opened) == []
    opened.key("w")
    opened.wait_for("acinus.state.marks.get(acinus.state.gland?.index) === 'wrong'")
    assert too_faint(opened) == []
    opened.key("w")
    opened.wait_for("acinus.state.marks.size === 0")


def test_messages_notices_and_the_help_can_be_read(opened: Page) -> None:
    opened.evaluate("document.getElementById('notices').append(document.createElement('li'))")
    opened.evaluate("document.querySelector('#notices li').textContent = 'A notice'")
    opened.evaluate("document.getElementById('message').hidden = false")
    opened.evaluate("document.getElementById('message').textContent = 'A message'")
    opened.evaluate("document.getElementById('toast').textContent = 'A toast'")
    opened.evaluate("document.getElementById('toast').style.transition = 'none'")
    opened.evaluate("document.getElementById('toast').classList.add('shown')")
    opened.key("?")
    texts = {text for text, _ in opened.evaluate(CONTRASTS)}
    assert {"A notice", "A message", "A toast", "Keyboard", "Whole slide"} <= texts
    assert too_faint(opened) == []


def test_tab_reaches_every_control_and_shows_where_it_is(opened: Page) -> None:
    opened.key("j")
    opened.wait_for("acinus.state.gland !== null")
    expected = opened.evaluate(CONTROLS)
    reached = []
    for _ in range(3 * len(expected)):
        press(opened, "Tab", 9)
        focused = opened.evaluate(FOCUSED)
        if focused is None or focused["name"] in [one["name"] for one in reached]:
            if set(expected) <= {one["name"] for one in reached}:
                break
            continue
        reached.append(focused)
    assert set(expected) <= {one["name"] for one in reached}
    assert [one["name"] for one in reached if not (one["outlined"] and one["inside"])] == []


def test_the_slide_is_changed_a_gland_marked_and_glands_filtered_by_the_keyboard(opened: Page) -> None:
    opened.evaluate("[...document.querySelectorAll('#slides button')].at(-1).focus()")
    press(opened, "Enter", 13, text="\r")
    opened.wait_for("acinus.state.slide.name === 'slide_10' && acinus.state.values")
    opened.settle()
    opened.evaluate("document.activeElement.blur()")
    opened.key("j")
    opened.wait_for("acinus.state.gland !== null")
    opened.evaluate("document.querySelector('[data-do=mark-right]').focus()")
    press(opened, " ", 32, text=" ")
    opened.wait_for("acinus.state.marks.size === 1")
    opened.key("r")
    opened.wait_for("acinus.state.marks.size === 0")
    opened.evaluate("document.getElementById('from').focus()")
    for digit in "500":
        press(opened, digit, ord(digit), text=digit)
    press(opened, "Enter", 13, text="\r")
    opened.wait_for("acinus.state.filter?.from === 500")
    assert 0 < opened.evaluate("acinus.overlay.state.drawn") < 12


def test_the_help_takes_the_focus_and_gives_it_back(opened: Page) -> None:
    opened.evaluate("document.querySelector('[data-do=help]').focus()")
    press(opened, "Enter", 13, text="\r")
    opened.wait_for("document.querySelector('dialog').open")
    assert opened.evaluate("document.querySelector('dialog').contains(document.activeElement)")
    press(opened, "Escape", 27)
    opened.wait_for("!document.querySelector('dialog').open")
    assert opened.evaluate("document.activeElement.dataset.do") == "help"
