from __future__ import annotations

import pytest
import torch

from acinus.core.image import RgbImage
from acinus.data.sample import Sample
from acinus.pipeline.benchmark.compute import peak_memory_bytes
from acinus.pipeline.benchmark.methods import own_methods
from acinus.pipeline.benchmark.plan import Plan

NAMES = [method.name for method in own_methods(Plan())]


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


def test_the_first_round_of_a_fit_is_the_fit_of_one_round(job_of, computed, tiny_plan):
    one_round = Plan(
        fit={**tiny_plan.fit, "grouping": {**tiny_plan.fit["grouping"], "rounds": 1}},
        baselines=tiny_plan.baselines,
        synthetic=tiny_plan.synthetic,
    )
    several = computed(job_of("acinus"))["rows"]
    one = computed(job_of("acinus-no-omission", plan=one_round))["rows"]
    assert (list(several), list(one)) == (["", "after round 1", "network alone"], ["", "network alone"])
    assert several["after round 1"]["splits"] == one[""]["splits"]


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


def test_peak_memory_grows_with_what_was_held():
    before = peak_memory_bytes()
    held = torch.ones(100_000_000, dtype=torch.uint8)
    assert peak_memory_bytes() >= before
    del held
    assert peak_memory_bytes() < 1e12
