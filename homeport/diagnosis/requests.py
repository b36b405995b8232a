"""Requests that end badly while the application is well: too large for the proxy, too slow, cut, held back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from homeport.diagnosis.application import shortened
from homeport.diagnosis.case import Case
from homeport.diagnosis.finding import HINT, TROUBLE, WARNING, Finding, Level
from homeport.probe.observations import RequestObservation

# This many in an hour are not one visitor's accident.
OFTEN = 5


def requests(case: Case) -> Iterator[Finding]:
    """Yield what visitors met in the last hour, with the setting that decides about it."""
    found, settings = case.found.get("requests", {}), case.settings
    if one := found.get("headers"):
        problem = "the application's answers have larger headers than the proxy accepts: visitors get 502"
        fix = (
            f"raise response_headers_kilobytes (it is {settings.response_headers_kilobytes}), or send less, and deploy"
        )
        yield Finding("answer_headers_too_large", problem, _evidence(one), fix, _level(one))
    if one := found.get("time"):
        problem = "the application takes longer to answer than the proxy waits: visitors get 504, or half an answer"
        seconds = settings.proxy_read_timeout_seconds
        fix = (
            f"find out why it is slow, or raise proxy_read_timeout_seconds (it is {seconds}) or that of the path in "
            "path_settings, and deploy"
        )
        yield Finding("answers_too_slow", problem, _evidence(one), fix, _level(one))
    if one := found.get("cut"):
        problem = "the application ends connections before it has answered: visitors get 502, or half an answer"
        fix = "see why its process died then: homeport logs TARGET --source app"
        yield Finding("answers_cut", problem, _evidence(one), fix, _level(one))
    # The sender of a large body may not be a visitor of the site: it is reported as a hint.
    if one := found.get("body"):
        problem = "somebody sends larger bodies than the proxy accepts, and gets 413"
        limit = settings.client_max_body_megabytes
        fix = (
            f"if such bodies are expected: raise client_max_body_megabytes (it is {limit}) or that of the path in "
            "path_settings, and deploy"
        )
        yield Finding("bodies_too_large", problem, _evidence(one), fix, HINT)
    if one := found.get("held"):
        problem = "answers that are sent piece by piece reach visitors all at once, since they are compressed"
        fix = (
            'if each piece must arrive at once: send the answer with the header "X-Accel-Buffering: no", or name the '
            "path in path_settings (streamed)"
        )
        yield Finding("answers_held_back", problem, _evidence(one), fix, HINT)


def _level(one: RequestObservation) -> Level:
    return TROUBLE if one["count"] >= OFTEN else WARNING


def _evidence(one: RequestObservation) -> str:
    at = datetime.fromtimestamp(one["at"], UTC).strftime("%H:%M:%S UTC")
    times = "once" if one["count"] == 1 else f"{one['count']} times"
    return shortened(f"{times} in the last hour, last at {at}: {one['last']}")
