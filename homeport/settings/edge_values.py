"""The kinds of values of the site's edges: headers, redirects, rates, users. What may stand there, and why not. Pure.

All of them end in a proxy's configuration, between double quotes, so that none may have a line's end or a "$" (Nginx
has no way to write one down). A message never has the value: it may be a secret in the wrong place.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from homeport.settings.types import Text, TrustedRanges, VisitorRanges, as_text

__all__ = ["BasicAuth", "RateLimits", "Redirects", "ResponseHeaders", "TrustedRanges", "VisitorRanges"]

# A path as a browser asks for it (RFC 3986, 3.3), without what would have to be quoted somewhere.
PATH = re.compile(r"/[A-Za-z0-9._~/@+:=,!()*-]*")
# Where a redirect leads: a path of the same site (never "//", which browsers take for another one), or a whole address.
PLACE = re.compile(
    r"(https?://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?(?=[/?#]|$)|(?=/(?!/)))[A-Za-z0-9._~/@+:=,!()*%?&#;-]*"
)
OURS = ("/.homeport", "/.well-known/acme-challenge")
LONGEST = 2000
# Each one is asked at every request.
MOST_LIMITS = 10

HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
HEADER_VALUE = re.compile(r"[!-#%-~]([ -#%-~]*[!-#%-~])?")
# Headers that homeport sends, and what decides on them.
SENT = {
    "strict-transport-security": "set hsts_seconds, hsts_subdomains and hsts_preload instead",
    "x-content-type-options": "homeport sends it with every answer",
    "x-request-id": "homeport sends it with every answer",
    "retry-after": "homeport sends it where it is due (maintenance_retry_seconds, rate_limits)",
}
# Headers that belong to one answer: the same for all of them would break some.
OF_ONE_ANSWER = frozenset(
    (
        *("content-disposition", "content-encoding", "content-language", "content-length", "content-location"),
        *("content-range", "content-type"),
        *("age", "allow", "cache-control", "connection", "date", "etag", "expires", "keep-alive", "last-modified"),
        *("location", "proxy-authenticate", "server", "set-cookie", "te", "trailer", "transfer-encoding"),
        *("upgrade", "vary", "www-authenticate", "x-accel-buffering", "x-accel-redirect"),
    )
)

RATE = re.compile(r"([1-9][0-9]{0,5})/(second|minute)")
PERIODS = {"second": 1, "minute": 60}
Value = TypeVar("Value")
USER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
SECRET_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Redirect(BaseModel):
    """Where a path leads, and by which status."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    target: Text = Field(min_length=1, max_length=LONGEST)
    status: Literal[301, 302, 307, 308] = 308

    @property
    def keeps_query(self) -> bool:
        """Tell whether what a visitor has after the "?" is handed on: where the target has nothing of its own there."""
        return not set(self.target) & set("?#")


class RateLimit(BaseModel):
    """How often one client may ask: `rate` on average ("5/minute"), `burst` requests at once (unset: the rate's)."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    rate: Text = Field(pattern=rf"^{RATE.pattern}$")
    burst: Annotated[int, Field(ge=1, le=100_000)] | None = None

    @property
    def count(self) -> int:
        """Return how many requests there may be in `seconds`."""
        return int(self.rate.partition("/")[0])

    @property
    def seconds(self) -> int:
        """Return the period that the rate is for."""
        return PERIODS[self.rate.partition("/")[2]]

    @property
    def at_once(self) -> int:
        """Return how many requests are answered that come at the same time."""
        return self.burst or self.count

    @property
    def window_milliseconds(self) -> int:
        """Return the time in which `at_once` requests are allowed at the given rate."""
        return math.ceil(self.at_once * self.seconds * 1000 / self.count)

    @property
    def retry_seconds(self) -> int:
        """Return after which time one more request is allowed."""
        return math.ceil(self.seconds / self.count)


def _tables(key: str) -> Any:
    """Return what takes `{"/path": "text"}` for `{"/path": {key: "text"}}`."""

    def taken(value: object) -> object:
        if not isinstance(value, Mapping):
            return value
        return {name: {key: item} if isinstance(item, str) else item for name, item in value.items()}

    return taken


def check_headers(value: dict[str, str]) -> dict[str, str]:
    """Return the headers; raise ValueError for one that may not be sent with every answer."""
    seen: set[str] = set()
    for number, (name, content) in enumerate(value.items(), 1):
        low = name.lower()
        if not HEADER_NAME.fullmatch(name):
            raise ValueError(f"item {number} has a name that is none of a header (letters, digits and -)")
        if low in SENT:
            raise ValueError(f"must not have {low}: {SENT[low]}")
        if low in OF_ONE_ANSWER:
            raise ValueError(f"must not have {low}, which differs from answer to answer: the application sends it")
        if low in seen:
            raise ValueError(f"item {number} is there twice: the case of a header's name does not matter")
        if len(content) > LONGEST or not HEADER_VALUE.fullmatch(content):
            raise ValueError(
                f"item {number} has a value that cannot be sent: it must be one line of ASCII, without $, of "
                f"{LONGEST} characters at most"
            )
        seen.add(low)
    return value


def check_redirects(value: dict[str, Redirect]) -> dict[str, Redirect]:
    """Return the redirects; raise ValueError for a path or target that a proxy cannot have, and for a circle."""
    for number, (path, redirect) in enumerate(value.items(), 1):
        if problem := path_problem(path):
            raise ValueError(f"item {number} {problem}")
        if not PLACE.fullmatch(redirect.target):
            raise ValueError(
                f'item {number} has a target that is neither a path of the site ("/new") nor a whole address '
                '("https://docs.example.com/"), or has characters that must be percent-encoded'
            )
        if path in _followed(value, redirect):
            raise ValueError(f"item {number} leads back to itself")
    return value


def check_rate_limits(value: dict[str, RateLimit]) -> dict[str, RateLimit]:
    """Return the limits by path; raise ValueError for a path that a proxy cannot compare."""
    return by_path(value, MOST_LIMITS)


def check_users(value: dict[str, str]) -> dict[str, str]:
    """Return names of secrets by user; raise ValueError, without a word of them: one may be the password itself."""
    for number, (user, secret) in enumerate(value.items(), 1):
        if not USER.fullmatch(user):
            raise ValueError(f"item {number} has a user that is not of letters, digits and ._@-")
        if not SECRET_NAME.fullmatch(secret):
            raise ValueError(f"item {number} is not the name of a secret: the password itself stays out of settings")
    return value


def by_path(value: Mapping[str, Value], most: int, everything: str = "") -> dict[str, Value]:
    """Return values by path, without its last slash; raise ValueError for more than `most`, and for a wrong path.

    `everything` says why none may be for "/"; with "" one may.
    """
    found: dict[str, Value] = {}
    if len(value) > most:
        raise ValueError(f"must not have more than {most} paths")
    for number, (path, one) in enumerate(value.items(), 1):
        plain = path.rstrip("/") or "/"
        problem = path_problem(path) or (everything if plain == "/" else "")
        if problem:
            raise ValueError(f"item {number} {problem}")
        if plain in found:
            raise ValueError(f"item {number} is there twice: the last / does not matter")
        found[plain] = one
    return found


def path_problem(path: str) -> str:
    """Return what keeps a path from a proxy's configuration; "" for nothing."""
    if not PATH.fullmatch(path) or len(path) > LONGEST:
        return "is not a path that begins with / and has letters, digits and ._~/@+:=,!()*- alone"
    if "//" in path or {".", ".."} & set(path.split("/")):
        return "has //, /./ or /../, which no request has once it is read"
    return "is one of homeport's own paths" if path.startswith(OURS) else ""


def _followed(redirects: Mapping[str, Redirect], first: Redirect) -> Iterator[str]:
    """Yield the paths that one comes to from redirect to redirect."""
    redirect: Redirect | None = first
    seen: set[str] = set()
    while redirect is not None:
        place = re.split(r"[?#]", redirect.target)[0]
        if place in seen:
            return
        seen.add(place)
        yield place
        redirect = redirects.get(place)


ResponseHeaders = Annotated[dict[Text, Text], AfterValidator(check_headers)]
Redirects = Annotated[dict[Text, Redirect], AfterValidator(check_redirects), BeforeValidator(_tables("target"))]
RateLimits = Annotated[dict[Text, RateLimit], AfterValidator(check_rate_limits), BeforeValidator(_tables("rate"))]
BasicAuth = Annotated[dict[Text, Annotated[str, BeforeValidator(as_text)]], AfterValidator(check_users)]
