"""Slides of several files are opened through a link, whether the others lie beside it or beside the slide."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from acinus.core.errors import InputError
from acinus.core.geometry import Box
from acinus.slides import open_slide
from acinus.slides.identity import file_identity
from acinus.slides.label_image import read_labels

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")


@pytest.fixture
def slide(tmp_path: Path, rgb: np.ndarray, write_mirax: Callable[[Path, np.ndarray], None]) -> Path:
    """A MIRAX slide of 320 × 240 px."""
    path = tmp_path / "archive" / "slide.mrxs"
    write_mirax(path, rgb)
    return path


def check(link: Path, rgb: np.ndarray) -> None:
    with open_slide(link) as opened:
        assert (opened.format, opened.mpp, opened.path) == ("mirax", 0.5, link)
        whole = opened.read(Box(0, 0, 240, 320), mpp=0.5)
    assert np.abs(whole.astype(int) - rgb).mean() < 3  # a JPEG


def test_a_mirax_slide_is_read_through_a_link_to_its_file_alone(tmp_path, slide, rgb):
    link = tmp_path / "case 7.mrxs"
    link.symlink_to(slide)
    check(slide, rgb)
    check(link, rgb)
    assert file_identity(link) == file_identity(slide)
    assert [part[0] for part in file_identity(link)["parts"]] == ["Data0000.dat", "Index.dat", "Slidedat.ini"]


def test_a_mirax_slide_is_read_through_links_to_file_and_folder_in_a_store(tmp_path, slide, rgb):
    store = tmp_path / "store"
    store.mkdir()
    slide.rename(store / "0a1b")
    slide.with_suffix("").rename(store / "2c3d")
    (tmp_path / "case.mrxs").symlink_to(store / "0a1b")
    (tmp_path / "case").symlink_to(store / "2c3d")
    check(tmp_path / "case.mrxs", rgb)
    assert len(file_identity(tmp_path / "case.mrxs")["parts"]) == 3


@pytest.mark.parametrize("missing", ["", "Slidedat.ini", "Index.dat", "Data0000.dat"])
def test_the_preview_of_a_mirax_slide_is_not_taken_for_the_slide(tmp_path, slide, rgb, missing):
    Image.fromarray(rgb[:64, :64]).save(slide, "JPEG")
    (slide.with_suffix("") / missing).rename(tmp_path / "elsewhere")
    said = (
        r"slide\.mrxs cannot be read without the folder slide beside it and all files in there; copy it whole"
    )
    with pytest.raises(InputError, match=said):
        open_slide(slide)


def test_a_vms_slide_without_the_files_it_names_is_refused(tmp_path):
    text = "[Virtual Microscope Specimen]\nNoLayers=1\nNoJpegColumns=1\nNoJpegRows=1\nImageFile=a.jpg\n"
    (tmp_path / "a.vms").write_text(text + "MapFile=map.jpg\n")
    with pytest.raises(InputError, match=r"a\.vms cannot be read without the files that it names; copy them"):
        open_slide(tmp_path / "a.vms")


def test_a_link_that_leads_nowhere_is_called_that(tmp_path):
    link = tmp_path / "gone.png"
    link.symlink_to("archive/gone.png")
    for read in (open_slide, read_labels):
        with pytest.raises(InputError, match=r"gone\.png is a link that leads nowhere; mend or delete it"):
            read(link)
