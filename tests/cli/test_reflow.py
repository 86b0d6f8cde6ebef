from __future__ import annotations


def test_help_breaks_where_the_terminal_does_and_not_where_the_source_does(acinus):
    text = acinus("fit", "--help", COLUMNS="400").stdout
    assert "together: with closed rings, unlike each other, and some without any ring." in text
    assert "Diameters of the smallest and the largest glands in µm, such as 40:1500; by default they" in text
    assert "--gland-size LEAST:MOST" in text
    assert "--empty-gland-size" not in text
