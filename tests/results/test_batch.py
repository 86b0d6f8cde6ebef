"""How a batch went: what failed is kept with its reason, and the log goes away once all is well."""

from __future__ import annotations

from acinus.core.errors import InputError
from acinus.results.batch import BatchResult


def failed(result: BatchResult, name: str, error: Exception) -> None:
    try:
        raise error
    except type(error) as caught:
        result.failed(name, caught)


def test_our_errors_are_their_own_reason_and_others_bear_their_type_in_one_line(tmp_path):
    result = BatchResult(tmp_path)
    failed(result, "a.png", InputError("a.png is empty;\n copy it again"))
    failed(result, "b.png", ValueError("no\nidea"))
    assert [failure.reason for failure in result.failures] == [
        "a.png is empty; copy it again",
        "ValueError: no idea",
    ]
    assert "Traceback" in result.failures[1].details
    assert result.exit_code == 1


def test_the_log_holds_every_traceback_and_goes_away_once_nothing_fails(tmp_path):
    result = BatchResult(tmp_path)
    failed(result, "a.png", ValueError("no idea"))
    path = result.write_log()
    assert path == tmp_path / "failures.log"
    text = path.read_text(encoding="utf-8")
    assert text.startswith("a.png: ValueError: no idea\nTraceback")
    well = BatchResult(tmp_path)
    assert (well.write_log(), well.exit_code, path.exists()) == (None, 0, False)


def test_results_of_another_version_are_one_warning_that_names_three(tmp_path):
    result = BatchResult(tmp_path)
    result.warn_of_outdated()
    assert result.warnings == []
    result.outdated += ["a", "b", "c", "d"]
    result.warn_of_outdated()
    [line] = result.warnings
    assert line.startswith("4 results were made by another version of acinus (a, b, c, ...); delete")


def test_what_is_to_be_said_of_many_inputs_is_one_warning_that_names_three(tmp_path):
    result = BatchResult(tmp_path)
    for name in "abcde":
        result.remark(name, "page 1 of 2 is read")
    result.remark("e", "it is turned", "its colours are those of a palette")
    result.warn_of_remarks()
    assert result.warnings == [
        "a, b, c and 2 more: page 1 of 2 is read",
        "e: it is turned",
        "e: its colours are those of a palette",
    ]


def test_unfamiliar_images_are_one_line_for_each_reason(tmp_path):
    result = BatchResult(tmp_path)
    result.unfamiliar |= {"a": {}, "b": {"look": "dark"}, "c": {"rings": "no ring", "look": "pale"}, "d": {}}
    result.warn_of_unfamiliar()
    assert result.warnings == ["b (and 1 other: unfamiliar in summary.csv): dark", "c: no ring"]
