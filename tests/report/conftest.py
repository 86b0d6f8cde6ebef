"""A folder of results in the layout of ``acinus segment``, from drawn discs; and a strict reader of pages."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from acinus.glands import Glands, gland_polygons, measure_glands, summarise, write_geojson
from acinus.results.tables import write_csv

MPP = 1.0
SIDE = 320
TISSUE_UM2 = 80_000.0


def stained_pixels(seed: int, *, colour: tuple[int, int, int] = (215, 150, 195)) -> np.ndarray:
    """Sharp speckles of nuclei on eosin, crowded in places: tissue everywhere, in focus."""
    rng = np.random.default_rng(seed)
    crowded = 0.2 + 0.15 * np.sin(np.arange(SIDE) / 12.0)
    nuclei = rng.random((SIDE, SIDE, 1)) < crowded[:, None, None]
    ground = np.asarray(colour) + rng.normal(0, 6, (SIDE, SIDE, 3))
    return np.clip(np.where(nuclei, ground * 0.55, ground), 0, 255).astype(np.uint8)


def disc_labels(*glands: tuple[int, int, int]) -> np.ndarray:
    """Labels 1..N of discs given as (x, y, radius)."""
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5
    labels = np.zeros((SIDE, SIDE), np.int32)
    for label, (cx, cy, radius) in enumerate(glands, start=1):
        labels[np.hypot(x - cx, y - cy) <= radius] = label
    return labels


INNER = disc_labels((80, 80, 40), (220, 90, 30), (120, 230, 50), (250, 240, 25))


_MEASURED: dict[bytes, Glands] = {}


class Folder:
    """Adds images and their results to a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.inputs: list[dict[str, str]] = []

    def add(
        self,
        name: str,
        rgb: np.ndarray,
        labels: np.ndarray = INNER,
        *,
        stem: str | None = None,
        **facts: Any,
    ) -> Path:
        folder = self.root / (stem or name)
        folder.mkdir(parents=True)
        source = folder.parent / f"{stem or name}.png"
        Image.fromarray(rgb).save(source)
        edges = cv2.morphologyEx((labels > 0).astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3)))
        Image.fromarray(np.where(edges[..., None] > 0, 0, rgb).astype(np.uint8)).save(folder / "overlay.png")
        key = labels.tobytes()
        if key not in _MEASURED:  # the first image's stain stands for all: measuring is not tested here
            _MEASURED[key] = measure_glands(labels, mpp=MPP, image=rgb)
        glands = _MEASURED[key]
        write_csv(folder / "glands.csv", glands)
        write_geojson(folder / "glands.geojson", gland_polygons(labels, mpp=MPP), name=name, glands=glands)
        height, width = labels.shape
        description = {
            "name": name,
            "path": str(source),
            "width_px": width,
            "height_px": height,
            "mpp": MPP,
            "gland_count": len(glands),
            "gland_area_fraction": float((labels > 0).mean()),
            "quality": 0.8,
            "summary": summarise(glands, tissue_area_um2=TISSUE_UM2),
        }
        known = {key: None if value != value else value for key, value in description["summary"].items()}
        description["summary"] = known  # as orjson writes what is missing
        (folder / "image.json").write_text(json.dumps(description | facts), encoding="utf-8")
        self.inputs.append({"name": name, "path": str(source), "sha256": "0" * 64})
        return folder

    def run(self, **entries: Any) -> None:
        record = {
            "command": "acinus segment images --out results",
            "seed": 7,
            "settings": {"min_gland_um2": 250.0, "grouping": {"rounds": 3}},
            "versions": {"acinus": "0.1.0", "numpy": "2.0.0"},
            "commit": "abc123def456",
            "inputs": self.inputs,
        }
        (self.root / "run.json").write_text(json.dumps(record | entries), encoding="utf-8")


@pytest.fixture
def results(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "results")


@pytest.fixture
def read_page() -> type[Page]:
    """The reader of pages."""
    return Page


@pytest.fixture
def stained() -> Any:
    """Pixels of sharp, stained tissue from a seed."""
    return stained_pixels


@pytest.fixture
def discs() -> Any:
    """Labels of discs."""
    return disc_labels


_VOID = {"meta", "img", "input", "br", "link", "hr"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    children: list[Element] = field(default_factory=list)
    words: list[str] = field(default_factory=list)

    def all(self, tag: str, **attributes: str) -> list[Element]:
        found = []
        for child in self.children:
            matches = all(child.attributes.get(name) == value for name, value in attributes.items())
            if child.tag == tag and matches:
                found.append(child)
            found += child.all(tag, **attributes)
        return found

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.words)).strip()


class Page(HTMLParser):
    """The tree of a page's elements."""

    def __init__(self, path: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.source = path.read_text(encoding="utf-8")
        self.root = Element("root", {})
        self.elements: list[Element] = []
        self._open = [self.root]
        self.feed(self.source)
        self.close()
        assert self._open == [self.root], f"not closed: {[element.tag for element in self._open[1:]]}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"an attribute twice in <{tag}>"
        element = Element(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(element)
        self.elements.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open[-1].tag == tag, f"</{tag}> closes <{self._open[-1].tag}>"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.words.append(data)

    def table(self, identity: str) -> list[list[str]]:
        """Return a table's cells, its heading first."""
        [table] = self.root.all("table", id=identity)
        return [[cell.text for cell in row.children if cell.tag in ("th", "td")] for row in table.all("tr")]

    def warnings(self) -> dict[str, set[str]]:
        """Return the kinds of warnings by image, as its card shows them."""
        found = {}
        for article in self.root.all("article"):
            kinds = {
                element.attributes["data-warning"]
                for element in article.all("p")
                if "data-warning" in element.attributes
            }
            found[article.all("h3")[0].text] = kinds
        return found
