"""What the site's edges let in and keep out, as a client sees it that means harm: the same on any ground.

`ask` brings a request to a site by one of three ways: "cdn" (from an address of `trusted_proxies`), "visitor" (from
another one) and "itself" (the machine's own loopback address). The application answers with what it was given.
"""

from __future__ import annotations

import itertools
import json
import subprocess
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from tests.balancer import version_1, version_2

# Of documentation's ranges (RFC 5737, RFC 3849).
INSIDE, OUTSIDE = "198.51.100.7", "203.0.113.9"
INSIDE_IPV6, OUTSIDE_IPV6 = "2001:db8:1:2::7", "3fff::9"
USER, PASSWORD, VARIABLE = "guest", "let me in, please", "GUEST_PASSWORD"
GOOD, BAD = ("-u", f"{USER}:{PASSWORD}"), ("-u", f"{USER}:let me in, pleasE")
WRONG = ((), BAD, ("-u", f"{USER}:"), ("-u", f"nobody:{PASSWORD}"), ("-H", "Authorization: Bearer x"))
HEADERS = {
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'self'; img-src *; report-to \"root \\ 100% include alias\"",
}
OPEN: dict[str, Any] = {
    "response_headers": HEADERS,
    "redirects": {
        "/old": "/new",
        "/docs": {"target": "https://docs.example.com/a%20b?x=1", "status": 302},
        "/": {"target": "/welcome#top", "status": 307},
    },
    "rate_limits": {"/login": "3/minute", "/api": {"rate": "60/minute", "burst": 2}},
    "path_settings": {
        "/upload": {"client_max_body_megabytes": 12},
        "/upload/impatient": {"proxy_read_timeout_seconds": 1},
        "/events": {"streamed": True},
    },
}
CLOSED: dict[str, Any] = {
    "allow_from": ["198.51.100.0/24", "2001:db8::/32"],
    "basic_auth": {USER: VARIABLE},
    "response_headers": HEADERS,
    "redirects": {"/old": "/new"},
}
# A site that lets in few and answers few questions: what is left are the proxy's own errors.
ERRORS: dict[str, Any] = {
    "allow_from": ["198.51.100.0/24"],
    "response_headers": HEADERS,
    "rate_limits": {"/often": "1/minute"},
    "client_max_body_megabytes": 1,
    "path_settings": {"/impatient": {"proxy_read_timeout_seconds": 1}},
}
# Files of the release, by their path below the site, which is where they are in the release as well.
FILES = {path: f"the file {path}" for path in ("web/index.html", "admin/index.html", "static/a.css")}
SERVED_FILES: dict[str, Any] = {"static": {"/static": "static"}, "spa": {"/web": "web", "/admin": "admin"}}
PAGE = ("-H", "Accept: text/html")
JSONS = (("-H", "Accept: application/json"), ("-H", "Accept: application/problem+json, */*"))
OWN_PAGE = "<h1>A page of the release's own</h1>"


class Answer(NamedTuple):
    """An answer with its headers, the names in lower case."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: str

    def all(self, name: str) -> list[str]:
        """Return every value of a header."""
        return [value for key, value in self.headers if key == name]

    def one(self, name: str) -> str:
        """Return the value of a header that is there once."""
        [value] = self.all(name)
        return value

    @property
    def given(self) -> dict[str, str]:
        """Return the headers that the application was given."""
        return dict(json.loads(self.body)["headers"])


class AskBalanced(Protocol):
    """Brings a request to a port with this preamble before it; None when no answer comes of it."""

    def __call__(self, path: str, preamble: bytes, *options: str, via: str = "cdn", port: int) -> Answer | None: ...


class Ask(Protocol):
    """Brings a request with these options of curl to the site."""

    def __call__(self, path: str, *options: str, via: str = "visitor", name: str = "") -> Answer: ...


def read(text: str) -> Answer:
    """Return the answer that `curl -i` has printed."""
    head, _, body = text.replace("\r\n", "\n").partition("\n\n")
    first, *lines = head.splitlines()
    pairs = tuple((key.lower(), value) for key, _, value in (line.partition(": ") for line in lines))
    return Answer(int(first.split()[1]), pairs, body)


def forwarded(*values: str) -> tuple[str, ...]:
    """Return the options that send X-Forwarded-For, one line a value."""
    return tuple(word for value in values for word in ("-H", f"X-Forwarded-For: {value}"))


# What comes by the CDN, and whose request that is: "" for the CDN's own address.
CHAINS: Sequence[tuple[tuple[str, ...], str]] = (
    ((INSIDE,), INSIDE),
    ((f"{OUTSIDE}, {INSIDE}",), INSIDE),
    ((OUTSIDE, INSIDE), INSIDE),
    ((f"{OUTSIDE},,{INSIDE}",), INSIDE),
    ((INSIDE_IPV6,), INSIDE_IPV6),
    ((f"{OUTSIDE}, {INSIDE}:8080",), INSIDE),
    ((f'{OUTSIDE}, "{INSIDE}"',), ""),
    ((f"{OUTSIDE}, {{cdn}}",), OUTSIDE),
    ((f"{INSIDE}, {OUTSIDE}, {{cdn}}, {{cdn}}",), OUTSIDE),
    ((), ""),
    (("unknown",), ""),
    ((f"{OUTSIDE}, unknown",), ""),
    ((OUTSIDE, "_hidden"), ""),
    ((f"{OUTSIDE}, unknown, {{cdn}}",), ""),
)


def check_addresses(ask: Ask, cdn: str, visitor: str) -> None:
    """From the CDN alone a visitor's address is believed, from the right; to the application goes that one address."""
    for chain, whose in CHAINS:
        options = forwarded(*(one.replace("{cdn}", cdn) for one in chain))
        given = ask("/who", *options, "-H", f"Forwarded: for={OUTSIDE}", via="cdn").given
        wanted = whose or cdn
        assert (given["x-forwarded-for"], given["x-real-ip"]) == (wanted, wanted), chain
        assert "forwarded" not in given
    for chain, _ in CHAINS[:3]:
        options = forwarded(*chain)
        forged = ask("/who", *options, "-H", f"X-Real-IP: {OUTSIDE}", "-H", f"Forwarded: for={OUTSIDE}").given
        assert (forged["x-forwarded-for"], forged["x-real-ip"]) == (visitor, visitor), chain
        assert "forwarded" not in forged


def check_addresses_on_one_connection(ask_twice: Callable[..., list[Answer]], cdn: str) -> None:
    """What a request said of its visitor is forgotten with it: a CDN has requests of many on a connection."""
    first, second = ask_twice("/who", forwarded(INSIDE), ())
    assert first.given["x-forwarded-for"] == INSIDE
    assert second.given["x-forwarded-for"] == cdn


def check_balancers(ask: Ask, ask_balanced: AskBalanced, port: int, balancer: str) -> None:
    """On their port the load balancers alone are heard, and what they say of a connection counts; else nothing changes.

    `balancer` is the address of the one that is "cdn".
    """
    forged = (*forwarded(OUTSIDE), "-H", f"X-Real-IP: {OUTSIDE}", "-H", f"Forwarded: for={OUTSIDE}")
    for client in (INSIDE, INSIDE_IPV6):
        for preamble in (version_1(client), version_2(client)):
            for options in ((), forged, ("--http2",)):
                answer = ask_balanced("/who", preamble, *options, port=port)
                assert answer, (client, preamble, options)
                assert answer.status == 200
                given = answer.given
                assert (given["x-forwarded-for"], given["x-real-ip"]) == (client, client)
                assert (given["x-forwarded-port"], given["x-forwarded-proto"]) == ("443", "https")
    for client in (OUTSIDE, OUTSIDE_IPV6):
        refused = ask_balanced("/who", version_2(client), *forwarded(INSIDE), port=port)
        assert refused
        assert refused.status == 403
    for none_named in (b"PROXY UNKNOWN\r\n", version_2("")):
        own = ask_balanced("/who", none_named, port=port)
        assert own
        assert own.status == 200
        assert own.given["x-real-ip"] == balancer
    for preamble in (version_1(INSIDE), version_2(INSIDE), version_1("127.0.0.1"), b""):
        assert ask_balanced("/who", preamble, via="visitor", port=port) is None
        assert ask_balanced("/health", preamble, via="visitor", port=port) is None
    for broken in (b"", b"PROXY nonsense\r\n", version_1(INSIDE)[:-2]):
        assert ask_balanced("/who", broken, port=port) is None
    for via in ("cdn", "visitor"):
        assert ask_balanced("/who", version_2(INSIDE), via=via, port=443) is None
    # Who comes without a load balancer is who he is, and the machine asks itself as before.
    assert ask("/who", *forwarded(INSIDE)).status == 403
    assert ask("/who", via="cdn").given["x-real-ip"] == balancer
    assert ask("/health", via="itself").status == 200


def check_who_may_ask(ask: Ask) -> None:
    """Only addresses of `allow_from` get in, with a password; a forged address gets nobody in."""
    for allowed in (INSIDE, INSIDE_IPV6, f"{OUTSIDE}, {INSIDE}"):
        assert ask("/who", *GOOD, *forwarded(allowed), via="cdn").status == 200
        assert ask("/who", *forwarded(allowed), via="cdn").status == 401
        assert ask("/who", *GOOD, *forwarded(allowed)).status == 403
    for refused in (OUTSIDE, OUTSIDE_IPV6, f"{INSIDE}, {OUTSIDE}", "::1", f"{INSIDE}, nonsense"):
        assert ask("/who", *GOOD, *forwarded(refused), via="cdn").status == 403, refused
    for path in ("/who", "/health", "/%68ealth", "/old", "/.homeport/closing", "/.homeport/closed"):
        for way in ("cdn", "visitor"):
            assert ask(path, *GOOD, *forwarded("127.0.0.1"), via=way).status == 403, (path, way)
    assert ask("/health", *GOOD, "-H", "X-Real-IP: 127.0.0.1").status == 403


def check_passwords(ask: Ask) -> None:
    """The password is asked for on every path, and the application never sees it."""
    visitor = forwarded(INSIDE)
    for path in ("/who", "/health", "/old", "/%77ho", "//who", "/.homeport/none"):
        for wrong in WRONG if path == "/who" else ((),):
            answer = ask(path, *wrong, *visitor, via="cdn")
            assert answer.status == 401, (path, wrong)
            assert answer.one("www-authenticate").startswith("Basic realm=")
            assert "location" not in dict(answer.headers)
    given = ask("/who", *GOOD, *visitor, via="cdn").given
    assert "authorization" not in given
    assert PASSWORD not in json.dumps(given)


def check_the_machine_itself(ask: Ask) -> None:
    """homeport's own question for the health path is answered; nothing else of the machine's is let off."""
    assert ask("/health", via="itself").status == 200
    for path in ("/who", "/health/more", "/healthy"):
        assert ask(path, via="itself").status == 403


def check_paths(ask: Ask, large: str) -> None:
    """Below a path its own limits count, of two paths the longer one's; `large` is a file of eleven megabytes."""
    body = ("-X", "POST", "-H", "Expect:", "--data-binary", f"@{large}")
    for path in ("/upload", "/upload/more", "/%75pload/"):
        assert ask(path, *body, via="cdn").status == 200, path
    for path in ("/uploads", "/who", "/upload/impatient", "/upload/impatient/more"):
        for version in ("--http1.1", "--http2"):
            assert ask(path, version, *body, via="cdn").status == 413, (path, version)
    assert ask("/upload/impatient?wait=3", via="cdn").status == 504
    assert ask("/upload?wait=3", via="cdn").status == 200
    given = ask("/upload/more", *forwarded(INSIDE), via="cdn").given
    assert given["x-real-ip"] == INSIDE


def check_streams(command: Sequence[str], address: str, ask: Ask) -> None:
    """The first piece of a streamed answer is with the visitor before the second is made, whatever coding it accepts.

    The application sends a piece, and the second one when somebody asks for /next; `command` is curl's, for `address`.
    """
    whole = ["-N", "-H", "Accept-Encoding: gzip, br", f"{address}/events/stream"]
    with subprocess.Popen([*command, *whole], stdout=subprocess.PIPE, text=True, errors="replace") as client:
        assert client.stdout
        lines = iter(client.stdout.readline, "")
        seen = list(itertools.takewhile(lambda line: '"piece": 1' not in line, lines))
        assert client.poll() is None
        assert not [line for line in seen if line.lower().startswith("content-encoding")]
        assert ask("/next", via="cdn").status == 200
        assert '"piece": 2' in "".join(lines)


def check_files(ask: Ask, domain: str) -> None:
    """Files that the proxy serves by itself, and where it sends for them, are for those who may ask, like all else."""
    visitor = forwarded(INSIDE)
    inside = (*GOOD, *visitor, *PAGE)
    for path in ("/", "/static/a.css", "/static", "/admin", "/admin/", "/web/no/page", "/old", "/api/x"):
        assert ask(path, *GOOD, *PAGE).status == 403, path
        answer = ask(path, *visitor, *PAGE, via="cdn")
        assert (answer.status, answer.all("location"), "the file" in answer.body) == (401, [], False), path
    for path, file in (("/static/a.css", "static/a.css"), ("/admin/", "admin/index.html")):
        answer = ask(path, *inside, via="cdn")
        assert (answer.status, answer.body) == (200, FILES[file])
        assert answer.one("x-frame-options") == HEADERS["X-Frame-Options"]
    below = ask("/admin?a=1", *inside, via="cdn")
    assert (below.status, below.one("location")) == (308, f"https://{domain}/admin/?a=1")
    assert ask("/old", *inside, via="cdn").status == 308
    assert ask("/api/x", *inside, via="cdn").given["x-real-ip"] == INSIDE


def check_headers(ask: Ask, statuses: dict[str, int]) -> None:
    """Each answer has the headers once, whoever made it, beside homeport's own."""
    for path, status in statuses.items():
        answer = ask(path, *forwarded(INSIDE), via="cdn")
        assert answer.status == status, path
        for name, value in HEADERS.items():
            assert answer.one(name.lower()) == value, path
        assert answer.one("x-content-type-options") == "nosniff"
        assert answer.one("strict-transport-security") == "max-age=63072000"


def check_errors(ask: Ask, large: str, own_page: str = "") -> None:
    """The proxy's own errors are JSON for those who ask for it, and a page for all others; the application's are not.

    `large` is a file that is too large; `own_page` is what visitors get where the application has no answer.
    """
    inside = forwarded(INSIDE)
    # A limit's table is kept by a reload, and with it whoever asked too often before.
    often = forwarded("198.51.100.77")
    assert ask("/often", *often, via="cdn").status == 200
    for path, status, options, via in (
        ("/who", 403, (), "visitor"),
        ("/who", 413, (*inside, "-X", "POST", "-H", "Expect:", "--data-binary", f"@{large}"), "cdn"),
        ("/often", 429, often, "cdn"),
        ("/huge-headers", 502, inside, "cdn"),
        ("/huge-headers", 502, (*inside, "--data", "a"), "cdn"),
        ("/impatient?wait=3", 504, inside, "cdn"),
    ):
        for kind in JSONS:
            answer = ask(path, *options, *kind, via=via)
            assert answer.status == status, path
            assert list(json.loads(answer.body)) == ["detail"], answer
            assert answer.one("content-type").startswith("application/json")
            _check_error_headers(answer)
        for page in ((), PAGE):
            answer = ask(path, *options, *page, via=via)
            assert (answer.status, answer.one("content-type")) == (status, "text/html; charset=utf-8")
            assert (own_page or "<h1>Error</h1>" if status > 500 else "<h1>Error</h1>") in answer.body
            _check_error_headers(answer)
    for status in (403, 404, 413, 429, 502, 503, 504):
        for kind in (*JSONS, PAGE):
            answer = ask(f"/status/{status}", *inside, *kind, via="cdn")
            assert answer.status == status
            assert answer.given["x-real-ip"] == INSIDE, answer
    assert not ask("/status/404", *inside, "-H", "X-Homeport-Error: yes", via="cdn").all("x-homeport-error")


def _check_error_headers(answer: Answer) -> None:
    for name, value in HEADERS.items():
        assert answer.one(name.lower()) == value
    assert answer.one("strict-transport-security") == "max-age=63072000"
    assert answer.one("cache-control") == "no-store"
    assert len(answer.all("retry-after")) == (answer.status == 429)


def check_maintenance(ask: Ask, *options: str, via: str = "cdn") -> None:
    """Whoever asks for JSON is told of maintenance in JSON, all others by the page; both when to come back."""
    for kind in (*JSONS, (*JSONS[0], "--data", "a")):
        answer = ask("/who", *options, *kind, via=via)
        assert (answer.status, answer.one("retry-after"), answer.one("cache-control")) == (503, "300", "no-store")
        assert "maintenance" in json.loads(answer.body)["detail"]
        assert answer.one("content-type").startswith("application/json")
    page = ask("/who", *options, *PAGE, via=via)
    assert (page.status, page.one("retry-after")) == (503, "300")
    assert "Back soon" in page.body


def check_redirects(ask: Ask, domain: str) -> None:
    """A redirect leads where the settings say, and nowhere else, whatever is asked for."""
    for path, status, place in (
        ("/old", 308, f"https://{domain}/new"),
        ("/%6fld", 308, f"https://{domain}/new"),
        ("/old?a=1&b=%2F", 308, f"https://{domain}/new?a=1&b=%2F"),
        ("/old?%0d%0aSet-Cookie:%20a=b", 308, f"https://{domain}/new?%0d%0aSet-Cookie:%20a=b"),
        ("/old?@evil.example//", 308, f"https://{domain}/new?@evil.example//"),
        ("/docs?a=1", 302, "https://docs.example.com/a%20b?x=1"),
        ("/?a=1", 307, f"https://{domain}/welcome#top"),
    ):
        answer = ask(path, "-X", "POST" if status == 307 else "GET", via="cdn")
        assert (answer.status, answer.one("location")) == (status, place), path
        assert not answer.all("set-cookie")
    # Who is still sending gets the answer, too.
    for version in ("--http1.1", "--http2"):
        assert ask("/old", version, "--data", "a=b", via="cdn").status == 308, version
    for path in ("/older", "/old/", "/old/more", "/OLD"):
        assert ask(path, via="cdn").status == 200, path
    assert ask("/old", "-H", "Host: evil.example", via="cdn").status in (400, 421)


def check_limits(ask: Ask) -> None:
    """One client has so many requests, by its own address; others are not counted with it, nor are other paths."""

    def statuses(path: str, client: str, times: int) -> list[int]:
        return [ask(path, *forwarded(client), via="cdn").status for _ in range(times)]

    assert statuses("/login", INSIDE, 4) == [200, 200, 200, 429]
    refused = ask("/login?again", *forwarded(f"{OUTSIDE}, {INSIDE}"), via="cdn")
    assert (refused.status, refused.one("retry-after")) == (429, "20")
    for path in ("/%6cogin", "/login/", "/login/x"):
        assert statuses(path, INSIDE, 1) == [429], path
    assert statuses("/loginx", INSIDE, 3) == [200] * 3
    assert statuses("/login", OUTSIDE, 1) == [200]
    # Another address of the same network of IPv6 is the same client, one of another network is not.
    assert statuses("/login", "2001:db8:1:2::1", 2) == [200] * 2
    assert statuses("/login", "2001:db8:1:2:ffff::2", 2) == [200, 429]
    assert statuses("/login", "2001:db8:1:3::1", 1) == [200]
    # Forged by a visitor, it is the visitor's own that counts.
    assert [ask("/login", *forwarded(f"198.51.100.{number}")).status for number in range(4)] == [200] * 3 + [429]
    assert statuses("/api/x", INSIDE, 3) == [200, 200, 429]
