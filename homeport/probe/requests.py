"""What went wrong with requests lately, by the proxy's logs: too large, cut, too slow, held back.

Only what the live release has met counts: what was before it may have been mended by it.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from datetime import datetime
from itertools import islice, takewhile
from pathlib import Path
from typing import Any

from ..host.proxies import log_lines
from ..host.release import slots
from ..host.services import units
from ..host.system import sampling
from ..host.system.layout import Layout
from .facts import RequestFacts

LOOK_BACK_SECONDS = 3600.0
# The newest lines of each log; on a busy site that is less than the hour, and enough to know of what happens often.
MOST_LINES = 20_000
# By Nginx's own words (src/http/ngx_http_request_body.c, ngx_http_upstream.c; the same in 1.18 to 1.26).
KINDS = {
    "body": re.compile(r"client intended to send too large (?:chunked )?body"),
    "headers": re.compile(r"upstream sent too big header"),
    "time": re.compile(r"upstream timed out .* while reading (?:response header from )?upstream"),
    "cut": re.compile(
        r"(?:upstream prematurely closed connection|recv\(\) failed .*) while reading (?:response|upstream)"
    ),
}
# A piece that waited for so long in the compressor is one that a visitor waited for.
HELD_SECONDS = 2.0


def read(layout: Layout, slot: str, folder: Path = log_lines.FOLDER) -> dict[str, RequestFacts]:
    """Return how many requests each kind of trouble has met since `since`, and the last of them; nothing: none."""
    began = sampling.age_seconds(int(units.show(layout.unit(slot)).get("MainPID") or 0))
    since = time.time() - min(LOOK_BACK_SECONDS, LOOK_BACK_SECONDS if began is None else began)
    names = log_lines.site_names(layout)
    port = slots.port(layout, slot)
    return counted([*errors(folder, names, since, port), *held_back(folder, names, since)])


def counted(found: list[tuple[str, float, str]]) -> dict[str, RequestFacts]:
    """Return kinds with their number and their newest line; given are kind, time and text, the newest first."""
    facts: dict[str, RequestFacts] = {}
    for kind, at, text in found:
        facts.setdefault(kind, {"count": 0, "last": text, "at": at})["count"] += 1
    return facts


def errors(folder: Path, names: set[str], since: float, port: int | None) -> Iterator[tuple[str, float, str]]:
    """Yield kind, time and text of what the error log has of our names since then.

    Of the upstreams only the one at `port` counts: a slot that is stopped cuts what it has not finished in time.
    """
    for line in _newest(log_lines.LogFile("error.log", log_lines.error(names), folder), since):
        text = line["text"]
        if (upstream := re.search(r'upstream: "http://127\.0\.0\.1:(\d+)/', text)) and upstream[1] != str(port):
            continue
        for kind, pattern in KINDS.items():
            if pattern.search(text):
                yield kind, line["seconds"], f"{_request(text)}: {_words(text)}"


def held_back(folder: Path, names: set[str], since: float) -> Iterator[tuple[str, float, str]]:
    """Yield the answers that came in pieces over some time and waited in the compressor."""
    for line in _newest(log_lines.LogFile("access.log", _access, folder), since):
        if line.get("host") in names and line["held"] >= HELD_SECONDS:
            path = str(line["uri"]).partition("?")[0]
            text = f"{line['method']} {path}: its pieces came over {line['held']:.0f} s"
            yield "held", line["seconds"], text


def _newest(file: log_lines.LogFile, since: float) -> Iterator[dict[str, Any]]:
    lines = islice(file.backwards(file.position(0), since), MOST_LINES)
    return takewhile(lambda line: line["seconds"] >= since, lines)


def _access(text: str) -> dict[str, Any] | None:
    """Return what matters of a line of the access log, as templates/nginx/nginx.conf has it."""
    try:
        raw = json.loads(text)
        seconds = datetime.fromisoformat(raw["at"]).timestamp()
        # Nginx has no ratio for what it did not compress; no length is what an answer in pieces has.
        streamed = raw["status"] < log_lines.REFUSED and raw["length"] == "" and raw["gzip"] not in ("", "-")
        held = _last(raw["upstream_seconds"]) - _last(raw["header_seconds"]) if streamed else 0.0
    except (ValueError, KeyError, TypeError):
        return None
    return {**raw, "seconds": seconds, "held": held}


def _last(times: str) -> float:
    """Return the time of the last upstream that was asked; Nginx separates them by commas and colons."""
    return float(re.split(r"[,:]", times)[-1])


def _request(text: str) -> str:
    """Return method and path of a request, without its query, which may hold secrets."""
    found = re.search(r', request: "(\S+) ([^ ?"]*)', text)
    return f"{found[1]} {found[2]}" if found else "a request"


def _words(text: str) -> str:
    """Return what Nginx says, without the connection's number and what comes after."""
    return re.sub(r"^\*\d+ ", "", text.partition(", client:")[0])
