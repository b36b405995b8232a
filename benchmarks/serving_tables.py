"""The tables of what `serving` has measured. Pure."""

from __future__ import annotations

from benchmarks.results import Results
from benchmarks.serving import EDGES, OWN_HAPROXY, PASSWORDS, ROWS, TARGETS, WITH_EDGES
from benchmarks.tables import table


def tables(results: Results) -> list[str]:
    """Return all of them; none where nothing of it was measured."""
    return [*_proxies(results), *_edges(results)]


def _proxies(results: Results) -> list[str]:
    """Return the table of loads: each target's answers a second as a share of homeport's in the same round, and p99."""
    rows = []
    for row in ROWS:
        ours = results[f"{row.name} homeport per second"]
        for target in (name for name in TARGETS if not name.endswith((EDGES, PASSWORDS))):
            rate, p99 = results[f"{row.name} {target} per second"], results[f"{row.name} {target} p99"]
            if not (ours and rate and p99) or len(ours.values) != len(rate.values):
                continue
            share = rate.over(ours)
            spread = f"**{share.median:.2f}** ({share.low:.2f}–{share.high:.2f})"
            times = f"{p99.median:.1f} ms ({p99.low:.1f}–{p99.high:.1f})"
            rows.append((row.name, target, f"{rate.median:.0f}", spread, times))
    head = ("load", "through", "answers a second", "of homeport's", "99 of 100 within")
    return ["## Serving over TLS", "", *table(head, rows)] if rows else []


def _edges(results: Results) -> list[str]:
    """Return the table of what a site's edges cost: each proxy's share of the answers that it gives without them."""
    rows = []
    for row in ROWS:
        for proxy in ("homeport", OWN_HAPROXY):
            without = results[f"{row.name} {proxy} per second"]
            for more in (EDGES, PASSWORDS):
                rate, p99 = (results[f"{row.name} {proxy}{more} {figure}"] for figure in ("per second", "p99"))
                if without and rate and p99 and len(without.values) == len(rate.values):
                    share = rate.over(without)
                    spread = f"**{share.median:.2f}** ({share.low:.2f}–{share.high:.2f})"
                    times = f"{p99.median:.1f} ms ({p99.low:.1f}–{p99.high:.1f})"
                    rows.append((row.name, f"{proxy}{more}", f"{rate.median:.0f}", spread, times))
    head = ("load", "through", "answers a second", "of those without edges", "99 of 100 within")
    return ["## A site's edges", "", *table(head, rows), *_streams(results)] if rows else []


def _streams(results: Results) -> list[str]:
    """Return the table of what is measured through edges and at the application itself alone."""
    rows = []
    for row in WITH_EDGES:
        for target in TARGETS:
            if taken := results[f"{row.name} {target} p99"]:
                rows.append((row.name, target, f"{taken.median:.1f} ms ({taken.low:.1f}–{taken.high:.1f})"))
    return table(("what", "through", "99 of 100 within"), rows)
