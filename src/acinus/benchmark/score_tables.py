"""The tables: for people in Markdown, for programs in CSV with every metric."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from acinus.benchmark.bootstrap import LEAST_IMAGES, Difference, paired_bootstrap
from acinus.benchmark.published import PUBLISHED
from acinus.benchmark.rows import MAPPINGS, Row, Spread, differences

__all__ = ["WHERE", "Table", "differences_csv", "markdown", "results_csv", "tables"]

_COLUMNS = {
    "mIoU": ("miou_label_free", 3),
    "per-image mIoU": ("miou_label_free_image_mean", 3),
    "gland IoU": ("gland_iou", 3),
    "pixel Dice": ("pixel_dice", 3),
    "F1": ("detection_f1", 3),
    "object Dice": ("object_dice", 3),
    "object Hausdorff, px": ("object_hausdorff_px", 1),
    "object Hausdorff, µm": ("object_hausdorff_um", 1),
    "F1 at IoU 0.5": ("f1_iou50", 3),
    "PQ": ("panoptic_quality", 3),
}
"""Headings, the metric and its digits; ``miou_label_free`` is that of the masks scored, the oracle's too."""

WHERE = {"fit": "training images", "held-out": "held-out images"}
"""What tables and charts call the splits."""

_MAPPING_TITLES = {
    "label_free": "label-free: each method's own mapping",
    "oracle": "oracle: clusters named by the truth, which no real tool could do",
}


_GLAND_METRICS = ("detection_", "object_", "f1_iou50", "panoptic_", "segmentation_", "recognition_")
"""How the names of metrics begin that compare glands, not pixels."""

_NUMBER = re.compile(r"[+-]?\d|$")


@dataclass(frozen=True)
class Table:
    """A table of text: a title, what to know about it, headings and cells; the first column has names."""

    title: str
    note: str
    headings: list[str]
    cells: list[list[str]]

    @property
    def numeric(self) -> frozenset[int]:
        """Columns of numbers, which a page aligns and sorts as such.

        Examples
        --------
        >>> sorted(Table("", "", ["name", "F1", "of"], [["a", "0.5 ± 0.1", "b"], ["c", "", ""]]).numeric)
        [1]
        """
        columns = enumerate(zip(*self.cells, strict=True))
        return frozenset(i for i, column in columns if any(column) and all(map(_NUMBER.match, column)))


def tables(
    rows: Sequence[Row], *, published: bool, glands: bool = True, grades: Mapping[str, str] | None = None
) -> list[Table]:
    """Return all tables of a benchmark.

    Parameters
    ----------
    rows : sequence of Row
        At least one.
    published : bool
        Whether the figures that others published (on GlaS) belong beside these.
    glands : bool
        Whether labels tell glands apart; without, columns that score whole glands are left out.
    grades : mapping of str to str, optional
        Class or grade of each image by its name, for a table by class.
    """
    found = [
        _scores(rows, split, mapping, published=published, glands=glands)
        for split in rows[0].scores
        for mapping in MAPPINGS
    ]
    if grades:
        found += [_by_grade(rows, split, grades) for split in rows[0].scores]
    if rows[0].folds("fit"):
        found.append(_folds(rows))
    found.append(_costs(rows))
    found += [_against_best(rows, split) for split in rows[0].scores if len(rows) > 1]
    if published:
        found.append(_published())
    return found


def markdown(all_tables: Sequence[Table]) -> str:
    r"""Return the tables as Markdown.

    Examples
    --------
    >>> print(markdown([Table("Colours", "", ["method", "F1"], [["a|b", "0.5"]])]))
    ## Colours
    <BLANKLINE>
    | method | F1 |
    |---|---:|
    | a\|b | 0.5 |
    <BLANKLINE>
    """
    parts = []
    for table in all_tables:
        lines = [f"## {table.title}", ""]
        if table.note:
            lines += [table.note, ""]
        lines.append(_line(table.headings))
        lines.append("|---" + "|---:" * (len(table.headings) - 1) + "|")
        lines += [_line(cells) for cells in table.cells]
        parts.append("\n".join([*lines, ""]))
    return "\n".join(parts)


def results_csv(rows: Sequence[Row], *, glands: bool = True) -> str:
    """Return every metric of every row, split and mapping, mean and standard deviation, as CSV.

    Without `glands`, metrics of whole glands are left out.
    """
    return _csv(_result_records(rows, glands=glands))


def differences_csv(rows: Sequence[Row]) -> str:
    """Return the difference between every two rows with its interval, where there is one, as CSV."""
    return _csv(
        {
            "split": split,
            "method": better.title,
            "minus": other.title,
            "miou_difference": difference.mean,
            **dict(zip(("low_95", "high_95"), difference.interval or ("", ""), strict=True)),
        }
        for split in rows[0].scores
        for better, other, difference in differences(rows, split)
    )


def _scores(rows: Sequence[Row], split: str, mapping: str, *, published: bool, glands: bool) -> Table:
    columns = {heading: metric for heading, metric in _COLUMNS.items() if glands or not _of_glands(metric[0])}
    cells = []
    for row in rows:
        line = [row.title]
        line += [row.metric(split, mapping, name).text(digits) for name, digits in columns.values()]
        if published:
            line.append(" and ".join(p.text for p in PUBLISHED if not row.stage and p.beside == row.method))
        cells.append(line)
    headings = ["method", *columns, *(["published mIoU, %"] if published else [])]
    images = rows[0].counts(split).shape[1]
    seeds = max(len(row.seeds) for row in rows)
    spread = f"mean ± standard deviation over {seeds} seeds" if seeds > 1 else "one seed"
    return Table(
        f"{images} {WHERE[split]}, {_MAPPING_TITLES[mapping]}",
        f"{spread}; pooled over images unless a heading says otherwise.",
        headings,
        cells,
    )


def _of_glands(metric: str) -> bool:
    """Whether a metric compares whole glands."""
    return metric.startswith(_GLAND_METRICS)


def _by_grade(rows: Sequence[Row], split: str, grades: Mapping[str, str]) -> Table:
    """Return pooled mIoU by the class of the images, classes in the order in which `grades` has them."""
    images: dict[str, list[str]] = {grade: [] for grade in grades.values()}
    for name in rows[0].scores[split]["label_free"][0]["counts"]:
        if name in grades:
            images[grades[name]].append(name)
    present = {grade: names for grade, names in images.items() if names}
    cells = [[row.title, *(row.miou_of(split, names).text(3) for names in present.values())] for row in rows]
    return Table(
        f"{WHERE[split].capitalize()} by class",
        "Label-free mIoU, pooled over the images of a class; their number stands in parentheses.",
        ["method", *(f"{grade} ({len(names)})" for grade, names in present.items())],
        cells,
    )


def _folds(rows: Sequence[Row]) -> Table:
    cells = []
    for row in rows:
        seen, unseen = row.folds("fit"), row.folds("held-out")
        fallen = Spread.of([a - b for a, b in zip(seen, unseen, strict=True)])
        pairs = [f"{a:.3f}, {b:.3f}" for a, b in zip(seen, unseen, strict=True)]
        cells.append([row.title, *pairs, fallen.text(3)])
    count = len(rows[0].folds("fit"))
    return Table(
        "Each fold: training images, held-out images",
        "Label-free pooled mIoU of both, mean over seeds; difference: mean ± standard deviation over folds. "
        "In the tables above the images of all folds are pooled.",
        ["method", *(f"fold {fold}" for fold in range(1, count + 1)), "difference"],
        cells,
    )


def _costs(rows: Sequence[Row]) -> Table:
    cells = [
        [
            row.title,
            "" if row.fit_seconds is None else row.fit_seconds.text(1),
            row.seconds_per_image.text(2),
            "" if row.peak_bytes is None else row.peak_bytes.times(1e-9).text(2),
            str(row.clusters),
            f"{row.collapsed} of {len(row.seeds)}",
        ]
        for row in rows
    ]
    return Table(
        "Time and memory",
        "Each method and seed runs in a fresh process. Seconds per image are those of segmenting it, without "
        "reading it and without the oracle's clusters. Peak memory includes the libraries and the images; it "
        "is empty where a worker could not be restarted for the job.",
        ["method", "fit, s", "s per image", "peak memory, GB", "clusters", "seeds collapsed"],
        cells,
    )


def _against_best(rows: Sequence[Row], split: str) -> Table:
    best = max(rows, key=lambda row: row.metric(split, "label_free", "miou_label_free").mean)
    own = best.counts(split)
    cells = [
        [other.title, *_difference_cells(paired_bootstrap(own, other.counts(split)))]
        for other in rows
        if other is not best
    ]
    how = "paired bootstrap over images, 2000 resamples"
    if own.shape[1] < LEAST_IMAGES:
        how = f"no interval, which needs at least {LEAST_IMAGES} images"
    return Table(
        f"{best.title} compared with the others, {WHERE[split]}",
        f"Difference in label-free pooled mIoU; {how}. differences.csv compares every pair of methods.",
        ["method", "difference", "95 % interval", "excludes 0"],
        cells,
    )


def _difference_cells(difference: Difference) -> list[str]:
    """Write the difference, its interval and whether that excludes 0; the last two may be empty."""
    mean = f"{difference.mean:+.3f}"
    if difference.interval is None:
        return [mean, "", ""]
    low, high = difference.interval
    return [mean, f"{low:+.3f} to {high:+.3f}", "yes" if difference.clear else "no"]


def _published() -> Table:
    return Table(
        "Published on GlaS",
        "None of these was computed here; images, mapping and resolution are those of the sources.",
        ["method", "published mIoU, %", "labels used", "source"],
        [[p.method, p.text, p.labels, p.source] for p in PUBLISHED],
    )


def _result_records(rows: Sequence[Row], *, glands: bool) -> Iterator[dict[str, object]]:
    for row in rows:
        for split, mappings in row.scores.items():
            for mapping in mappings:
                record: dict[str, object] = {
                    "method": row.method,
                    "stage": row.stage,
                    "title": row.title,
                    "split": split,
                    "mapping": mapping,
                    "seeds": len(row.seeds),
                    "clusters": row.clusters,
                    "collapsed_seeds": row.collapsed,
                }
                spreads = {
                    name.removesuffix("_label_free").replace("miou_label_free_", "miou_"): row.metric(
                        split, mapping, name
                    )
                    for name in row.metrics(split, mapping)
                    if not name.startswith("miou_oracle") and (glands or not _of_glands(name))
                }
                spreads |= {"seconds_per_image": row.seconds_per_image}
                measured = {"fit_seconds": row.fit_seconds, "peak_bytes": row.peak_bytes}
                spreads |= {name: spread for name, spread in measured.items() if spread is not None}
                for name, spread in spreads.items():
                    record[f"{name}_mean"] = spread.mean
                    record[f"{name}_sd"] = "" if spread.sd is None else spread.sd
                yield record


def _csv(records: Iterator[dict[str, object]]) -> str:
    lines = list(records)
    buffer = io.StringIO()
    headings = list(dict.fromkeys(name for record in lines for name in record))
    writer = csv.DictWriter(buffer, headings, lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(lines)
    return buffer.getvalue()


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
