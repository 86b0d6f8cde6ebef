"""The page: what is in it, what it never does, and that it is there whole or not at all."""

from __future__ import annotations

import csv
import json
import re
import shutil

import numpy as np
import pytest
import tifffile
from PIL import Image

from acinus.core.errors import InputError, OutputError
from acinus.metrics import evaluate_pair, pool
from acinus.report import page, views, write_report
from acinus.report.outlines import read_outlines
from acinus.report.wording import MEASURES, number, trust
from acinus.results.folder import read_results

EVALUATION = {"images": 2, "miou_label_free": 0.7312, "detection_f1": 0.654, "object_hausdorff_um": 61.24}


@pytest.fixture
def batch(results, stained):
    results.add("slide 1", stained(1), quality=None)
    results.add("slide 2", stained(2))
    results.run()
    return results


def test_page_is_well_formed_named_and_in_a_language(batch, read_page):
    read = read_page(write_report(batch.root, title="Two slides", intro="Why.", evaluation=EVALUATION))
    assert read.root.all("html")[0].attributes["lang"] == "en"
    assert read.root.all("title")[0].text == "Two slides"
    assert [heading.text for heading in read.root.all("h1")] == ["Two slides"]
    assert any(meta.attributes.get("name") == "viewport" for meta in read.root.all("meta"))


def test_every_id_is_unique_and_every_inner_link_has_its_target(batch, read_page):
    read = read_page(write_report(batch.root, intro="Why.", evaluation=EVALUATION))
    ids = [element.attributes["id"] for element in read.elements if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    links = [element.attributes["href"] for element in read.elements if "href" in element.attributes]
    assert {link[1:] for link in links if link.startswith("#")} <= set(ids)
    labelled = [element.attributes.get("aria-labelledby") for element in read.elements]
    assert {name for name in labelled if name} <= set(ids)


def test_nothing_is_fetched_from_anywhere(batch, read_page):
    read = read_page(write_report(batch.root, intro="Why.", evaluation=EVALUATION))
    text = re.sub(r"data:image/jpeg;base64,[A-Za-z0-9+/=]+|// Sorts", "", read.source)
    assert re.search(r"https?:|//[a-z]|@import|url\(", text) is None
    sources = [element.attributes["src"] for element in read.elements if "src" in element.attributes]
    assert len(sources) == 2 + 4 + 4  # images, most and least regular glands
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)
    assert {element.tag for element in read.elements} & {"link", "iframe", "object", "embed"} == set()


def test_every_picture_and_chart_is_described_in_words(batch, read_page):
    read = read_page(write_report(batch.root))
    assert all(len(image.attributes["alt"]) > 20 for image in read.root.all("img"))
    alt = read.root.all("img")[0].attributes["alt"]
    assert "slide 1" in alt
    assert "4 glands" in alt
    charts = read.root.all("svg", role="img")
    assert len(charts) == len(read.root.all("figure")) > 5
    assert all("median" in chart.attributes["aria-label"] for chart in charts)


def test_tables_have_captions_and_headings_of_columns_and_rows(batch, read_page):
    read = read_page(write_report(batch.root, evaluation=EVALUATION))
    tables = read.root.all("table")
    assert len(tables) >= 5
    for table in tables:
        assert table.all("caption")[0].text
        assert all(heading.attributes["scope"] in ("col", "row") for heading in table.all("th"))


def test_numbers_of_glands_are_those_of_the_csv(batch, read_page):
    read = read_page(write_report(batch.root))
    heading, *rows = read.table("table-glands")
    assert heading[:3] == ["Image", "Gland", "Cut"]
    shown = {(row[0], row[1]): row[3:] for row in rows}
    assert len(shown) == 8
    for name in ("slide 1", "slide 2"):
        with (batch.root / name / "glands.csv").open(encoding="utf-8", newline="") as file:
            for line in csv.DictReader(file):
                expected = [line[measure.column] or "–" for measure in MEASURES]
                assert shown[name, line["label"]] == expected


def test_numbers_of_images_are_those_of_their_files(batch, read_page):
    read = read_page(write_report(batch.root))
    heading, first, second = read.table("table-images")
    row = dict(zip(heading, first, strict=True))
    facts = json.loads((batch.root / "slide 1" / "image.json").read_text(encoding="utf-8"))
    assert row["Image"] == "slide 1"
    assert row["Glands"] == str(facts["gland_count"]) == "4"
    assert row["Gland area, % of image"] == f"{100 * facts['gland_area_fraction']:.1f}"
    assert row["Gland area, % of tissue"] == f"{100 * facts['summary']['gland_area_um2'] / 80_000:.1f}"
    assert (row["Tissue, mm²"], row["Glands per mm² of tissue"]) == ("0.0800", "50")
    assert row["Clark–Evans"] == f"{facts['summary']['clark_evans']:.2f}"
    assert row["Trust"] == "–"
    assert dict(zip(heading, second, strict=True))["Trust"] != "–"


def test_area_weighted_means_of_images_are_those_of_the_summary(batch, read_page):
    heading, first, _ = read_page(write_report(batch.root)).table("table-means")
    summary = json.loads((batch.root / "slide 1" / "image.json").read_text(encoding="utf-8"))["summary"]
    means = [summary[f"{measure.column}_area_weighted_mean"] for measure in MEASURES]
    shown = ["–" if mean is None else number(mean) for mean in means]
    assert first == ["slide 1", *(text.replace("\u202f", " ") for text in shown)]
    assert heading == ["Image", *(measure.heading for measure in MEASURES)]


def test_first_numbers_are_of_the_tissue_where_it_is_known_and_of_the_image_otherwise(batch, read_page):
    read = read_page(write_report(batch.root))
    labels = [term.text for term in read.root.all("dl")[0].all("dt")]
    assert {"of the tissue is gland", "of tissue"} <= set(labels)
    results_of_old = batch.root / "slide 2" / "image.json"
    facts = json.loads(results_of_old.read_text(encoding="utf-8"))
    del facts["summary"]
    results_of_old.write_text(json.dumps(facts), encoding="utf-8")
    read = read_page(write_report(batch.root))
    assert "of the area is gland" in read.root.text
    heading, _, second = read.table("table-images")
    assert dict(zip(heading, second, strict=True))["Glands per mm² of tissue"] == "–"


def test_trust_is_shown_only_where_it_was_estimated(results, stained, read_page):
    results.add("a", stained(1), quality=None)
    assert "Trust" not in read_page(write_report(results.root)).root.text
    results.add("b", stained(1), quality=0.9)
    text = read_page(write_report(results.root)).root.text
    assert "not estimated" in text
    assert "high (0.90)" in text


@pytest.mark.parametrize(
    ("quality", "level"),
    [
        (0.9, "high"),
        (0.55, "high"),
        (0.54, "fair"),
        (0.5, "fair"),
        (0.45, "fair"),
        (0.44, "low"),
        (0.2, "low"),
    ],
)
def test_trust_is_called_what_the_page_says_of_its_limits(results, stained, read_page, quality, level):
    results.add("a", stained(1), quality=quality)
    read = read_page(write_report(results.root))
    text = read.root.text
    limits = re.search(r"high from ([\d.]+), fair from ([\d.]+), low below", text)
    high, fair = float(limits[1]), float(limits[2])
    assert f"{level} ({quality:.2f})" in text
    assert level == ("high" if quality >= high else "fair" if quality >= fair else "low")


def test_trust_that_is_shown_rounded_is_called_by_what_is_shown():
    assert trust(0.5499) == ("high", "high (0.55)")
    assert trust(0.4449) == ("low", "low (0.44)")


def test_table_of_all_images_is_linked_where_it_was_written(batch, read_page):
    assert "summary.csv" not in read_page(write_report(batch.root)).source
    (batch.root / "summary.csv").write_text("image\n", encoding="utf-8")
    assert 'href="summary.csv"' in read_page(write_report(batch.root)).source


def test_long_tables_are_cut_at_the_largest_glands_and_say_so(batch, read_page, monkeypatch):
    monkeypatch.setattr(page, "MOST_ROWS", 3)
    read = read_page(write_report(batch.root))
    _, *rows = read.table("table-glands")
    areas = [float(row[3]) for row in rows]
    assert len(areas) == 3
    assert areas == sorted(areas, reverse=True)
    assert "the 3 largest of 8" in read.root.all("table", id="table-glands")[0].all("caption")[0].text
    assert 'href="slide%201/glands.csv"' in read.source


def test_large_batches_show_the_first_pictures_and_judge_all(batch, read_page, monkeypatch):
    monkeypatch.setattr(views, "_MOST_PICTURES", 1)
    read = read_page(write_report(batch.root))
    assert list(read.warnings()) == ["slide 1"]
    assert "The first 1 of 2 images" in read.root.text
    assert [row[0] for row in read.table("table-images")[1:]] == ["slide 1", "slide 2"]


def test_figures_against_truth_are_shown_with_what_they_mean(batch, discs, read_page):
    labels = discs((80, 80, 40), (220, 90, 30))
    scores = pool([evaluate_pair(labels, discs((84, 80, 40)), mpp=1.0)]).as_dict()
    read = read_page(write_report(batch.root, evaluation=scores))
    [table] = [table for table in read.root.all("table") if table.attributes.get("class") == "metrics"]
    rows = {row.all("th")[0].text: [cell.text for cell in row.all("td")] for row in table.all("tr")[1:]}
    assert rows["mIoU"][0] == f"{scores['miou_label_free']:.3f}"
    assert rows["Object Hausdorff"][0] == f"{scores['object_hausdorff_um']:.1f} µm"
    assert all(len(meaning) > 30 for _, meaning in rows.values())
    assert "Against the truth" not in read_page(write_report(batch.root)).source


def test_method_is_explained_with_an_intro_alone(batch, read_page):
    assert "three steps" not in read_page(write_report(batch.root)).source
    read = read_page(write_report(batch.root, intro="Drawn <images> & truth."))
    assert len(read.root.all("ol")[0].all("li")) == 3
    assert read.root.all("header")[0].all("p")[1].text == "Drawn <images> & truth."


def test_command_settings_versions_and_checksums_are_listed(batch, read_page):
    text = read_page(write_report(batch.root)).root.text
    for words in (
        "acinus segment images --out results",
        "grouping.rounds",
        "numpy",
        "abc123def456",
        "0" * 64,
    ):
        assert words in text


def test_checksum_of_a_slide_says_of_which_part_it_is(batch, read_page):
    slide = {"name": "slide 3", "path": "c.svs", "size_bytes": 5, "sha256_of_ends": "ab" * 32}
    batch.run(inputs=[batch.inputs[0], slide, {"name": "bare", "path": "d.png"}])
    read = read_page(write_report(batch.root))
    [table] = [one for one in read.root.all("table") if one.all("caption")[0].text == "Inputs"]
    shown = {row.all("th")[0].text: row.all("td")[1].text for row in table.all("tr")[1:]}
    assert shown == {
        "slide 1": "0" * 64,
        "slide 3": "ab" * 32 + " first and last MiB",
        "bare": "",
    }


def test_names_with_special_characters_are_escaped(results, stained, read_page):
    name = "<script>alert(\"x\")</script> & 'µ' {{ 7 * 7 }}"
    results.add(name, stained(1), stem="a b#c%?")
    results.run(command="acinus <b>")
    read = read_page(write_report(results.root, title='"Q" <i>'))
    assert len(read.root.all("script")) == 1
    assert read.root.all("h1")[0].text == '"Q" <i>'
    assert read.root.all("article")[0].all("h3")[0].text == name
    assert 'href="a%20b%23c%25%3F/glands.csv"' in read.source


def test_missing_image_leaves_the_overlay_and_missing_overlay_the_numbers(results, stained, read_page):
    results.add("gone", stained(1))
    bare = results.add("bare", stained(2))
    for name in ("gone", "bare"):
        (results.root / f"{name}.png").unlink()
    (bare / "overlay.png").unlink()
    read = read_page(write_report(results.root))
    articles = {article.all("h3")[0].text: article for article in read.root.all("article")}
    assert len(articles["gone"].all("img")) == 1
    assert len(articles["bare"].all("img")) == 0
    assert "4" in articles["bare"].all("dd")[0].text
    assert read.warnings() == {"gone": {"source"}, "bare": {"source"}}


def test_overlay_of_a_slide_is_shown_and_its_outlines_count_from_where_its_results_say(results, stained):
    folder = results.add("slide", stained(1), origin={"from": "bounds", "x_px": 100, "y_px": 7})
    (folder / "overlay.png").rename(folder / "overlay.jpg")
    image = read_results(folder).images[0]
    assert image.overlay_file == folder / "overlay.jpg"
    file, origin_px = image.outlines_file, image.record.origin_px
    here, there = (read_outlines(file, origin_px=o)[1][0] for o in ((0.0, 0.0), origin_px))
    assert np.allclose(there - here, (100, 7))


def test_scale_bar_of_an_overlay_is_that_of_the_part_it_shows(results, stained, read_page):
    scanned = {"x_px": 100, "y_px": 7, "width_px": 160, "height_px": 200}
    for name, facts in (("whole", {}), ("part", {"scanned": scanned})):
        results.add(name, stained(1), **facts)
        (results.root / f"{name}.png").unlink()
    read = read_page(write_report(results.root))
    bars = {}
    for article in read.root.all("article"):
        [bar] = article.all("span", **{"class": "scale"})
        bars[article.all("h3")[0].text] = (bar.text, bar.attributes["style"])
    # At most 28 % of 320 µm and of 160 µm: 50 µm of 320 are 15.625 %, 20 µm of 160 are 12.5 %.
    assert bars == {"whole": ("50 µm", "width: 15.625%"), "part": ("20 µm", "width: 12.5%")}


@pytest.mark.parametrize("scanned", [{"x_px": 0, "y_px": 0, "width_px": 0, "height_px": 5}, {"x_px": 1}, 7])
def test_garbled_part_that_was_scanned_is_named(batch, scanned):
    file = batch.root / "slide 1" / "image.json"
    file.write_text(json.dumps(json.loads(file.read_text("utf-8")) | {"scanned": scanned}), "utf-8")
    read = read_results(batch.root)
    assert [image.name for image in read.images] == ["slide 2"]
    assert "slide 1/image.json is damaged (scanned" in read.problems[0]


def test_source_with_a_damaged_tile_leaves_its_overlay_and_the_page_of_the_others(
    results, stained, read_page
):
    tif = results.root / "damaged.tif"
    results.add("damaged", stained(1), path=str(tif))
    results.add("whole", stained(2))
    tifffile.imwrite(tif, stained(1), tile=(64, 64), compression="zlib", photometric="rgb")
    with tifffile.TiffFile(tif) as file:
        page = file.pages[0]
        start, count = page.dataoffsets[7], page.databytecounts[7]
    content = bytearray(tif.read_bytes())
    content[start : start + count] = b"\xff" * count
    tif.write_bytes(content)
    read = read_page(write_report(results.root))
    assert read.warnings() == {"damaged": {"source"}, "whole": set()}
    articles = {article.all("h3")[0].text: article for article in read.root.all("article")}
    assert [len(articles[name].all("img")) for name in ("damaged", "whole")] == [1, 1]
    assert [len(articles[name].all("path")) for name in ("damaged", "whole")] == [0, 4]  # drawn in the pixels
    assert "damaged" in next(p.text for p in articles["damaged"].all("p") if "data-warning" in p.attributes)
    crops = [crop for gallery in read.root.all("ul", **{"class": "gallery"}) for crop in gallery.all("li")]
    assert crops
    assert all(crop.all("strong")[0].text.startswith("whole, ") for crop in crops)


def test_results_left_over_under_a_hidden_name_are_no_results(batch):
    shutil.copytree(batch.root / "slide 1", batch.root / ".slide 1.abcdef12.old")
    read = read_results(batch.root)
    assert [image.folder.name for image in read.images] == ["slide 1", "slide 2"]
    assert read.problems == ()


def test_image_replaced_by_one_of_another_size_is_not_drawn_upon(results, stained, read_page):
    results.add("swapped", stained(1))
    Image.fromarray(stained(2)[:200]).save(results.root / "swapped.png")
    assert read_page(write_report(results.root)).warnings()["swapped"] == {"source"}


def test_single_image_folder_without_run_file_has_a_page(results, stained, read_page):
    folder = results.add("only", stained(1))
    written = write_report(folder)
    assert written == folder / "report.html"
    read = read_page(written)
    assert read.root.all("h1")[0].text == "Glands of only"
    assert "no run file" in read.root.text


def test_damaged_and_missing_results_are_named_and_the_others_shown(batch, read_page):
    (batch.root / "slide 2" / "glands.csv").write_text("label\n1\n", encoding="utf-8")
    batch.run(inputs=[*batch.inputs, {"name": "slide 3", "path": "x.png", "sha256": ""}])
    read = read_page(write_report(batch.root))
    assert list(read.warnings()) == ["slide 1"]
    notice = next(section for section in read.root.all("section") if "notice" in section.attributes["class"])
    assert "slide 2/glands.csv" in notice.text
    assert "no result for 2 of 3 inputs: slide 2, slide 3" in notice.text


def test_image_without_glands_has_a_page_without_statistics(results, stained, discs, read_page):
    results.add("bare", stained(1), discs())
    read = read_page(write_report(results.root))
    assert read.root.all("figure") == []
    assert read.warnings() == {"bare": {"empty"}}


def test_folder_without_results_ends_in_one_line(tmp_path):
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(InputError, match="acinus segment") as caught:
            write_report(folder)
        assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_report_is_whole_or_absent(batch, monkeypatch):
    before = sorted(batch.root.iterdir())

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("pathlib.Path.write_text", fail)
        with pytest.raises(OutputError, match="no space left"):
            write_report(batch.root)
    assert sorted(batch.root.iterdir()) == before
    first = write_report(batch.root).read_bytes()
    assert write_report(batch.root).read_bytes() == first


def test_page_goes_where_it_is_told_with_links_that_still_lead_to_the_tables(batch, tmp_path):
    assert write_report(batch.root, tmp_path / "new" / "page.html") == tmp_path / "new" / "page.html"
    assert 'href="../results/slide%201/glands.csv"' in (tmp_path / "new" / "page.html").read_text("utf-8")
    assert write_report(batch.root, tmp_path / "new") == tmp_path / "new" / "report.html"
