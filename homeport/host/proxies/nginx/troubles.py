"""What went wrong with requests, by Nginx's logs: too large, cut, too slow, held back. Reads only."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from datetime import datetime
from itertools import islice, takewhile
from pathlib import Path
from typing import Any

from ..model.log_lines import REFUSED, File
from ..model.proxy import Trouble
from . import log_lines

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
# Where requests wait for the application (holding.py): no answer of it is the application's.
WAITING = 'upstream: "http://unix:'
# A piece that waited for so long in the compressor is one that a visitor waited for.
HELD_SECONDS = 2.0


def errors(folder: Path, names: Collection[str], since: float, port: int | None) -> Iterator[Trouble]:
    """Yield kind, time and text of what the error log has of our names since then.

    Of the upstreams only the one at `port` counts: a slot that is stopped cuts what it has not finished in time.
    """
    for line in _newest(File("error.log", log_lines.error(names), folder), since):
        text = line["text"]
        if (upstream := re.search(r'upstream: "http://127\.0\.0\.1:(\d+)/', text)) and upstream[1] != str(port):
            continue
        if WAITING in text:
            continue
        for kind, pattern in KINDS.items():
            if pattern.search(text):
                yield kind, line["seconds"], f"{_request(text)}: {_words(text)}"


def held_back(folder: Path, names: Collection[str], since: float) -> Iterator[Trouble]:
    """Yield the answers that came in pieces over some time and waited in the compressor."""
    for line in _newest(File("access.log", _access, folder), since):
        if line.get("host") in names and line["held"] >= HELD_SECONDS:
            path = str(line["uri"]).partition("?")[0]
            text = f"{line['method']} {path}: its pieces came over {line['held']:.0f} s"
            yield "held", line["seconds"], text


def _newest(file: File, since: float) -> Iterator[dict[str, Any]]:
    lines = islice(file.backwards(file.position(0), since), MOST_LINES)
    return takewhile(lambda line: line["seconds"] >= since, lines)


def _access(text: str) -> dict[str, Any] | None:
    """Return what matters of a line of the access log, as templates/nginx/nginx.conf has it."""
    try:
        raw = json.loads(text)
        seconds = datetime.fromisoformat(raw["at"]).timestamp()
        # Nginx has no ratio for what it did not compress; no length is what an answer in pieces has.
        streamed = raw["status"] < REFUSED and raw["length"] == "" and raw["gzip"] not in ("", "-")
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
