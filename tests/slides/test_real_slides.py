from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from acinus.core.errors import InputError, MppError
from acinus.core.geometry import Box, Size
from acinus.slides import describe, open_slide, overview, read_image, read_labels, resolved_mpp, tissue_mask
from acinus.slides.openslide_source import OpenSlideSource
from acinus.slides.tiff_source import TiffSource

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def slides(acinus_data: Path) -> Path:
    return acinus_data / "slides"


def test_an_svs_gives_its_size_its_resolution_and_its_objective(slides):
    with open_slide(slides / "CMU-1-Small-Region.svs") as slide:
        assert (slide.size, slide.mpp, slide.objective_power) == (Size(2220, 2967), 0.499, 20.0)
        assert (slide.format, slide.backend, slide.bounds) == ("aperio", "openslide", Box(0, 0, 2220, 2967))
        assert len(slide.levels) == 1


def test_both_libraries_read_the_same_pixels_of_an_svs(slides):
    box = Box(101, 333, 900, 700)
    for name in ("CMU-1-Small-Region.svs", "tcga-cr-7395-01a-01-ts1.svs"):
        one, other = OpenSlideSource(slides / name), TiffSource(slides / name)
        assert np.abs(one.read_level(0, box).astype(int) - other.read_level(0, box)).max() <= 2
        one.close()
        other.close()


def test_tiles_of_an_svs_join_without_a_seam(slides):
    with open_slide(slides / "CMU-1-Small-Region.svs") as slide:
        whole = slide.read_working(Box(60, 110, 300, 300), mpp=2.0)
        part = slide.read_working(Box(160, 190, 150, 150), mpp=2.0)
        assert np.abs(part.astype(int) - whole[80:230, 100:250]).max() <= 1


def test_the_levels_of_a_pyramid_agree_best_without_a_shift(slides):
    with open_slide(slides / "tcga-cr-7395-01a-01-ts1.svs", mpp=0.25) as slide:
        box = Box(1000, 1200, 800, 800)
        fine = slide.read(box, mpp=0.25).reshape(200, 4, 200, 4, 3).mean(axis=(1, 3))
        errors = {  # mpp 1.0 is read from level 1
            shift: np.abs(fine - slide.read(Box(box.x + shift, box.y, 800, 800), mpp=1.0)).mean()
            for shift in (-2, 0, 2)
        }
    assert errors[0] < 5  # grey levels: both are lossy
    assert min(errors[-2], errors[2]) > 1.5 * errors[0]


def test_a_slide_without_resolution_opens_and_asks_for_it_when_it_is_needed(slides):
    with open_slide(slides / "tcga-cr-7395-01a-01-ts1.svs") as slide:
        assert slide.mpp is None
        with pytest.raises(MppError, match=r"tcga-cr-7395-01a-01-ts1\.svs has no µm/px; pass --mpp"):
            slide.read(Box(0, 0, 100, 100), mpp=1.0)


def test_an_absurd_resolution_is_shown_but_not_used(slides):
    facts = describe(slides / "absurd-mpp.dicom")
    assert facts["mpp"] == pytest.approx(16.783)
    assert facts["width_mm"] is None
    assert (facts["format"], facts["width_px"], facts["height_px"]) == ("dicom", 957, 715)
    with open_slide(slides / "absurd-mpp.dicom") as slide, pytest.raises(MppError, match="pass --mpp"):
        resolved_mpp(slide)
    with open_slide(slides / "absurd-mpp.dicom", mpp=0.5) as slide:
        assert slide.read(Box(0, 0, 957, 715), mpp=1.0).shape == (358, 478, 3)


def test_a_corrupt_slide_is_refused_in_one_line(slides, tmp_path):
    with pytest.raises(InputError, match=r"^broken\.svs .* copy it again$"):
        open_slide(slides / "broken.svs")
    data = (slides / "CMU-1-Small-Region.svs").read_bytes()
    (tmp_path / "cut.svs").write_bytes(data[:900_000])
    with pytest.raises(InputError, match=r"^cut\.svs is damaged or truncated; copy it again$"):
        open_slide(tmp_path / "cut.svs")


def test_a_slide_damaged_inside_is_refused_when_it_is_read(slides, tmp_path):
    data = bytearray((slides / "tcga-cr-7395-01a-01-ts1.svs").read_bytes())
    data[200_000:2_500_000] = bytes(2_300_000)
    (tmp_path / "hole.svs").write_bytes(data)
    with (
        open_slide(tmp_path / "hole.svs", mpp=0.5) as slide,
        pytest.raises(InputError, match=r"hole\.svs cannot be decoded"),
    ):
        slide.read(Box(0, 0, slide.size.width, slide.size.height), mpp=0.5)


def test_a_strip_tiff_with_hardly_any_tissue_is_read_and_holds_none(slides):
    with open_slide(slides / "kidney-48-5.tif", mpp=0.5) as slide:
        assert (slide.backend, slide.size) == ("tifffile", Size(1493, 901))
        assert not tissue_mask(overview(slide), mpp=8.0).any()


def test_tissue_of_a_slide_is_found_and_its_green_ink_is_not(slides):
    with open_slide(slides / "CMU-1-Small-Region.svs") as slide:
        rgb = overview(slide)
    mask = tissue_mask(rgb, mpp=8.0)
    assert 0.35 < mask.mean() < 0.45
    assert mask[150:175, 50:75].all()  # the body of the tissue
    assert not mask[:, :25][100:].any()  # glass


def test_a_reader_works_in_another_process(slides):
    with open_slide(slides / "CMU-1-Small-Region.svs") as slide:
        copy = pickle.loads(pickle.dumps(slide))
        box = Box(700, 900, 64, 64)
        assert np.array_equal(copy.read(box, mpp=0.499), slide.read(box, mpp=0.499))
        copy.close()


def test_a_small_slide_is_read_whole_as_an_image(slides):
    image = read_image(slides / "CMU-1-Small-Region.svs")
    assert (image.shape, image.mpp, image.name) == ((2967, 2220), 0.499, "CMU-1-Small-Region")


def test_labels_of_glas_are_as_many_as_the_file_says(acinus_data):
    labels = read_labels(acinus_data / "glas" / "train" / "train_1_anno.png")
    assert labels.shape == (522, 775)
    assert np.unique(labels).tolist() == list(range(labels.max() + 1))
