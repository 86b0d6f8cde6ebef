"""Links between pages lead somewhere: files exist, headings exist, addresses are well formed."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlparse

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path
    for folder in (".", "docs", "docs/reference", "examples", "benchmarks", "benchmarks/slides")
    for path in (ROOT / folder).glob("*.md")
)
LINK = re.compile(r"\]\(([^()\s]+)\)")


def text_of(page: Path) -> str:
    """A page without its blocks of code, in which brackets mean something else."""
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def slug(heading: str) -> str:
    """The anchor that GitHub and MyST give a heading."""
    shown = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", shown).replace(" ", "-")


def anchors(page: Path) -> set[str]:
    return {slug(heading) for heading in re.findall(r"^#+ (.*)$", text_of(page), flags=re.MULTILINE)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page):
    wrong = []
    for target in LINK.findall(text_of(page)):
        if "://" in target or target.startswith("mailto:"):
            address = urlparse(target)
            if address.scheme != "https" or "." not in address.netloc:
                wrong.append(f"{target}: not an https address")
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path) if path else page
        generated = file.is_relative_to(ROOT / "docs" / "reference" / "api")
        if not file.exists() and not generated:
            wrong.append(f"{target}: no such file")
        elif anchor and file.suffix == ".md" and anchor not in anchors(file):
            wrong.append(f"{target}: no such heading")
    assert not wrong


def test_pages_that_the_package_names_exist():
    named = {
        name
        for source in (ROOT / "src").rglob("*.py")
        for name in re.findall(r"docs/[\w/-]+\.md", source.read_text(encoding="utf-8"))
    }
    assert "docs/adding-a-method.md" in named
    assert sorted(name for name in named if not (ROOT / name).is_file()) == []


def test_anchors_are_those_of_the_site():
    assert slug("Area under the ROC curve, benign against `malignant`") == (
        "area-under-the-roc-curve-benign-against-malignant"
    )
    assert slug("[0.2.0] - 2026-11-27") == "020---2026-11-27"
    assert slug("How a slide's colours are used") == "how-a-slides-colours-are-used"


def test_every_page_is_on_the_site():
    contents = [(ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("index.md", "results.md")]
    listed = re.findall(r"^[\w/-]+$", "\n".join(contents), flags=re.MULTILINE)
    pages = {
        str(path.relative_to(ROOT / "docs").with_suffix(""))
        for path in PAGES
        if path.is_relative_to(ROOT / "docs")
    }
    assert pages - {"index"} == set(listed) - {"reference/api/index"}
