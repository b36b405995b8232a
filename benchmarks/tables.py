"""Rows and tables in Markdown: medians with their spread, ratios of the same rounds."""

from __future__ import annotations

from collections.abc import Iterable

from benchmarks.measure import Series
from benchmarks.results import Results

RUN = ("run", "median", "min–max", "rounds")


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Return the lines of a table and an empty one."""
    lines = [head, tuple("---" for _ in head), *rows]
    return [*(f"| {' | '.join(line)} |" for line in lines), ""]


def seconds(series: Series | None) -> tuple[str, str, str]:
    """Return median, spread and rounds."""
    if series is None:
        return ("–", "–", "0")
    return (f"{series.median:.2f} s", f"{series.low:.2f}–{series.high:.2f}", str(len(series.values)))


def ratio(mine: Series | None, theirs: Series | None) -> str:
    """Return the median ratio with its spread, of those rounds that both have."""
    if not (mine and theirs):
        return "–"
    rounds = min(len(mine.values), len(theirs.values))
    each = Series(mine.values[:rounds]).over(Series(theirs.values[:rounds]))
    return f"**{each.median:.2f}** ({each.low:.2f}–{each.high:.2f})"


def versus(results: Results, text: str, ours: str, theirs: str) -> list[tuple[str, ...]]:
    """Return two rows: homeport's with its ratio, and the floor's."""
    mine, floor = results[f"{ours} seconds"], results[f"{theirs} seconds"]
    return [(f"{text}, homeport", *seconds(mine), ratio(mine, floor)), (f"{text}, floor", *seconds(floor), "1")]
