"""The kinds of clients that a routine may not cost anything: how often they ask, and what a reload may cost them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial

from tests.lab.clients import SENT_AGAIN, Attentive, Echo, Http2, KeptConnection, NewConnection
from tests.lab.load import HTTP_2, KEEP_ALIVE_GET, KEEP_ALIVE_POST, NEW_CONNECTION, WEBSOCKET, Failure, Kind, Report
from tests.lab.programs import PER_SECOND, Browser, Curl, Go

CURL, GO, BROWSER = "HTTP/2 (curl)", "HTTP/2 (Go)", "HTTP/2 (Chromium)"
NOW_AND_THEN, NOW_AND_THEN_LOOKING = "now and then", "now and then, looking"
PAUSE_SECONDS = 1 / PER_SECOND
# A reload that somebody waits for closes for a second (homeport/host/proxies/nginx/closing.py): who has not asked in it
# is not told. What the way to the server and back takes is left to it.
CLOSING_SECONDS = 0.9
# Nginx cuts a WebSocket when the worker that has it ends, 60 s after a reload (worker_shutdown_timeout).
CUT_AFTER_SECONDS = 55.0
KEPT = (KEEP_ALIVE_GET, KEEP_ALIVE_POST)
# What curl 7.88 says, once in 400 reloads, of a request that met a GOAWAY, and does not send again.
CURL_GAVE_UP = "Error in the HTTP2 framing layer"
# What Go says of the same, once in 600 reloads.
GO_GAVE_UP = "unexpected EOF"
GAVE_UP = {CURL: CURL_GAVE_UP, GO: GO_GAVE_UP}

TWICE_A_SECOND: Mapping[str, Kind] = {
    KEEP_ALIVE_GET: Kind(4, PAUSE_SECONDS, lambda target: KeptConnection(target, "GET", "/health")),
    KEEP_ALIVE_POST: Kind(2, PAUSE_SECONDS, lambda target: KeptConnection(target, "POST", "/notes")),
    NEW_CONNECTION: Kind(2, PAUSE_SECONDS, lambda target: NewConnection(target, "GET", "/health")),
    # httpx, which sends nothing again by itself.
    HTTP_2: Kind(1, PAUSE_SECONDS, lambda target: Http2(target, "/health")),
    # It has its own pace.
    CURL: Kind(1, 0, Curl),
    WEBSOCKET: Kind(1, PAUSE_SECONDS, partial(Echo, cut_after_seconds=CUT_AFTER_SECONDS)),
}
MORE_PROGRAMS: Mapping[str, Kind] = {GO: Kind(1, PAUSE_SECONDS, Go), BROWSER: Kind(1, PAUSE_SECONDS, Browser)}
# Who asks every 20 s: the strictest client, which sends on a connection that was closed long ago, and one as most are.
RARELY: Mapping[str, Kind] = {
    NOW_AND_THEN: Kind(20, 20.0, lambda target: KeptConnection(target, "GET", "/health")),
}
LOOKING: Mapping[str, Kind] = {
    NOW_AND_THEN_LOOKING: Kind(20, 20.0, lambda target: Attentive(target, "GET", "/health")),
}


def saved(report: Report) -> list[Failure]:
    """Return what was lost of those that the short closing saves; docs/architecture.md names the others."""
    return [failure for failure in report.failures if not _is_named(failure)]


def _is_named(failure: Failure) -> bool:
    kept = failure.kind in KEPT and failure.idle_seconds >= CLOSING_SECONDS
    return kept or failure.kind in (NOW_AND_THEN, NOW_AND_THEN_LOOKING) or is_of_http_2(failure)


def is_of_http_2(failure: Failure) -> bool:
    """Tell whether it is what a client of HTTP/2 makes of a GOAWAY, which no closing can spare it."""
    return failure.kind == HTTP_2 or (failure.kind in GAVE_UP and GAVE_UP[failure.kind] in failure.reason)


def losses(report: Report) -> str:
    """Return what was lost of how many, by kind, for people."""
    failed = Counter(failure.kind for failure in report.failures)
    again = Counter(failure.kind for failure in report.failures if SENT_AGAIN in failure.reason)
    kinds = sorted({*report.answered, *failed})
    told = (
        f"{kind}: {failed[kind] - again[kind]} of {report.answered[kind] + failed[kind]}"
        + (f" ({again[kind]} answered when sent again)" if again[kind] else "")
        for kind in kinds
    )
    return ", ".join(told)
