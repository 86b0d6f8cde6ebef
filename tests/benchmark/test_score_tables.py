from __future__ import annotations

import csv
import io
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from acinus.benchmark import score_tables as module
from acinus.benchmark.bootstrap import paired_bootstrap
from acinus.benchmark.comparison import miou_chart
from acinus.benchmark.published import PUBLISHED
from acinus.benchmark.rows import differences, gather, merge_folds
from acinus.benchmark.score_tables import Table, differences_csv, markdown, results_csv, tables
from acinus.metrics import evaluate_pair, pool


def _scores(wrong: int) -> dict[str, Any]:
    """Scores of two images of 100 pixels, half gland, of which `wrong` columns of ten pixels are missed."""
    truth = np.zeros((10, 10), np.int32)
    truth[:, :5] = 1
    found = truth.copy()
    found[:, :wrong] = 0
    images = [evaluate_pair(found, truth, mpp=0.5, name=name) for name in ("a", "b")]
    counts = {image.name: [50 - 10 * wrong, 0, 10 * wrong, 50] for image in images}
    sums = {image.name: image.sums_as_plain() for image in images}
    return {"pooled": pool(images).as_dict(), "counts": counts, "sums": sums}


def _result(method: str, seed: int, wrong: int, *, stages: tuple[str, ...] = ()) -> dict[str, Any]:
    def row(extra: int) -> dict[str, Any]:
        scores = {"label_free": _scores(wrong + extra), "oracle": _scores(0)}
        return {"seconds_per_image": 0.5, "clusters": 2, "splits": {"fit": scores, "held-out": scores}}

    rows = {"": row(0)} | {stage: row(1) for stage in stages}
    facts = {"fit_seconds": 2.0 + seed, "peak_bytes": 2_000_000_000, "collapsed": False}
    return {"method": method, "title": method.upper(), "seed": seed, "rows": rows, **facts}


def _fold(names: str, wrong: int, unseen: str, wrong_unseen: int) -> dict[str, Any]:
    """The result of a fold that learns from some images and holds out others."""

    def of(images: str, missed: int) -> dict[str, Any]:
        scores = _scores(missed)
        for part in ("counts", "sums"):
            scores[part] = dict(zip(images, scores[part].values(), strict=True))
        return {"label_free": scores, "oracle": scores}

    result = _result("acinus", 0, 1)
    result["rows"][""]["splits"] = {"fit": of(names, wrong), "held-out": of(unseen, wrong_unseen)}
    return result | {"settings": {}}


@pytest.fixture
def rows():
    return gather(
        [
            *(_result("picie", seed, wrong) for seed, wrong in enumerate((2, 3))),
            *(_result("acinus", seed, 1, stages=("after round 1",)) for seed in range(2)),
        ]
    )


def test_a_stage_stands_before_its_method_and_costs_nothing_of_its_own(rows):
    assert [row.title for row in rows] == ["PICIE", "ACINUS, after round 1", "ACINUS"]
    assert rows[1].fit_seconds is None
    assert rows[2].fit_seconds.text(1) == "2.5 ± 0.7"


def test_every_split_has_a_table_of_each_mapping_with_means_and_spreads(rows):
    # IoUs of gland and background: 30/50 and 50/70; 20/50 and 50/80
    values = [(0.6 + 5 / 7) / 2, (0.4 + 5 / 8) / 2]
    expected = f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}"
    text = markdown(tables(rows, published=False))
    assert text.count(f"| PICIE | {expected} |") == 2
    assert text.count("| PICIE | 1.000 ± 0.000 |") == 2
    assert "published" not in text


def test_folds_are_pooled_and_each_shown_beside_its_difference():
    # In ten columns: 1 and 3 of the 5 of gland are missed where learnt from, 2 and 3 where held out.
    folds = [_fold("ab", 1, "cd", 2), _fold("cd", 3, "ab", 3)]
    merged = merge_folds([fold | {"fit_seconds": 4.0 * i, "peak_bytes": i} for i, fold in enumerate(folds)])
    [row] = gather([merged])
    of = [(4 / 5 + 5 / 6) / 2, (2 / 5 + 5 / 8) / 2, (3 / 5 + 5 / 7) / 2, (2 / 5 + 5 / 8) / 2]
    assert row.folds("fit") == pytest.approx(of[:2])
    assert row.folds("held-out") == pytest.approx(of[2:])
    # 5 of 10 columns of gland are found, 5 are missed beside 10 of background.
    pooled = (5 / 10 + 10 / 15) / 2
    assert row.metric("held-out", "label_free", "miou_label_free").mean == pytest.approx(pooled)
    assert row.counts("held-out").shape == (1, 4, 4)
    assert (row.fit_seconds.mean, row.peak_bytes.mean) == (2.0, 1.0)
    falls = [of[0] - of[2], of[1] - of[3]]
    pairs = f"{of[0]:.3f}, {of[2]:.3f} | {of[1]:.3f}, {of[3]:.3f}"
    assert f"| ACINUS | {pairs} | {np.mean(falls):.3f} ± {np.std(falls, ddof=1):.3f} |" in markdown(
        tables([row], published=False)
    )


def test_an_image_that_several_folds_learn_from_counts_once_in_the_bootstrap():
    folds = [_fold("ab", 1, "ef", 2), _fold("be", 3, "af", 2), _fold("ae", 3, "bf", 2)]
    [row] = gather([merge_folds(folds)])
    assert row.counts("fit")[0].tolist() == [[60, 0, 40, 100], [60, 0, 40, 100], [40, 0, 60, 100]]


def test_classes_are_scored_apart_in_their_own_order_and_images_without_one_left_out():
    scores = _scores(0)
    # a: 30 of 50 gland pixels found; b: 10 of 50; c: all of both, and of no class
    scores["counts"] = {"a": [30, 0, 20, 50], "b": [10, 0, 40, 50], "c": [50, 0, 0, 50]}
    result = _result("acinus", 0, 0)
    result["rows"][""]["splits"] = {"fit": {"label_free": scores, "oracle": _scores(0)}}
    grades = {"a": "tumour", "elsewhere": "none", "b": "benign"}
    [table] = [t for t in tables(gather([result]), published=False, grades=grades) if "by class" in t.title]
    assert table.headings == ["method", "tumour (1)", "benign (1)"]
    assert table.cells == [["ACINUS", f"{(30 / 50 + 50 / 70) / 2:.3f}", f"{(10 / 50 + 50 / 90) / 2:.3f}"]]
    assert "by class" not in markdown(tables(gather([result]), published=False))


def test_where_labels_join_glands_only_pixels_are_scored(rows):
    table = tables(rows, published=False, glands=False)[0]
    assert table.headings == ["method", "mIoU", "per-image mIoU", "gland IoU", "pixel Dice"]
    [line, *_] = csv.DictReader(io.StringIO(results_csv(rows, glands=False)))
    glands = ("detection", "object", "f1_iou50", "panoptic", "segmentation")
    assert not [name for name in line if name.startswith(glands)]
    assert {"miou_mean", "pixel_dice_mean", "gland_iou_mean", "fit_seconds_mean"} <= set(line)


def test_published_figures_are_marked_with_their_source_and_only_on_glas(rows):
    text = markdown(tables(rows, published=True))
    assert "| 39.3 and 48.8 |" in text
    assert "| PiCIE | 48.8 | none | MSSG: Zhang et al., MICCAI 2023" in text
    assert "None of these was computed here" in text
    chart = miou_chart(rows, "fit", published=True)
    assert chart.count(">published: ") == len(PUBLISHED)
    assert ">published: " not in miou_chart(rows, "fit", published=False)


def test_the_csv_has_every_metric_of_each_row_split_and_mapping(rows):
    lines = list(csv.DictReader(io.StringIO(results_csv(rows))))
    assert len(lines) == 3 * 2 * 2
    one = next(line for line in lines if line["title"] == "ACINUS" and line["mapping"] == "label_free")
    assert float(one["miou_mean"]) == pytest.approx((0.8 + 5 / 6) / 2)
    assert float(one["miou_sd"]) == 0.0
    assert float(one["peak_bytes_mean"]) == 2e9
    assert {"detection_f1_mean", "object_hausdorff_um_sd", "miou_image_mean_mean"} <= set(one)
    assert len(list(csv.DictReader(io.StringIO(differences_csv(rows))))) == 3 * 2


def test_the_best_method_stands_against_every_other_one_also_of_the_same_figures(rows):
    twin = gather([_result("iic", seed, 1) for seed in range(2)])
    all_rows = [*rows, *twin]  # ACINUS and IIC are equally good
    fit, held = (table for table in tables(all_rows, published=False) if "compared with the" in table.title)
    assert (fit.title, held.title) == (
        "ACINUS compared with the others, training images",
        "ACINUS compared with the others, held-out images",
    )
    # IoUs of gland and background: 40/50 and 50/60 against 30/50 and 50/70, and 20/50 and 50/80
    best, two, three = (4 / 5 + 5 / 6) / 2, (3 / 5 + 5 / 7) / 2, (2 / 5 + 5 / 8) / 2
    means = [best - (two + three) / 2, best - two, 0.0]
    assert [cells[:2] for cells in held.cells] == [
        [title, f"{mean:+.3f}"]
        for title, mean in zip(("PICIE", "ACINUS, after round 1", "IIC"), means, strict=True)
    ]


def test_of_two_images_no_interval_is_given(rows):
    _, held = (table for table in tables(rows, published=False) if "compared with the" in table.title)
    assert [cells[2:] for cells in held.cells] == [["", ""], ["", ""]]
    assert "no interval, which needs at least 5 images" in held.note
    for line in csv.DictReader(io.StringIO(differences_csv(rows))):
        assert (line["low_95"], line["high_95"]) == ("", "")
        assert float(line["miou_difference"]) >= 0


def test_of_enough_images_the_interval_is_that_of_the_bootstrap(rows, monkeypatch):
    monkeypatch.setattr("acinus.benchmark.bootstrap.LEAST_IMAGES", 2)
    monkeypatch.setattr(module, "LEAST_IMAGES", 2)
    _, held = (table for table in tables(rows, published=False) if "compared with the" in table.title)
    low, high = paired_bootstrap(rows[2].counts("held-out"), rows[0].counts("held-out")).interval
    assert held.cells[0][2:] == [f"{low:+.3f} to {high:+.3f}", "yes"]
    assert "paired bootstrap over images" in held.note
    lines = list(csv.DictReader(io.StringIO(differences_csv(rows))))
    assert (float(lines[1]["low_95"]), float(lines[1]["high_95"])) == (low, high)


def test_differences_name_the_higher_row_first(rows):
    for better, other, difference in differences(rows, "fit"):
        assert difference.mean > 0
        assert better is not other
    assert {better.title for better, _, _ in differences(rows, "fit")} == {"ACINUS", "ACINUS, after round 1"}


def test_bars_are_as_long_as_the_figures_and_published_ones_are_only_outlines(rows):
    root = ET.fromstring(miou_chart(rows, "held-out", published=True))
    bars = [float(e.get("width")) for e in root.iter() if e.get("class") == "bar"]
    miou = [row.metric("held-out", "label_free", "miou_label_free").mean for row in rows]
    assert np.allclose(np.array(bars) / bars[0], np.array(miou) / miou[0], atol=1e-3)
    assert sum(e.get("class") == "empty" for e in root.iter()) == len(PUBLISHED)
    assert sum(e.get("class") == "reference" for e in root.iter()) == len(rows)


def test_peak_memory_that_was_not_measured_stays_empty():
    results = [_result("picie", 0, 1), _result("acinus", 0, 1) | {"peak_bytes": None}]
    measured, not_measured = gather(results)
    assert (measured.peak_bytes.mean, not_measured.peak_bytes) == (2e9, None)
    [costs] = [table for table in tables([measured, not_measured], published=False) if "Time" in table.title]
    assert [cells[3] for cells in costs.cells] == ["2.00", ""]
    line = next(csv.DictReader(io.StringIO(results_csv([not_measured]))))
    assert float(line["fit_seconds_mean"]) == 2.0
    assert not [name for name in line if name.startswith("peak_bytes")]
    folds = [_fold("ab", 1, "cd", 2), _fold("cd", 3, "ab", 3) | {"peak_bytes": None}]
    assert merge_folds(folds)["peak_bytes"] is None


def test_columns_of_numbers_are_known_by_their_cells():
    cells = [["1st", "0.5 ± 0.1", "-0.1 to +0.2", "", "yes"], ["2nd", "", "+3", "", "no"]]
    assert Table("", "", list("abcde"), cells).numeric == {0, 1, 2}
    assert Table("", "", list("ab"), []).numeric == frozenset()
