"""The page that `homeport status --html` writes: one file, no network, made from the status."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from homeport.report import humanize, view
from homeport.report.findings import TO_DO


def report(hosts: Iterable[Mapping[str, Any]], target: str) -> str:
    """Return the page for the hosts of `target`, each as `homeport schema status` describes it."""
    jinja = Environment(
        loader=PackageLoader("homeport.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in ("duration", "ago", "size", "percent", "count"):
        jinja.filters[name] = getattr(humanize, name)
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return jinja.get_template("page.html").render(target=target, made=made, to_do=TO_DO, **view.page(list(hosts)))
