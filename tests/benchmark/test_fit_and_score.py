from __future__ import annotations

import numpy as np
import psutil
import pytest

from acinus.benchmark import fit_and_score as module
from acinus.benchmark.fit_and_score import fit_and_score, peak_memory_bytes
from acinus.benchmark.methods import own_methods
from acinus.benchmark.settings import BenchmarkSettings
from acinus.core.errors import UsageError
from acinus.core.image import RgbImage
from acinus.data.sample import Sample

NAMES = [method.name for method in own_methods(BenchmarkSettings())]


@pytest.mark.parametrize("name", NAMES)
def test_every_method_of_the_package_gives_figures_of_both_splits_under_both_mappings(name, job_of, computed):
    result = computed(job_of(name))
    for row in result["rows"].values():
        assert list(row["splits"]) == ["fit", "held-out"]
        for mappings in row["splits"].values():
            assert list(mappings) == ["label_free", "oracle"]
            for scores in mappings.values():
                assert 0.0 <= scores["pooled"]["miou_label_free"] <= 1.0
                assert [sum(counts) for counts in scores["counts"].values()] == [128 * 128] * 2
    assert result["peak_bytes"] > 1e7
    assert result["fit_seconds"] > 0


def test_the_first_round_of_a_fit_is_the_fit_of_one_round(job_of, computed, tiny):
    one_round = tiny.changed({"fit": {"grouping": {"rounds": 1}}})
    several = computed(job_of("acinus"))["rows"]
    one = computed(job_of("acinus-omission", settings=one_round))["rows"]
    assert (list(several), list(one)) == (["", "after round 1", "network alone"], ["", "network alone"])
    assert several["after round 1"]["splits"] == one[""]["splits"]


def test_as_masks_the_agreement_of_both_cues_is_closed_shapes_alone(job_of, computed):
    darkest, shapes, both = (
        computed(job_of(f"stage1-{name}"))["rows"][""]["splits"]
        for name in ("darkest", "shapes", "agreement")
    )
    assert both == shapes != darkest


def test_no_label_is_read_before_all_masks_are_final(monkeypatch, job_of, computed):
    read = []
    image, truth = Sample.image, Sample.truth

    def noted_image(sample: Sample) -> RgbImage:
        read.append("image")
        return image(sample)

    def noted_truth(sample: Sample) -> object:
        read.append("truth")
        return truth(sample)

    monkeypatch.setattr(Sample, "image", noted_image)
    monkeypatch.setattr(Sample, "truth", noted_truth)
    computed(job_of("kmeans-rgb"))
    assert "truth" in read
    assert "image" not in read[read.index("truth") :]


FITTED = """
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Fitted:
    probability: object
    mpp: float = 2.5


@dataclass(frozen=True)
class Clustered(Fitted):
    clusters: object = None
    n_clusters: int = 2
    shared_clusters: bool = True


@dataclass(frozen=True)
class Given:
    fitted: object
    name: str = "given"
    title: str = "Given"
    settings: None = None

    def fit(self, images, *, seed, device, folder):
        return self.fitted


def half(image):
    return np.full(image.shape, 0.5, np.float32)


"""


@pytest.mark.parametrize(
    ("fitted", "message"),
    [
        ("Fitted(lambda image: 0 * half(image) / 0)", "probability of fit-tile_000 goes from nan to nan"),
        ("Fitted(lambda image: 510 * half(image))", "goes from 255 to 255, expected numbers from 0 to 1"),
        ("Fitted(lambda image: -half(image))", "goes from -0.5 to -0.5"),
        (
            "Clustered(half, clusters=lambda image: half(image)[::2])",
            r"clusters of fit-tile_000 have the shape \(64, 128",
        ),
        ("half", r"fit returned a function, expected an object with mpp and probability\(image\)"),
    ],
)
def test_what_a_method_gives_and_no_figure_can_be_made_of_is_refused_in_a_line(
    fitted, message, job_of, computed, tmp_path
):
    path = tmp_path / "given.py"
    path.write_text(f"{FITTED}METHODS = [Given({fitted})]")
    with np.errstate(all="ignore"), pytest.raises(UsageError, match=message):
        computed(job_of("given", files=(path,)))


def test_a_probability_that_interpolation_took_just_beyond_1_is_none_the_worse(job_of, computed, tmp_path):
    path = tmp_path / "given.py"
    path.write_text(f"{FITTED}METHODS = [Given(Fitted(lambda image: 2.00001 * half(image)))]")
    assert computed(job_of("given", files=(path,)))["rows"]


def test_seconds_per_image_are_those_of_segmenting_it(job_of, tmp_path, monkeypatch):
    """By a clock that goes on by 1 s with each probability, by 100 s with clusters and with each reading."""
    now = [0.0]

    def passing(seconds: float, function):
        def timed(*arguments):
            now[0] += seconds
            return function(*arguments)

        return timed

    path = tmp_path / "given.py"
    clusters = "lambda image: np.zeros(image.shape, np.uint8)"
    path.write_text(f"{FITTED}METHODS = [Given(Clustered(half, clusters={clusters}))]")
    job = job_of("given", files=(path,))
    fitted = job.method.fitted
    object.__setattr__(fitted, "probability", passing(1.0, fitted.probability))
    object.__setattr__(fitted, "clusters", passing(100.0, fitted.clusters))
    monkeypatch.setattr(Sample, "image", passing(100.0, Sample.image))
    monkeypatch.setattr(module, "time", type("Clock", (), {"monotonic": lambda: now[0]}))
    result, _ = fit_and_score(job, tmp_path)
    assert result["rows"][""]["seconds_per_image"] == 1.0
    assert result["fit_seconds"] == 0.0


def test_masks_of_the_images_that_the_page_shows_come_with_the_result(job_of, tmp_path):
    job = job_of("acinus")
    result, files = fit_and_score(job, tmp_path)
    rows, names = range(len(result["rows"])), [sample.name for sample in job.splits.shown]
    assert names == ["held-tile_000", "held-tile_001"]
    assert list(files) == [f"masks/{row}/{name}.png" for row in rows for name in names]
    assert all(content.startswith(b"\x89PNG") for content in files.values())


def test_peak_memory_grows_with_what_was_held():
    before = peak_memory_bytes()
    beyond = 100_000_000
    more = before - psutil.Process().memory_info().rss + beyond
    held = np.ones(more, np.uint8)
    assert before + 0.9 * beyond < peak_memory_bytes() < before + 2.0 * beyond
    del held
    assert peak_memory_bytes() > before + 0.9 * beyond
