"""The tables of what `serving` has measured. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.measure import Series
from benchmarks.results import Results
from benchmarks.serving import EDGES, PASSWORDS, ROWS, TARGETS, WITH_ALL, WITH_EDGES, Row
from benchmarks.tables import table


def tables(results: Results) -> list[str]:
    """Return all of them; none where nothing of it was measured."""
    return [*_proxies(results), *_edges(results)]


def _proxies(results: Results) -> list[str]:
    """Return the table of loads: each target's answers a second as a share of homeport's in the same round, and p99."""
    rows: list[tuple[str, ...]] = []
    for row in ROWS:
        for target in (name for name in TARGETS if not name.endswith((EDGES, PASSWORDS))):
            rows += _compared(results, row, target, "homeport")
    head = ("load", "through", "answers a second", "of homeport's", "99 of 100 within")
    return ["## Serving over TLS", "", *table(head, rows)] if rows else []


def _edges(results: Results) -> list[str]:
    """Return the table of what a site's edges cost: each proxy's share of the answers that it gives without them."""
    rows: list[tuple[str, ...]] = []
    for row in ROWS:
        for proxy in WITH_ALL:
            for more in (EDGES, PASSWORDS):
                rows += _compared(results, row, f"{proxy}{more}", proxy)
    head = ("load", "through", "answers a second", "of those without edges", "99 of 100 within")
    return ["## A site's edges", "", *table(head, rows), *_streams(results)] if rows else []


def _streams(results: Results) -> list[str]:
    """Return the table of what is measured through edges and at the application itself alone."""
    rows = []
    for row in WITH_EDGES:
        for target in TARGETS:
            if taken := results[f"{row.name} {target} p99"]:
                rows.append((row.name, target, _milliseconds(taken)))
    return table(("what", "through", "99 of 100 within"), rows)


def _compared(results: Results, row: Row, target: str, base: str) -> Iterator[tuple[str, ...]]:
    """Yield the line of a target: its answers a second, as a share of the base's in the same round too, and p99."""
    of, rate, p99 = (
        results[f"{row.name} {one}"] for one in (f"{base} per second", f"{target} per second", f"{target} p99")
    )
    if of and rate and p99 and len(of.values) == len(rate.values):
        share = rate.over(of)
        spread = f"**{share.median:.2f}** ({share.low:.2f}–{share.high:.2f})"
        yield row.name, target, f"{rate.median:.0f}", spread, _milliseconds(p99)


def _milliseconds(figure: Series) -> str:
    return f"{figure.median:.1f} ms ({figure.low:.1f}–{figure.high:.1f})"
