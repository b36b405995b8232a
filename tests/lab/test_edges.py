"""The edges of a site on a machine: whom the proxy believes and lets in, behind an emulated CDN and without one.

The requests of `tests/edge_checks.py` come from this computer, which is the CDN (its address is in `trusted_proxies`),
and from the machine itself, by its own address (a visitor's) and over its loopback device. The tests of a proxy share a
machine, and go on from one another in the order in which they stand; each holds without those that are sampled.
"""

from __future__ import annotations

import shlex
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from homeport.lab import Lab
from homeport.lab.model import LabHost
from tests import edge_checks as checks
from tests.balancer import balancer
from tests.lab.commands import homeport, refusal, settle_data
from tests.lab.project import Project, Seen, changes_nothing, until
from tests.lab.seasoned import Seasoned

pytestmark = [pytest.mark.lab, pytest.mark.either_suite]
CURL = ("curl", "-sSik", "--path-as-is", "--max-time", "30")
APP = """
import asyncio
import os
from collections.abc import AsyncIterator

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import StreamingResponse

app = FastAPI()
next_piece = asyncio.Event()

@app.get("/events/stream")
async def stream() -> StreamingResponse:
    async def pieces() -> AsyncIterator[str]:
        next_piece.clear()
        yield '{"piece": 1}\\n'
        await asyncio.wait_for(next_piece.wait(), 30)
        yield '{"piece": 2}\\n'

    return StreamingResponse(pieces(), media_type="application/json")

@app.get("/next")
async def next_one() -> None:
    next_piece.set()

@app.api_route("/huge-headers", methods=["GET", "POST"])
def huge_headers(response: Response) -> None:
    response.headers["X-Huge"] = "x" * 60_000

@app.api_route("/status/{code}", methods=["GET", "POST"])
async def status(request: Request, response: Response, code: int) -> dict[str, object]:
    response.status_code = code
    return await echo(request, response)

@app.get("/missing")
def missing() -> None:
    raise HTTPException(404)

@app.api_route("/{path:path}", methods=["GET", "POST"])
async def echo(request: Request, response: Response, wait: int = 0) -> dict[str, object]:
    await request.body()  # with HAProxy an answer before that may not reach who is still sending
    await asyncio.sleep(wait)
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return {
        "client": request.client.host, "headers": [[k, v] for k, v in request.headers.items()],
        "variables": sorted(os.environ), "release": os.environ["HOMEPORT_RELEASE"],
    }
"""

SHOP = """
from fastapi import FastAPI, Request

app = FastAPI()

@app.get("/health")
def health() -> str:
    return "ok"

@app.get("/items/{path:path}")
def item(request: Request, path: str) -> dict[str, str]:
    scope = request.scope
    return {"path": path, "root": scope["root_path"], "url": str(request.url), "own": str(request.url_for("health"))}
"""


@dataclass
class Stage:
    """A machine that serves, and the project that deploys to it."""

    project: Project
    host: LabHost
    seen: Seen
    proxy: str
    is_closed: bool = False

    @cached_property
    def cdn(self) -> str:
        """The address that the machine sees of this computer."""
        with socket.create_connection((self.host.address, 443)) as one:
            return str(one.getsockname()[0])

    @property
    def served(self) -> str:
        return f"shop.{self.host.domain}"

    def ask(self, path: str, *options: str, via: str = "visitor", name: str = "") -> checks.Answer:
        name = name or self.host.domain
        place = "127.0.0.1" if via == "itself" else self.host.address
        command = [*self.command(name, place), *options, f"https://{name}{path}"]
        if via == "cdn":
            return checks.read(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        return checks.read(self.seen.shell(shlex.join(command)))

    def ask_balanced(
        self, path: str, preamble: bytes, *options: str, via: str = "cdn", port: int
    ) -> checks.Answer | None:
        """From the machine's own address a preamble is sent by curl, which names that address in it."""
        name = self.host.domain
        url = [*options, f"https://{name}{path}"]
        if via == "visitor":
            to = ["--connect-to", f"{name}:443:{self.host.address}:{port}"]
            own = ["--haproxy-protocol"] if preamble else []
            said = self.seen.shell(f"{shlex.join([*CURL, *to, *own, *url])} 2>/dev/null || true")
            return checks.read(said) if said else None
        with balancer((self.host.address, port), preamble) as here:
            command = [*CURL, "--connect-to", f"{name}:443:127.0.0.1:{here}", *url]
            done = subprocess.run(command, check=False, capture_output=True, text=True)
        return checks.read(done.stdout) if not done.returncode else None

    def command(self, name: str, place: str) -> list[str]:
        return [*CURL, "--http1.1", "--connect-to", f"{name}:443:{place}:443"]

    def close(self) -> None:
        """Have the site let in few, as those of the tests want it that come after the open ones."""
        if not self.is_closed:
            self.set_password(checks.PASSWORD)
            self.deployed(**checks.CLOSED, **(checks.SERVED_FILES if self.proxy == "nginx" else {}))
            self.is_closed = True

    def set_password(self, password: str) -> None:
        (self.project.folder / "secrets.env").write_text(f"TOKEN=1\n{checks.VARIABLE}='{password}'\n")

    def deployed(self, **data: Any) -> str:
        settle_data(self.project, **{"redirects": {}, "rate_limits": {}, "allow_from": [], **data})
        return self.project.deployed(self.host)


SITES = [
    *("bookworm-nginx", "trixie-nginx"),
    *(pytest.param(one, marks=pytest.mark.sampled("haproxy")) for one in ("bookworm-haproxy", "trixie-haproxy")),
]


@pytest.fixture(scope="module", params=SITES)
def stage(
    request: pytest.FixtureRequest, lab: Lab, tmp_path_factory: pytest.TempPathFactory, seasoned: Seasoned
) -> Iterator[Stage]:
    suite, _, proxy = request.param.partition("-")
    host = seasoned.add(f"edges-{request.param}", suite)
    seen = Seen(lab, host)
    if proxy != "nginx":
        seen.shell("systemctl -q disable --now nginx")
    project = Project.create(tmp_path_factory.mktemp("edges") / "project", lab, "hello", workers=1)
    project.write("main.py", APP)
    (project.folder / "secrets.env").write_text("TOKEN=1\n")
    for path, text in checks.FILES.items():
        project.write(path, text)
    stage = Stage(project, host, seen, proxy)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.connect((host.address, 443))
        cdn = one.getsockname()[0]
    known = {"served_domains": [stage.served], "trusted_proxies": [cdn], "secrets_file": "secrets.env"}
    stage.deployed(proxy=proxy, watch_seconds=0, **known, **checks.OPEN)
    yield stage
    lab.remove(host.name)


def test_a_visitor_behind_the_cdn_is_who_the_cdn_says_and_nobody_else_is_believed(stage: Stage) -> None:
    checks.check_addresses(stage.ask, stage.cdn, stage.host.address)
    for chain, client in ((checks.INSIDE_IPV6, checks.INSIDE_IPV6), (checks.INSIDE, checks.INSIDE)):
        assert f'"client":"{client}"' in stage.ask("/who", *checks.forwarded(chain), via="cdn").body
    assert f'"client":"{stage.host.address}"' in stage.ask("/who", *checks.forwarded(checks.INSIDE)).body
    stage.ask("/told", *checks.forwarded(f"{checks.OUTSIDE}, {checks.INSIDE}"), via="cdn")

    def logged() -> str:
        return homeport(
            stage.project, "logs", "lab", "--limit", stage.host.name, "--source", "proxy", "-n", "20"
        ).stdout

    assert until(lambda: "GET /told 200" in logged() and f"for {checks.INSIDE}" in logged(), 30), logged()


def test_redirects_headers_limits_and_names_are_as_the_settings_say(stage: Stage) -> None:
    checks.check_redirects(stage.ask, stage.host.domain)
    checks.check_limits(stage.ask)
    checks.check_headers(stage.ask, {"/who": 200, "/missing": 404, "/old": 308, "/login": 429})
    # With the lab's authority verified: the name is on the certificate.
    assert stage.seen.get("/who", name=stage.served)["headers"]
    to = ["--connect-to", f"{stage.served}:80:{stage.host.address}:80", f"http://{stage.served}/a?b"]
    plain = subprocess.run(["curl", "-sSi", *to], check=True, capture_output=True, text=True).stdout
    assert checks.read(plain).one("location") == f"https://{stage.served}/a?b"


def test_limits_are_those_of_the_path_and_streams_come_piece_by_piece(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(11 * 2**20))
    checks.check_paths(stage.ask, str(tmp_path / "large"))
    name = stage.host.domain
    checks.check_streams(stage.command(name, stage.host.address), f"https://{name}", stage.ask)


def test_answers_come_by_brotli_to_who_accepts_it_and_no_stream_waits_for_it(stage: Stage) -> None:
    if stage.proxy != "nginx":
        assert 'proxy = "haproxy" compresses nothing' in refusal(stage.project.deploy(stage.host, brotli=True), 2)
        return
    stage.deployed(**checks.OPEN, brotli=True)
    long = ("-H", f"X-Long: {'long ' * 500}", *checks.forwarded(checks.INSIDE))
    for accepted, coding in {"gzip, deflate, br": ["br"], "gzip": ["gzip"], "identity": []}.items():
        answer = stage.ask("/who", *long, "-H", f"Accept-Encoding: {accepted}", "-o", "/dev/null", "-D", "-", via="cdn")
        assert answer.all("content-encoding") == coding
    assert stage.ask("/who", *long, "--compressed", via="cdn").given["x-long"] == ("long " * 500).strip()
    address = f"https://{stage.host.domain}"
    checks.check_streams(stage.command(stage.host.domain, stage.host.address), address, stage.ask)
    stage.deployed(**checks.OPEN, brotli=False)
    assert stage.ask("/who", *long, "-H", "Accept-Encoding: br", via="cdn").all("content-encoding") == []


def test_errors_of_the_proxys_own_are_said_as_the_client_asks(stage: Stage, tmp_path: Path) -> None:
    """With Nginx by a page of the release, of which the proxy's user reads a copy."""
    (tmp_path / "large").write_bytes(bytes(2**20 + 1))
    own = {} if stage.proxy == "haproxy" else {"error_page": "errors/down.html"}
    stage.project.write("errors/down.html", checks.OWN_PAGE)
    stage.deployed(**checks.ERRORS, **own)
    try:
        checks.check_errors(stage.ask, str(tmp_path / "large"), checks.OWN_PAGE if own else "")
        page = "/var/www/homeport-static-hello/slots/*/error.html"
        assert stage.seen.shell(f"cat {page} 2>/dev/null || true") == (checks.OWN_PAGE if own else "")
        stage.seen.shell("systemctl stop 'hello@*.service'")
        for kind in (*checks.JSONS, checks.PAGE):
            answer = stage.ask("/who", *checks.forwarded(checks.INSIDE), *kind, via="cdn")
            assert (answer.status, answer.one("retry-after")) == (503, "5")
            assert (checks.OWN_PAGE in answer.body) == (kind == checks.PAGE and bool(own))
    finally:
        stage.deployed(**checks.OPEN, client_max_body_megabytes=10, error_page=None)


def test_load_balancers_say_whose_a_connection_is_and_nobody_else_does(stage: Stage) -> None:
    """The doctor and a renewal go on, which come without a preamble."""
    known = {"trusted_proxies": [], "allow_from": [*checks.CLOSED["allow_from"], stage.cdn]}
    stage.deployed(proxy_protocol=f"8443 from {stage.cdn}", **known)
    try:
        checks.check_balancers(stage.ask, stage.ask_balanced, 8443, stage.cdn)
        result = homeport(stage.project, "doctor", "lab", "--limit", stage.host.name)
        assert result.returncode == 0, result.stdout
        serial = stage.seen.serial()
        stage.seen.shell("certbot renew --force-renewal --no-random-sleep-on-renew")
        assert until(lambda: stage.seen.serial() != serial, 30)
        said = stage.project.deploy(stage.host).stdout
        assert said.count("No changes") == said.count("Starting operation") > 0, said
    finally:
        stage.deployed(proxy_protocol=None, trusted_proxies=[stage.cdn], **checks.OPEN)


@pytest.fixture(scope="module")
def shop(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project of another application, which is mounted on the stage's."""
    if stage.proxy == "haproxy":
        pytest.skip("refused with HAProxy")
    data = {"app_name": "shop", "mounted_on": "hello", "mount_path": "/shop", "port_blue": 8101, "port_green": 8102}
    shop = Project.create(tmp_path_factory.mktemp("shop") / "project", stage.project.lab, "hello", **data)
    shop.write("main.py", SHOP)
    settle_data(shop)
    return shop


def test_an_application_is_mounted_below_the_path_of_another_one(stage: Stage, shop: Project) -> None:
    site, before = f"https://{stage.host.domain}", stage.seen.get("/who")["release"]
    shop.deployed(stage.host)
    assert stage.seen.get("/shop/items/a%2Fb") == {
        **{"path": "a/b", "root": "/shop"},
        **{"url": f"{site}/shop/items/a/b", "own": f"{site}/shop/health"},
    }
    assert "url: '/shop/openapi.json'" in stage.ask("/shop/docs").body
    assert stage.seen.get("/shop/openapi.json")["servers"] == [{"url": "/shop"}]
    assert stage.ask("/shop/none").status == 404
    assert stage.ask("/shop").one("location") == f"{site}/shop/"
    assert stage.seen.get("/who")["release"] == before
    for project in (shop, stage.project):
        assert changes_nothing(project.deployed(stage.host))
    for project in (shop, stage.project):
        project.write("more.py", "")
        project.deployed(stage.host)
        assert stage.seen.get("/shop/items/a")["root"] == "/shop"
    assert stage.seen.get("/who")["release"] != before


def test_a_mounted_application_is_looked_at_and_removed_by_itself_and_its_owner_after_it(
    stage: Stage, shop: Project
) -> None:
    where = ("lab", "--limit", stage.host.name)
    shop.deployed(stage.host)
    stage.seen.get("/shop/items/seen")
    for words in (("status", *where), ("doctor", *where)):
        result = homeport(shop, *words)
        assert result.returncode == 0, result.stdout
    assert f"https://{stage.host.domain}/shop" in homeport(shop, "status", *where).stdout
    said = homeport(shop, "logs", *where, "--source", "proxy", "-n", "100").stdout
    assert "GET /shop/items/seen 200" in said
    assert "GET /who" not in said
    refused = homeport(stage.project, "remove", *where, "--yes")
    assert refused.returncode != 0
    assert "shop is mounted on hello at /shop; remove shop first" in refused.stdout
    gone = homeport(shop, "remove", *where, "--yes")
    assert gone.returncode == 0, gone.stdout
    assert stage.seen.get("/shop/items/a")["release"]  # the owner's answer
    assert changes_nothing(stage.project.deployed(stage.host))


def test_a_closed_site_lets_in_who_has_address_and_password(stage: Stage) -> None:
    stage.close()
    checks.check_who_may_ask(stage.ask)
    checks.check_passwords(stage.ask)
    checks.check_the_machine_itself(stage.ask)
    checks.check_headers(stage.ask, {"/who": 401})
    if stage.proxy == "nginx":  # HAProxy serves no files
        checks.check_files(stage.ask, stage.host.domain)
    answer = stage.ask("/who", *checks.GOOD, *checks.forwarded(checks.INSIDE), via="cdn")
    assert checks.VARIABLE not in answer.body
    assert '"TOKEN"' in answer.body
    said = stage.project.deploy(stage.host).stdout
    assert said.count("No changes") == said.count("Starting operation") > 0, said


def test_no_file_of_the_machine_has_the_password_and_only_the_proxy_reads_its_hash(stage: Stage) -> None:
    stage.close()
    quoted = shlex.quote(checks.PASSWORD)
    # In the journal are the commands of these tests.
    places = "/etc /srv /run/homeport /var/lib/homeport /var/log/nginx /tmp"
    assert stage.seen.shell(f"grep -rlF {quoted} {places} 2>/dev/null || true") == ""
    hashes = stage.seen.shell("grep -rlF '$2b$' /etc /srv /var/lib/homeport 2>/dev/null || true")
    assert len(hashes.splitlines()) == 1, hashes
    assert stage.seen.shell(f"runuser -u nobody -- cat {hashes} 2>&1 || true").endswith("Permission denied")
    assert stage.seen.shell(f"runuser -u hello -- cat {hashes} 2>&1 || true").endswith("Permission denied")


def test_a_closed_site_is_well_for_the_doctor_and_renews_its_certificate(stage: Stage) -> None:
    stage.close()
    result = homeport(stage.project, "doctor", "lab", "--limit", stage.host.name)
    assert result.returncode == 0, result.stdout
    serial = stage.seen.serial()
    stage.seen.shell("certbot renew --force-renewal --no-random-sleep-on-renew")
    assert until(lambda: stage.seen.serial() != serial, 30)


def test_maintenance_of_a_closed_site_is_shown_to_who_may_come_in(stage: Stage) -> None:
    stage.close()
    words = ("maintenance", "lab", "--limit", stage.host.name)
    assert homeport(stage.project, *words, "on").returncode == 0
    visitor = checks.forwarded(checks.INSIDE)
    assert stage.ask("/who", *visitor, via="cdn").status == 401
    assert stage.ask("/who", *checks.GOOD).status == 403
    checks.check_maintenance(stage.ask, *checks.GOOD, *visitor)
    assert homeport(stage.project, *words, "off").returncode == 0
    assert stage.ask("/who", *checks.GOOD, *visitor, via="cdn").status == 200


def test_a_way_back_lets_nobody_in_who_was_taken_off(stage: Stage) -> None:
    """The password changes by a deploy that makes no release; a release from before asks for the new one."""
    stage.close()
    stage.set_password("another one, please")
    stage.project.write("later.py", "")
    stage.project.deployed(stage.host)
    visitor, new = checks.forwarded(checks.INSIDE), ("-u", f"{checks.USER}:another one, please")
    for _ in range(2):
        assert stage.ask("/who", *checks.GOOD, *visitor, via="cdn").status == 401
        assert stage.ask("/who", *new, *visitor, via="cdn").status == 200
        done = homeport(stage.project, "rollback", "lab", "--limit", stage.host.name, "--yes")
        assert done.returncode == 0, done.stdout
