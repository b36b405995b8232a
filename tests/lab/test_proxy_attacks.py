"""What passes the proxy and what does not: what an application answers, and what somebody sends it who means harm.

The application tells what it saw. The tests share a machine of each proxy, and each ends with the site answering as it
should. What HAProxy cannot keep (docs/proxies.md) is left out for it.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import ssl
import subprocess
from collections.abc import Iterator
from itertools import takewhile
from typing import Any

import pytest

from homeport.lab import Lab
from homeport.lab.model import LabHost
from tests.lab.artefacts import keep
from tests.lab.commands import homeport, settle_data
from tests.lab.project import Project, Seen
from tests.lab.seasoned import Seasoned

pytestmark = pytest.mark.lab
FORGED = "203.0.113.9"
BESIDE = "beside the web root"
APP = """
import asyncio, os
from collections.abc import AsyncIterator
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse
from fastapi.sse import EventSourceResponse

app, seen, told = FastAPI(), [], asyncio.Event()

@app.get("/health")
def health() -> dict[str, str]:
    return {"release": os.environ["HOMEPORT_RELEASE"]}

@app.get("/seen")
def what_was_seen() -> list[dict[str, object]]:
    return seen

@app.get("/stream")
async def stream(kind: str, now: bool) -> StreamingResponse:
    async def pieces():
        yield b'"first"\\n'
        await told.wait()
        told.clear()
        yield b'"last"\\n'
    return StreamingResponse(pieces(), media_type=kind, headers={"X-Accel-Buffering": "no"} if now else {})

# As the newest FastAPI streams by itself: JSON Lines, and server-sent events.
@app.get("/lines")
async def lines() -> AsyncIterator[str]:
    yield "first"
    await told.wait()
    told.clear()
    yield "last"

@app.get("/events", response_class=EventSourceResponse)
async def events() -> AsyncIterator[str]:
    async for one in lines():
        yield one

@app.get("/slowly")
async def slowly(kind: str) -> StreamingResponse:
    async def pieces():
        yield b'"first"'
        await asyncio.sleep(3)
        yield b'"last"'
    return StreamingResponse(pieces(), media_type=kind)

@app.get("/late")
async def late() -> None:
    await asyncio.sleep(30)

@app.get("/cut")
async def cut() -> StreamingResponse:
    async def pieces():
        yield b"first"
        raise RuntimeError("no more")
    return StreamingResponse(pieces())

@app.get("/go-on")
async def go_on() -> None:
    told.set()

@app.get("/headers-of")
def large_headers(size: int) -> Response:
    return Response("fits", headers={"X-Large": "x" * size})

@app.get("/whole")
def whole(kind: str) -> Response:
    return Response('"text"' * 1000, media_type=kind)

@app.api_route("/{path:path}", methods=["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
async def echo(request: Request) -> dict[str, object]:
    told = {
        "method": request.method, "path": request.scope["raw_path"].decode(), "scheme": request.url.scheme,
        "client": request.client.host, "headers": [[k, v] for k, v in request.headers.items()],
        "bytes": len(await request.body()),
    }
    seen.append(told)
    return told
"""


class Stage(Seen):
    """The site, and a connection to it that sends what it is told, byte for byte."""

    @property
    def has_nginx(self) -> bool:
        """Tell whether that is the machine's proxy."""
        return self.host.name == "attacked-nginx"

    @property
    def has_caddy(self) -> bool:
        """Tell whether that is it."""
        return self.host.name == "attacked-caddy"

    @property
    def has_haproxy(self) -> bool:
        """Tell likewise of HAProxy."""
        return self.host.name == "attacked-haproxy"

    def connection(self, *, name: str | None = "", port: int = 443) -> socket.socket:
        """Open a connection; over TLS on 443, where `name` (None: none) is asked for in the handshake."""
        plain = socket.create_connection((self.host.address, port), timeout=60)
        if port != 443:
            return plain
        trust = ssl.create_default_context()
        trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
        return trust.wrap_socket(plain, server_hostname=self.host.domain if name == "" else name)

    def send(self, request: str | bytes, *, port: int = 443) -> str:
        """Send a request as it is; return all that comes back until the connection ends."""
        data = request.encode() if isinstance(request, str) else request
        answer = b""
        with self.connection(port=port) as connection, contextlib.suppress(ConnectionError, ssl.SSLError):
            connection.sendall(data)
            while part := connection.recv(65536):
                answer += part
        return answer.decode(errors="replace")

    def ask(
        self, path: str, *headers: str, method: str = "GET", host: str = "", body: str = "", port: int = 443
    ) -> str:
        """Send a well-formed request with this path, unchanged."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host or self.host.domain}", "Connection: close", *headers]
        return self.send("\r\n".join([*lines, "", body]), port=port)

    def seen(self) -> list[dict[str, Any]]:
        """Return the requests that the application has been given so far."""
        return list(self.get("/seen"))


PROJECTS: dict[Stage, Project] = {}


def status(answer: str) -> int:
    """Return the status of an answer; 0 when there was none."""
    return int(answer.split(" ", 2)[1]) if answer.startswith("HTTP/1.") else 0


@pytest.fixture(
    scope="module",
    params=["nginx", *(pytest.param(one, marks=pytest.mark.sampled(one)) for one in ("haproxy", "caddy", "traefik"))],
)
def deployed(
    request: pytest.FixtureRequest, lab: Lab, tmp_path_factory: pytest.TempPathFactory, seasoned: Seasoned
) -> Iterator[Stage]:
    """A machine that serves an application which tells what it sees; something private lies beside the web root."""
    host: LabHost = seasoned.add(f"attacked-{request.param}")
    stage = Stage(lab, host)
    if request.param != "nginx":
        stage.shell("systemctl -q disable --now nginx")
    project = Project.create(tmp_path_factory.mktemp("attacked") / "project", lab, "hello", workers=1)
    project.write("main.py", APP)
    given = {"client_max_body_megabytes": 1, "proxy_read_timeout_seconds": 10, "watch_seconds": 0}
    settle_data(project, proxy=request.param, **given)
    project.deployed(host)
    stage.shell(f"mkdir -p /var/www/homeport-acme/.well-known/acme-challenge; echo '{BESIDE}' >/var/www/private.txt")
    PROJECTS[stage] = project
    yield stage
    log = (
        "tail -n 200 /var/log/nginx/error.log"
        if request.param == "nginx"
        else f"journalctl -o cat -n 200 -u {request.param}"
    )
    keep(f"proxy-attacks-{request.param}.log", stage.shell(log))
    lab.remove(host.name)


@pytest.fixture
def stage(deployed: Stage) -> Iterator[Stage]:
    """The site, which answers afterwards as it did before, from the same process."""
    pid = deployed.property("hello@blue.service", "MainPID")
    yield deployed
    assert deployed.answers()
    assert deployed.property("hello@blue.service", "MainPID") == pid


@pytest.mark.parametrize(
    ("path", "kind", "encoding"),
    [
        ("/stream?now=False&kind=", "text/plain", ""),
        ("/stream?now=False&kind=", "application/jsonl", ""),
        ("/stream?now=False&kind=", "application/x-ndjson", ""),
        ("/stream?now=False&kind=", "text/event-stream", ""),
        ("/stream?now=True&kind=", "application/json", "gzip"),
        ("/stream?now=True&kind=", "text/html", "gzip"),
        ("/lines?", "application/jsonl", ""),
        ("/events?", "text/event-stream", ""),
    ],
)
def test_a_streamed_answer_arrives_as_it_is_sent(stage: Stage, path: str, kind: str, encoding: str) -> None:
    trust = ["--cacert", str(stage.lab.directory.ca_file), "--resolve", f"{stage.host.domain}:443:{stage.host.address}"]
    command = ["curl", "-sSN", "--max-time", "120", "--compressed", "-D", "-", *trust]
    url = f"https://{stage.host.domain}{path}{kind if path.endswith('=') else ''}"
    with subprocess.Popen([*command, url], stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout
        lines = list(takewhile(lambda line: '"first"' not in line, client.stdout))
        headers = dict(line.lower().strip().split(": ", 1) for line in lines if ": " in line)
        # The application has sent no more than this, and sends the rest when it is told to.
        assert stage.curl("/go-on", "--fail").returncode == 0
        assert client.stdout.read().split() in (['"last"'], ["data:", '"last"'])
    assert client.returncode == 0
    assert headers["content-type"].partition(";")[0] == kind
    assert headers.get("content-encoding", "") == (encoding if stage.has_nginx else "")
    assert "x-accel-buffering" not in headers


def test_a_whole_answer_is_compressed(stage: Stage) -> None:
    if not stage.has_nginx and not stage.has_caddy:
        pytest.skip("HAProxy would hold streamed answers back, Traefik compresses nothing")
    answer = stage.curl("/whole?kind=application/json", "--compressed", "-D", "-", "-o", "/dev/null").stdout.lower()
    assert "content-encoding: gzip" in answer
    assert stage.curl("/whole?kind=application/json", "--compressed").stdout == '"text"' * 1000


@pytest.mark.parametrize(("size", "answered"), [(30_000, "200"), (40_000, "502")])
def test_an_answers_headers_may_have_thirty_kilobytes(stage: Stage, size: int, answered: str) -> None:
    told = stage.curl(f"/headers-of?size={size}", "-o", "/dev/null", "-w", "%{http_code} %{size_header}").stdout.split()
    assert told[0] == answered
    assert (int(told[1]) > size) == (answered == "200")


def test_forwarded_headers_of_a_client_are_not_believed(stage: Stage) -> None:
    names = ("X-Forwarded-For", "X-Real-IP", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Prefix")
    forged = [f"{name}: {FORGED}" for name in (*names, "x-forwarded-for", "X_Forwarded_For")]
    answer = stage.ask("/who", *forged, "X-Forwarded-Proto: http", f"Forwarded: for={FORGED};proto=http")
    told = json.loads(answer.partition("\r\n\r\n")[2])
    assert told["scheme"] == "https"
    assert FORGED not in json.dumps(told)
    headers = dict(told["headers"])
    assert headers["x-forwarded-for"] == headers["x-real-ip"] == told["client"]
    assert headers["host"] == headers["x-forwarded-host"] == stage.host.domain


@pytest.mark.parametrize(
    ("framing", "body"),
    [
        (f"Content-Length: {2 * 1024 * 1024}", "x" * 2 * 1024 * 1024),
        ("Transfer-Encoding: chunked", f"{2 * 1024 * 1024:x}\r\n{'x' * 2 * 1024 * 1024}\r\n0\r\n\r\n"),
        ("Content-Length: 99999999999", "x"),
    ],
    ids=["announced", "in chunks", "announced and not sent"],
)
def test_a_body_that_is_too_large_ends_at_the_proxy(stage: Stage, framing: str, body: str) -> None:
    if "chunked" in framing and stage.has_haproxy:
        pytest.skip("HAProxy does not count chunks")
    answer = stage.ask("/large", framing, method="POST", body=body)
    assert status(answer) in (413, 0)
    assert "/large" not in [one["path"] for one in stage.seen()]


def test_who_is_told_of_maintenance_while_sending_and_goes_quiet_keeps_no_connection(stage: Stage) -> None:
    project = PROJECTS[stage]
    assert homeport(project, "maintenance", "lab", "on").returncode == 0
    try:
        # More than the proxy waits for before it decides, and less than was announced.
        answer = stage.ask("/closed", f"Content-Length: {900 * 1024}", method="POST", body="x" * 100 * 1024)
    finally:
        assert homeport(project, "maintenance", "lab", "off").returncode == 0
    # Caddy gives who is still sending half a second to read it.
    assert status(answer) == 503 or (stage.has_caddy and status(answer) == 0)
    assert "/closed" not in [one["path"] for one in stage.seen()]


def test_a_body_that_is_as_large_as_it_may_be_arrives_whole(stage: Stage) -> None:
    size = 1024 * 1024
    assert status(stage.ask("/fits", f"Content-Length: {size}", method="POST", body="x" * size)) == 200
    assert [one["bytes"] for one in stage.seen() if one["path"] == "/fits"] == [size]


@pytest.mark.parametrize(
    "framing",
    [
        ("Content-Length: 6", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: identity"),
        ("Transfer-Encoding: xchunked",),
        ("Content-Length: 6", "Content-Length: 60"),
        ("Content-Length: +6",),
        ("Content-Length : 6",),
    ],
)
def test_a_request_with_two_ends_is_refused_and_smuggles_nothing(stage: Stage, framing: tuple[str, ...]) -> None:
    # HAProxy and Traefik drop the length of the first one, which does not count then (RFC 9112, 6.3).
    is_taken = framing == ("Content-Length: 6", "Transfer-Encoding: chunked") and not stage.has_nginx
    path = "/outer-in-chunks" if is_taken else "/outer"
    answer = stage.ask(path, *framing, method="POST", body="0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n")
    assert status(answer) in ((200,) if is_taken else (400, 501))
    seen = stage.seen()
    assert not {"/outer", "/smuggled"} & {one["path"] for one in seen}
    assert not any("content-length" in dict(one["headers"]) for one in seen if one["path"] == "/outer-in-chunks")


HEAD = "POST /slow HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1000\r\n"


def test_two_hundred_connections_that_dawdle_keep_nobody_out(stage: Stage) -> None:
    head = HEAD.format(host=stage.host.domain)
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(stage.connection()) for _ in range(100)]
        for number, one in enumerate(slow):
            # Half of them never end their headers, half of them never send the body that they announce.
            one.sendall((head if number % 2 else f"{head}\r\nx").encode())
        silent = [stack.enter_context(stage.connection(port=80)) for _ in range(50)]
        address = (stage.host.address, 443)
        silent += [stack.enter_context(socket.create_connection(address, timeout=60)) for _ in range(50)]
        for one in silent[:50]:
            one.sendall(b"GET / HTTP/1.1\r\nHost: ")
        for _ in range(20):
            assert stage.answers()
        assert "/slow" not in [one["path"] for one in stage.seen()]
        # The proxy ends them by itself: those without whole headers first.
        for one in slow[1::2]:
            with contextlib.suppress(OSError):
                assert one.recv(65536)[:12] in (b"", b"HTTP/1.1 408")
    assert "/slow" not in [one["path"] for one in stage.seen()]


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "localhost", "x\r\nHost: {domain}", "{domain}.evil.example"]
)
def test_a_request_for_another_host_stays_outside(stage: Stage, host: str) -> None:
    name = host.format(domain=stage.host.domain)
    assert status(stage.ask("/bad-host", host=name)) in (400, 421)
    assert status(stage.ask("/bad-host", host=name, port=80)) in (0, 400)
    assert "/bad-host" not in [one["path"] for one in stage.seen()]


def test_an_absolute_address_counts_as_the_host_that_it_names(stage: Stage) -> None:
    assert status(stage.ask("https://evil.example/absolute")) == (400 if stage.has_haproxy else 421)
    mixed = status(stage.ask(f"https://{stage.host.domain}/absolute", host="evil.example"))
    if stage.has_haproxy:
        assert mixed == 400
        assert status(stage.ask(f"https://{stage.host.domain}/absolute")) == 200
    else:
        assert mixed == 200
    [told] = [one for one in stage.seen() if one["path"] == "/absolute"]
    assert dict(told["headers"])["host"] == stage.host.domain


@pytest.mark.parametrize("name", [None, "evil.example", "10.0.0.1", "attacked.lab.test.evil.example"])
def test_a_handshake_for_another_name_or_none_is_refused(stage: Stage, name: str | None) -> None:
    said = "ALERT_INTERNAL_ERROR" if stage.has_caddy else "UNRECOGNIZED_NAME"
    with pytest.raises(ssl.SSLError, match=said):
        stage.connection(name=name)


TRICKS = (
    "/.git/config",
    "/.env",
    "/..%2f..%2f..%2fetc/passwd",
    "/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "/static/..%2f..%2f..%2f..%2fetc%2fpasswd",
    "/static/../../../../etc/passwd",
    "/..%252f..%252fetc/passwd",
    "/..\\..\\etc\\passwd",
    "/.well-known/acme-challenge/../../../private.txt",
    "/.well-known/acme-challenge/..%2f..%2f..%2fprivate.txt",
    "/.well-known/acme-challenge../../private.txt",
    "/.well-known/acme-challenge/%2e%2e/%2e%2e/%2e%2e/private.txt",
    "/.well-known/acme-challenge/..%2f..%2f..%2f..%2f..%2fetc%2fpasswd",
    "//etc/passwd",
    "/private.txt%00.html",
    "/etc/homeport/hello/tls/privkey.pem",
)


@pytest.mark.parametrize("path", TRICKS)
def test_no_path_leads_to_a_file_of_the_machine(stage: Stage, path: str) -> None:
    answers = {port: stage.ask(path, port=port) for port in (443, 80)}
    # The application answers any path (it reads no file), or Nginx refuses the request.
    assert status(answers[443]) in (200, 400)
    assert status(answers[80]) in (308, 400, 403, 404)
    for answer in answers.values():
        assert BESIDE not in answer
        assert "root:x:0:0" not in answer
        assert "PRIVATE KEY" not in answer


@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST", "PROPFIND"])
def test_challenges_are_read_and_never_written(stage: Stage, method: str) -> None:
    place = "/.well-known/acme-challenge/planted"
    answer = stage.ask(place, "Content-Length: 1", method=method, body="x", port=80)
    assert status(answer) in (404, 405)
    assert stage.shell(f"ls /var/www/homeport-acme{place} 2>/dev/null || echo none") == "none"


def test_headers_that_are_too_large_are_refused(stage: Stage) -> None:
    assert status(stage.ask("/headers", f"X-Large: {'x' * 100_000}")) in (0, 400, 431)
    # The proxy does not read such a request to its end, and its answer may be lost with the connection.
    assert status(stage.ask(f"/{'x' * 100_000}")) in (0, 400, 414, 431)
    assert status(stage.send(os.urandom(4096))) in (0, 400)
    assert all(len(one["path"]) < 100_000 and one["path"] != "/headers" for one in stage.seen())


def test_the_doctor_names_what_was_too_large_for_the_proxy_and_the_setting_that_decides(stage: Stage) -> None:
    # Fewer than make it trouble, and more bodies than that.
    assert status(stage.ask("/upload?key=secret", "Content-Length: 99999999", method="POST")) == 413
    assert stage.curl("/headers-of?size=50000", "-o", "/dev/null", "-w", "%{http_code}").stdout == "502"
    result = homeport(PROJECTS[stage], "doctor", "lab", "--limit", stage.host.name, "--json")
    [told] = json.loads(result.stdout)
    found = {one["id"]: one for one in told["findings"]}
    assert set(found) == {"answer_headers_too_large", "bodies_too_large"}
    assert {one["severity"] for one in found.values()} == {"notice"}
    assert result.returncode == 0
    assert (
        "POST /upload: client intended to send too large body: 99999999 bytes" in found["bodies_too_large"]["evidence"]
    )
    assert "client_max_body_megabytes (it is 1)" in found["bodies_too_large"]["fix"]
    assert "GET /headers-of" in found["answer_headers_too_large"]["evidence"]


def test_the_doctor_names_answers_that_came_too_late_were_cut_or_held_back(stage: Stage) -> None:
    if not stage.has_nginx:
        pytest.skip("it holds no answer back, and has other words for the rest: tests/host/proxies/haproxy")
    assert stage.curl("/late", "-o", "/dev/null", "-w", "%{http_code}").stdout == "504"
    cut = stage.curl("/cut", "--fail", "--http1.1")
    assert (cut.returncode, cut.stdout) == (18, "first")
    for kind in ("application/json", "application/jsonl"):
        assert stage.curl(f"/slowly?kind={kind}", "--compressed").stdout == '"first""last"'
    result = homeport(PROJECTS[stage], "doctor", "lab", "--limit", stage.host.name, "--json")
    found = {one["id"]: one for one in json.loads(result.stdout)[0]["findings"]}
    said = {name: (one["evidence"].partition("UTC: ")[2], one["fix"]) for name, one in found.items()}
    evidence, fix = said["answers_too_slow"]
    assert (
        evidence
        == "GET /late: upstream timed out (110: Connection timed out) while reading response header from upstream"
    )
    assert "proxy_read_timeout_seconds (it is 10)" in fix
    assert said["answers_cut"][0] == "GET /cut: upstream prematurely closed connection while reading upstream"
    evidence, fix = said["answers_held_back"]
    assert evidence == "GET /slowly: its pieces came over 3 s"
    assert found["answers_held_back"]["evidence"].startswith("once in the last hour")
    assert '"X-Accel-Buffering: no"' in fix
    assert {found[name]["severity"] for name in said} == {"notice"}
    assert result.returncode == 0
