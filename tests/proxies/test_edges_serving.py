"""The edges of a site, served by a real Nginx, HAProxy and Traefik on this computer, where they are installed.

tests/lab/test_edges.py has the same on machines.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from homeport.proxies.chosen import proxy_of
from homeport.settings import Settings
from homeport.state.snapshot import MachineFound
from homeport.steps.context import Context
from tests import edge_checks as checks
from tests.balancer import balancer, version_2
from tests.holding_room import room
from tests.nginx_sites import BY_DNS, write
from tests.pace import patience, until
from tests.state.builders import make_settings, make_source

PATH = f"{os.environ['PATH']}:/usr/sbin"
CDN, VISITOR, ITSELF = "127.0.0.2", "127.0.0.3", "127.0.0.1"
SOURCES = {"cdn": CDN, "visitor": VISITOR, "itself": ITSELF}
CURL = ("curl", "-sSik", "--path-as-is")
MODULES = ("brotli_filter", "brotli_static")
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
END = "===%{num_connects}."
INSIDE_RANGES = checks.CLOSED["allow_from"]
DOMAIN, SERVED = "notes.example.com", "other.example.com"
STAR = "*.tenants.example.com"
# Curl's exit status for a handshake that fails.
TLS_FAILED = 35


class Application(BaseHTTPRequestHandler):
    """Tells what it was given, under a header that the settings replace."""

    protocol_version = "HTTP/1.1"
    next_piece = threading.Event()

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.path == "/events/stream":
            self._stream()
            return
        if self.path == "/next":
            self.next_piece.set()
        threading.Event().wait(int(self.path.partition("?wait=")[2] or 0))
        told = {
            "port": self.connection.getsockname()[1],
            "path": self.path,
            "headers": [[key.lower(), value] for key, value in self.headers.items()],
        }
        body = json.dumps(told).encode()
        wanted = self.path.removeprefix("/status/")
        self.send_response(404 if self.path == "/missing" else int(wanted) if wanted != self.path else 200)
        self.send_header("X-Frame-Options", "SAMEORIGIN")
        if self.path == "/json":
            self.send_header("Content-Type", "application/json")
        if self.path == "/huge-headers":
            self.send_header("X-Huge", "x" * 60_000)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self) -> None:
        self.next_piece.clear()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number in (1, 2):
            piece = f'{{"piece": {number}}}\n'.encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
            self.next_piece.wait(60)
        self.wfile.write(b"0\r\n\r\n")

    do_GET = do_POST = _answer  # noqa: N815

    def log_message(self, *words: object) -> None:
        """Say nothing."""


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Site:
    """A site that is served on this computer."""

    def __init__(self, ports: dict[int, int], log: Path, maintenance: Path):
        self.ports, self.port, self.log, self.maintenance = ports, ports[443], log, maintenance

    def command(self, via: str, name: str) -> list[str]:
        return [
            *(*CURL, "--http1.1", "--max-time", "20", "--interface", SOURCES[via]),
            *("--connect-to", f"{name or DOMAIN}:443:127.0.0.1:{self.port}"),
        ]

    def ask(self, path: str, *options: str, via: str = "visitor", name: str = "") -> checks.Answer:
        command = [*self.command(via, name), *options, f"https://{name or DOMAIN}{path}"]
        return checks.read(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    def ask_plainly(self, path: str, name: str) -> checks.Answer | None:
        """Ask without TLS; None: the connection is closed without an answer."""
        to = ("--connect-to", f"{name}:80:127.0.0.1:{self.ports[80]}")
        done = subprocess.run([*CURL, *to, f"http://{name}{path}"], check=False, capture_output=True, text=True)
        return checks.read(done.stdout) if not done.returncode else None

    def shows_certificate(self, name: str) -> bool:
        command = ["curl", "-sk", "--connect-to", f"{name}:443:127.0.0.1:{self.port}", f"https://{name}/"]
        return subprocess.run(command, check=False, capture_output=True).returncode != TLS_FAILED

    def ask_balanced(
        self, path: str, preamble: bytes, *options: str, via: str = "cdn", port: int
    ) -> checks.Answer | None:
        target = ("127.0.0.1", self.port if port == 443 else port)
        with balancer(target, preamble, SOURCES[via]) as here:
            command = [*CURL, "--max-time", "20", "--connect-to", f"{DOMAIN}:443:127.0.0.1:{here}"]
            done = subprocess.run(
                [*command, *options, f"https://{DOMAIN}{path}"], check=False, capture_output=True, text=True
            )
        return checks.read(done.stdout) if not done.returncode else None

    def ask_twice(self, path: str, first: tuple[str, ...], second: tuple[str, ...]) -> list[checks.Answer]:
        """Ask twice on one connection."""
        one, url = [*self.command("cdn", ""), "-w", END], f"https://{DOMAIN}{path}"
        command = [*one, *first, url, "--next", *one[1:], *second, url]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        texts = said.split(END.partition("%")[0])
        assert [text.partition(".")[0] for text in texts[1:]] == ["1", "0"]
        return [checks.read(texts[0]), checks.read(texts[1].partition(".")[2])]


@contextmanager
def served(proxy: str, folder: Path, **data: Any) -> Iterator[Site]:
    """Serve a site with these settings by one of the proxies."""
    application = ThreadingHTTPServer(("127.0.0.1", 0), Application)
    threading.Thread(target=application.serve_forever, args=(0.01,), daemon=True).start()
    known = {"served_domains": [SERVED], "trusted_proxies": [CDN], **data}
    try:
        with running(folder, make_settings(proxy=proxy, port_blue=application.server_port, **known)) as ports:
            log = folder / ("access.log" if proxy == "nginx" else "said")
            yield Site(ports, log, folder / "maintenance.json")
    finally:
        application.shutdown()


@contextmanager
def running(folder: Path, *sites: Settings) -> Iterator[dict[int, int]]:
    """Run the proxy with the sites of these settings, their files in `folder`; yield its ports for HTTP and HTTPS."""
    settings = sites[0]
    program = shutil.which(settings.proxy, path=PATH)
    if not program:
        pytest.skip(f"no {settings.proxy} here")
    ports = {80: free_port(), 443: free_port()}
    secrets = {checks.VARIABLE: checks.PASSWORD}
    # Without IPv6, whose addresses are not replaced: two runs of these tests may be at work on one computer.
    machine = MachineFound("debian", "12", ipv6=False)
    contexts = [Context(one, make_source(), {}, proxy_secrets=secrets, machine=machine) for one in sites]
    files = {file.path: file for one in contexts for file in proxy_of(settings.proxy).step(one).files}
    for place, file in files.items():
        if place.startswith("/etc/homeport/notes/"):
            (folder / place.rpartition("/")[2]).write_text(file.content)
    commands = {"nginx": nginx, "haproxy": haproxy, "caddy": caddy, "traefik": traefik}
    command = commands[settings.proxy](program, folder, files, ports)
    with (folder / "said").open("w") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, env={**os.environ, "HOME": str(folder)})
    try:
        ready = has_read if settings.proxy == "traefik" else lambda ports: listening(ports[443])
        assert until(lambda: ready(ports) or process.poll() is not None, 20)
        assert process.poll() is None, (folder / "said").read_text()
        yield ports
    finally:
        process.terminate()
        process.wait()


def listening(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def has_read(ports: dict[int, int]) -> bool:
    """Tell whether Traefik has read its sites, which it does after it listens."""
    asked = ["curl", "-s", "-H", "Host: homeport.invalid", f"http://127.0.0.1:{ports[80]}/"]
    return subprocess.run(asked, check=False, capture_output=True, text=True).stdout == "read"


def certificate(folder: Path) -> None:
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-subj", f"/CN={DOMAIN}", "-addext", f"subjectAltName=DNS:{DOMAIN},DNS:{SERVED},DNS:{STAR}"]
    (folder / "tls").mkdir()
    names = ["-keyout", str(folder / "tls" / "privkey.pem"), "-out", str(folder / "tls" / "fullchain.pem")]
    subprocess.run([*command, *names], check=True, capture_output=True)


def nginx(program: str, folder: Path, files: dict[str, Any], ports: dict[int, int]) -> list[str]:
    certificate(folder)
    (folder / "mime.types").write_text("types { text/html html; }\n")
    main = write(folder, {path: file for path, file in files.items() if file.file_set == "nginx"})
    everything = "".join(file.content for file in files.values())
    for path in (main, *(folder / "homeport").rglob("*.conf")):
        text = path.read_text()
        for port, here in ports.items():
            text = text.replace(f"listen {port}", f"listen 127.0.0.1:{here}")
            text = text.replace(f"listen [::]:{port}", f"listen [::1]:{here}")
        text = text.replace("user www-data;", "user root;\ndaemon off;").replace(
            "worker_processes auto", "worker_processes 1"
        )
        text = text.replace("/var/www/homeport-static-notes", f"{folder}/static")
        text = text.replace("/run/homeport/", f"{folder}/").replace("/etc/homeport/notes/", f"{folder}/")
        text = text.replace("/etc/homeport/shop/", f"{folder}/shop/")
        text = text.replace("/run/homeport-hold.sock", f"{folder}/hold.sock")
        temporary = (f"{kind}_temp_path {folder}/temporary;" for kind in TEMPORARY)
        text = text.replace("http {\n", "\n".join(["http {", *temporary, ""]))
        modules = [f"load_module {module(program, name)};" for name in MODULES if "brotli on;" in everything]
        path.write_text(text.replace(f"include {folder}/modules-enabled/*.conf;", "\n".join(modules)))
    return [program, "-e", str(folder / "error.log"), "-c", str(main)]


def module(program: str, name: str) -> Path:
    """Return the file of one of Debian's modules, which are beside its Nginx."""
    path = Path(program).resolve().parents[1] / "lib/nginx/modules" / f"ngx_http_{name}_module.so"
    if not path.exists():
        pytest.skip(f"no module {name} here")
    return path


def haproxy(program: str, folder: Path, files: dict[str, Any], ports: dict[int, int]) -> list[str]:
    certificate(folder)
    (folder / "both.pem").write_text(
        "".join((folder / "tls" / name).read_text() for name in ("fullchain.pem", "privkey.pem"))
    )
    (folder / "homeport").mkdir()
    names = []
    for path, file in files.items():
        if file.file_set != "haproxy":
            continue
        text = file.content.replace("/run/homeport/haproxy/", f"{folder}/").replace("/etc/haproxy/", f"{folder}/")
        text = text.replace("/run/haproxy/", f"{folder}/").replace("/etc/homeport/notes/", f"{folder}/")
        text = text.replace("/run/homeport/", f"{folder}/")
        names += re.findall(r"^backend https:(\S+)", text, re.MULTILINE)
        text = text.replace("    user haproxy\n    group haproxy\n", "    user root\n    nbthread 1\n")
        for port, here in ports.items():
            text = text.replace(f"bind :{port}", f"bind 127.0.0.1:{here}").replace(
                f"bind :::{port}", f"bind ::1:{here}"
            )
        (folder / path.removeprefix("/etc/haproxy/")).write_text(text)
    (folder / "names").write_text("\n".join(names))
    shown = " ".join(f"*{name[1:]}" if name.startswith("_.") else name for name in names)
    (folder / "crt-list").write_text(f"{folder}/both.pem {shown}\n")
    return [program, "-db", "-f", str(folder / "haproxy.cfg"), "-f", str(folder / "homeport")]


def caddy(program: str, folder: Path, files: dict[str, Any], ports: dict[int, int]) -> list[str]:
    certificate(folder)
    (folder / "homeport").mkdir()
    for path, file in files.items():
        if file.file_set != "caddy":
            continue
        text = re.sub(r"/run/homeport/caddy/[a-z]+\.pem", f"{folder}/tls/fullchain.pem", file.content)
        text = re.sub(r"/run/homeport/caddy/[a-z]+\.key", f"{folder}/tls/privkey.pem", text)
        text = text.replace("/etc/caddy/", f"{folder}/").replace("/run/caddy/", f"{folder}/")
        text = text.replace("/run/homeport/", f"{folder}/").replace("/etc/homeport/notes", str(folder))
        text = text.replace("/run/homeport-hold.sock", f"{folder}/hold.sock")
        apart = (
            f"    http_port {ports[80]}\n    https_port {ports[443]}\n    default_bind 127.0.0.1\n    auto_https off\n"
        )
        text = text.replace("    auto_https off\n", apart)
        (folder / path.removeprefix("/etc/caddy/")).write_text(text)
    return [program, "run", "--config", str(folder / "Caddyfile")]


def traefik(program: str, folder: Path, files: dict[str, Any], ports: dict[int, int]) -> list[str]:
    certificate(folder)
    (folder / "names").mkdir()
    for name, place in {"notes": folder, "shop": folder / "shop"}.items():
        (folder / "names" / name).symlink_to(place)
    for path, file in files.items():
        if file.file_set != "traefik":
            continue
        text = file.content.replace("/run/homeport/traefik", f"{folder}/laid-out").replace(
            "/run/homeport/", f"{folder}/"
        )
        text = text.replace("/etc/homeport/notes/", f"{folder}/").replace("/etc/homeport/shop/", f"{folder}/shop/")
        text = text.replace('"/etc/homeport"', f'"{folder}/names"').replace("/etc/traefik", f"{folder}/traefik")
        text = text.replace('USER = "www-data"', f"USER = {os.getgid()}")
        for port, here in ports.items():
            text = text.replace(f'"0.0.0.0:{port}"', f'"127.0.0.1:{here}"')
        place = folder / path.removeprefix("/etc/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    subprocess.run([sys.executable, folder / "traefik/homeport/prepare", "read"], check=True)
    return ["env", f"--chdir={folder}/traefik", program, f"--configfile={folder}/traefik/traefik.yaml"]


@pytest.fixture(params=["nginx", "haproxy", "caddy", "traefik"])
def any_proxy(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["nginx", "haproxy", "traefik"])
def proxy(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_site_that_is_open_to_all(tmp_path: Path, proxy: str) -> None:
    with served(proxy, tmp_path, **checks.OPEN) as site:
        checks.check_addresses(site.ask, CDN, VISITOR)
        checks.check_addresses_on_one_connection(site.ask_twice, CDN)
        checks.check_redirects(site.ask, DOMAIN)
        checks.check_limits(site.ask)
        (tmp_path / "large").write_bytes(bytes(11 * 2**20))
        checks.check_paths(site.ask, str(tmp_path / "large"))
        checks.check_streams(site.command("cdn", ""), f"https://{DOMAIN}", site.ask)
        statuses = {"/who": 200, "/missing": 404, "/old": 308, "/login": 429}
        checks.check_headers(site.ask, statuses)
        assert site.ask("/old", name=SERVED).one("location") == f"https://{SERVED}/new"
        assert site.ask("/who", name=SERVED).given["host"] == SERVED
        client = "request_X-Real-Ip" if proxy == "traefik" else "client"
        assert until(lambda: f'"{client}":"{checks.OUTSIDE_IPV6}"' in logged(site), 10)


def test_a_name_with_a_star_is_every_name_with_one_label_there(tmp_path: Path, any_proxy: str) -> None:
    known = {"served_domains": [SERVED, STAR], "domain_aliases": ["old.tenants.example.com"], **BY_DNS}
    with served(any_proxy, tmp_path, **known, trusted_proxies=(), redirects={"/old": "/new"}) as site:
        for name in ("a.tenants.example.com", "b--c.tenants.example.com"):
            answer = site.ask("/who", name=name)
            assert (answer.given["host"], answer.given["x-forwarded-host"]) == (name, name)
            assert site.ask("/old", name=name).one("location") == f"https://{name}/new"
            plainly = site.ask_plainly("/who?a", name)
            assert plainly
            assert plainly.one("location") == f"https://{name}/who?a"
        assert site.ask("/who", name="old.tenants.example.com").one("location") == f"https://{DOMAIN}/who"
        assert site.ask("/who", name=SERVED).given["host"] == SERVED
        # Neither more labels nor none, in the handshake and, behind a good one, in the request.
        for name in ("a.b.tenants.example.com", "tenants.example.com", "tenants.example.com.evil.example"):
            assert not site.shows_certificate(name)
            assert site.ask("/who", "-H", f"Host: {name}").status == 421
            assert site.ask_plainly("/who", name) is None


def test_answers_are_compressed_as_the_visitor_accepts_it(tmp_path: Path) -> None:
    publish(tmp_path)
    page = tmp_path / "static/slots/notes_blue/plain/static/a.css"
    for end in ("gz", "br"):
        page.with_name(f"a.css.{end}").write_text(f"by {end}")
    known = {"static": {"/static": "static"}, "path_settings": {"/events": {"streamed": True}}}
    with served("nginx", tmp_path, brotli=True, **known) as site:
        long = ("-H", f"X-Long: {'long ' * 500}")
        for accepted, coding in {"gzip, deflate, br": "br", "gzip": "gzip", "br": "br", "identity": ""}.items():
            wanted = ("-H", f"Accept-Encoding: {accepted}")
            answer = site.ask("/json", *long, *wanted, "-o", "/dev/null", "-D", "-")
            assert answer.all("content-encoding") == ([coding] if coding else []), accepted
            assert answer.one("vary") == "Accept-Encoding"
            assert site.ask("/json", *wanted).all("content-encoding") == []
            file = site.ask("/static/a.css", *wanted)
            assert file.body == {"br": "by br", "gzip": "by gz", "": checks.FILES["static/a.css"]}[coding]
        whole = site.ask("/json", *long, "--compressed")
        assert whole.one("content-encoding") == "br"
        assert whole.given["x-long"] == ("long " * 500).strip()
        checks.check_streams(site.command("cdn", ""), f"https://{DOMAIN}", site.ask)


@pytest.mark.parametrize("first", [0, 1])
def test_another_sites_name_goes_before_a_name_with_a_star(tmp_path: Path, any_proxy: str, first: int) -> None:
    stars = make_settings(proxy=any_proxy, served_domains=[STAR], redirects={"/": "/notes"}, **BY_DNS)
    own = make_settings(
        **{"proxy": any_proxy, "app_name": "shop", "domain": "shop.tenants.example.com", "domain_aliases": ()},
        **{"redirects": {"/": "/shop"}, "port_blue": 8003, "port_green": 8004},
    )
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "tls").symlink_to(tmp_path / "tls")
    with running(tmp_path, *((stars, own) if first == 0 else (own, stars))) as ports:
        site = Site(ports, tmp_path, tmp_path)
        for name, target in {"shop": "/shop", "other": "/notes", "www": "/notes"}.items():
            where = f"https://{name}.tenants.example.com"
            assert site.ask("/", name=f"{name}.tenants.example.com").one("location") == f"{where}{target}"


def logged(site: Site) -> str:
    site.ask("/logged", *checks.forwarded(checks.OUTSIDE_IPV6), via="cdn")
    return site.log.read_text()


def test_a_site_that_is_closed_to_most(tmp_path: Path, proxy: str) -> None:
    with served(proxy, tmp_path, **checks.CLOSED) as site:
        checks.check_who_may_ask(site.ask)
        checks.check_passwords(site.ask)
        checks.check_the_machine_itself(site.ask)
        checks.check_headers(site.ask, {"/who": 401})
        assert site.ask("/who", *checks.GOOD, *checks.forwarded(checks.INSIDE), via="cdn", name=SERVED).status == 200
        assert site.ask("/who", *checks.GOOD, name=SERVED).status == 403


def test_errors_of_the_proxys_own_are_said_as_the_client_asks(tmp_path: Path, proxy: str) -> None:
    (tmp_path / "large").write_bytes(bytes(2**20 + 1))
    with served(proxy, tmp_path, **checks.ERRORS) as site:
        checks.check_errors(site.ask, str(tmp_path / "large"))
        site.maintenance.touch()
        checks.check_maintenance(site.ask, *checks.forwarded(checks.INSIDE))


def test_a_page_of_the_releases_own_stands_for_an_application_that_does_not_answer(tmp_path: Path) -> None:
    publish(tmp_path)
    (tmp_path / "large").write_bytes(bytes(2**20 + 1))
    page = tmp_path / "static/slots/notes_blue/error.html"
    page.write_text(checks.OWN_PAGE)
    own = {**checks.ERRORS, "error_page": "errors/down.html", "hold_seconds": 0}
    with served("nginx", tmp_path, **own) as site:
        checks.check_errors(site.ask, str(tmp_path / "large"), checks.OWN_PAGE)
        assert site.ask("/.homeport/error.html", *checks.forwarded(checks.INSIDE), via="cdn").status == 404
        page.unlink()
        assert "<h1>Error</h1>" in site.ask("/huge-headers", *checks.forwarded(checks.INSIDE), via="cdn").body


def test_a_page_of_the_releases_own_is_for_who_may_come_in(tmp_path: Path) -> None:
    (tmp_path / "static/slots/notes_blue").mkdir(parents=True)
    (tmp_path / "static/slots/notes_blue/error.html").write_text(checks.OWN_PAGE)
    inside = checks.forwarded(checks.INSIDE)
    with served("nginx", tmp_path, **checks.CLOSED, error_page="errors/down.html") as site:
        assert checks.OWN_PAGE not in site.ask("/huge-headers", *inside, via="cdn").body
        answer = site.ask("/huge-headers", *checks.GOOD, *inside, via="cdn")
        assert (answer.status, answer.body) == (502, checks.OWN_PAGE)
        site.maintenance.touch()
        assert site.ask("/who", *checks.JSONS[0], *inside, via="cdn").status == 401
        checks.check_maintenance(site.ask, *checks.GOOD, *inside)


@pytest.mark.parametrize("proxy", ["nginx", "haproxy"])
def test_load_balancers_say_whose_a_connection_is_and_nobody_else_does(tmp_path: Path, proxy: str) -> None:
    port = free_port()
    known = {"proxy_protocol": f"{port} from {CDN}", "trusted_proxies": [], "allow_from": [*INSIDE_RANGES, CDN]}
    with served(proxy, tmp_path, **known) as site:
        checks.check_balancers(site.ask, site.ask_balanced, port, CDN)
        assert until(lambda: f'"client":"{checks.INSIDE_IPV6}"' in balanced_log(site, port), 10)


def balanced_log(site: Site, port: int) -> str:
    site.ask_balanced("/logged", version_2(checks.INSIDE_IPV6), port=port)
    return site.log.read_text()


def test_behind_a_load_balancer_a_cdns_word_is_taken_by_haproxy(tmp_path: Path) -> None:
    port = free_port()
    with served("haproxy", tmp_path, proxy_protocol=f"{port} from {CDN}", trusted_proxies=[checks.OUTSIDE]) as site:
        answer = site.ask_balanced("/who", version_2(checks.OUTSIDE), *checks.forwarded(checks.INSIDE), port=port)
        assert answer
        assert answer.given["x-real-ip"] == checks.INSIDE


def publish(folder: Path) -> None:
    """Put files where the host program does for the live slot."""
    for path, text in checks.FILES.items():
        place = folder / "static/slots/notes_blue/plain" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)


def test_files_of_a_closed_site_are_closed_as_well(tmp_path: Path) -> None:
    publish(tmp_path)
    with served("nginx", tmp_path, **checks.CLOSED, **checks.SERVED_FILES) as site:
        checks.check_files(site.ask, DOMAIN)


def test_files_have_the_headers_limits_and_redirects_of_the_site(tmp_path: Path) -> None:
    publish(tmp_path)
    limits = {"/static": "1/minute", "/admin": "1/minute"}
    with served("nginx", tmp_path, **{**checks.OPEN, "rate_limits": limits}, **checks.SERVED_FILES) as site:
        assert site.ask("/", *checks.PAGE).one("location").endswith("/welcome#top")
        for path in ("/static/a.css", "/admin/"):
            assert [site.ask(path, *checks.PAGE).status for _ in range(2)] == [200, 429]
        checks.check_headers(site.ask, {"/static/a.css": 200, "/login": 200, "/old": 308})


def test_who_asks_too_often_in_maintenance_is_told_once_when_to_come_back(tmp_path: Path) -> None:
    with served("nginx", tmp_path, rate_limits={"/": "1/minute"}) as site:
        site.maintenance.touch()
        answers = [site.ask("/who") for _ in range(3)]
        assert answers[0].status == 503
        assert [len(one.all("retry-after")) for one in answers] == [1, 1, 1]


def test_what_comes_by_a_tunnel_that_ends_on_the_machine_is_not_the_machines_own(tmp_path: Path, proxy: str) -> None:
    with served(proxy, tmp_path, **{**checks.CLOSED, "trusted_proxies": [ITSELF]}) as site:
        for forged in (checks.OUTSIDE, f"{ITSELF}, {checks.OUTSIDE}"):
            assert site.ask("/health", *checks.forwarded(forged), via="itself").status == 403
        assert site.ask("/health", *checks.forwarded(checks.INSIDE), via="itself").status == 401
        assert site.ask("/who", *checks.GOOD, *checks.forwarded(checks.INSIDE), via="itself").status == 200
        assert site.ask("/health", via="itself").status == 200


@contextmanager
def mounted(folder: Path, owner: dict[str, Any], **shop: Any) -> Iterator[tuple[Site, int]]:
    """Serve a site with another application below /shop, and yield the port of that one, which has one slot."""
    with ExitStack() as stack:
        ports = []
        for _ in range(2):
            application = ThreadingHTTPServer(("127.0.0.1", 0), Application)
            threading.Thread(target=application.serve_forever, args=(0.01,), daemon=True).start()
            stack.callback(application.shutdown)
            ports.append(application.server_port)
        known = {"served_domains": [SERVED], "trusted_proxies": [CDN], "domain_aliases": ()}
        own = make_settings(port_blue=ports[0], **{**known, **owner})
        below = {"app_name": "shop", "mounted_on": "notes", "mount_path": "/shop", "domain_aliases": ()}
        second = make_settings(**{**below, "port_blue": ports[1], "port_green": free_port(), **shop})
        shared = stack.enter_context(running(folder, own, second))
        yield Site(shared, folder / "access.log", folder / "maintenance.json"), ports[1]


def test_a_mounted_application_is_served_below_its_path_and_nothing_else_is(tmp_path: Path) -> None:
    with mounted(tmp_path, {}) as (site, port):
        for path, given in (
            ("/shop/", "/"),
            ("/shop/items?a=%2Fb&c", "/items?a=%2Fb&c"),
            ("/shop/a%2Fb//c/../d%20e", "/a%2Fb//c/../d%20e"),
        ):
            told = json.loads(site.ask(path).body)
            assert (told["port"], told["path"]) == (port, given)
        slash = site.ask("/shop?a=1")
        assert (slash.status, slash.one("location")) == (308, f"https://{DOMAIN}/shop/?a=1")
        for path in ("/", "/shopping", "/shop.txt", "/x/shop/", "/shop/../who", "/SHOP/"):
            assert json.loads(site.ask(path).body)["port"] != port, path
        for path in ("/%73hop/", "//shop/", "/./shop/", "/x/../shop/"):
            assert site.ask(path).status == 404, path
        given_headers = site.ask("/shop/", "-H", "X-Forwarded-Prefix: /evil", name=SERVED).given
        assert (given_headers["x-forwarded-prefix"], given_headers["host"]) == ("/shop", SERVED)


def test_the_owners_edges_count_for_a_mounted_application_too(tmp_path: Path) -> None:
    with mounted(tmp_path, checks.CLOSED) as (site, port):
        visitor = checks.forwarded(checks.INSIDE)
        assert site.ask("/shop/", *checks.GOOD).status == 403
        for path in ("/shop", "/shop/", "/shop/health"):
            assert site.ask(path, *visitor, via="cdn").status == 401
        answer = site.ask("/shop/who", *checks.GOOD, *visitor, via="cdn")
        assert json.loads(answer.body)["port"] == port
        assert "authorization" not in answer.given
        assert answer.given["x-real-ip"] == checks.INSIDE
        checks.check_headers(
            lambda path, *options, **more: site.ask(path, *checks.GOOD, *options, **more),
            {"/shop/who": 200, "/shop/status/404": 404, "/shop/huge-headers": 502},
        )
        site.maintenance.touch()
        assert site.ask("/shop/who", *checks.GOOD, *visitor, via="cdn").status == 503


def test_a_mounted_application_has_limits_and_errors_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(2**20 + 1))
    body = ("-H", "Expect:", "--data-binary", f"@{tmp_path / 'large'}")
    limits = {"client_max_body_megabytes": 1, "proxy_read_timeout_seconds": 1}
    with mounted(tmp_path, {"rate_limits": {"/shop/often": "1/minute"}}, **limits) as (site, _):
        assert site.ask("/shop/who", "-H", "Authorization: Bearer x").given["authorization"] == "Bearer x"
        assert site.ask("/shop/often").status == 200
        for path, status, options in (
            ("/shop/often", 429, ()),
            ("/shop/who", 413, body),
            ("/shop/who?wait=3", 504, ()),
            ("/shop/huge-headers", 502, ()),
        ):
            answer = site.ask(path, *options, *checks.JSONS[0])
            assert (answer.status, list(json.loads(answer.body))) == (status, ["detail"]), path
        assert site.ask("/who", *body).status == 200
        assert site.ask("/who?wait=2").status == 200


def test_requests_wait_for_a_mounted_application(tmp_path: Path) -> None:
    (tmp_path / "etc/homeport").mkdir(parents=True)
    (tmp_path / "run").mkdir()
    (tmp_path / "shop").mkdir()
    (tmp_path / "etc/homeport/shop").symlink_to(tmp_path / "shop")
    (tmp_path / "run/homeport").symlink_to(tmp_path)
    green = free_port()
    with (
        room(tmp_path, tmp_path / "hold.sock"),
        mounted(tmp_path, {"hold_seconds": 0}, hold_seconds=60, port_green=green) as (site, _),
        ThreadPoolExecutor(2) as pool,
    ):
        (tmp_path / "shop/live-green").touch()
        asked = [pool.submit(site.ask, "/shop/a%2Fb?c", *options) for options in ((), ("--data", "a=b"))]
        assert site.ask("/who").status == 200
        assert not any(one.done() for one in asked)
        application = ThreadingHTTPServer(("127.0.0.1", green), Application)
        threading.Thread(target=application.serve_forever, args=(0.01,), daemon=True).start()
        answers = [json.loads(one.result(patience(60)).body) for one in asked]
        application.shutdown()
    assert [(one["port"], one["path"]) for one in answers] == [(green, "/a%2Fb?c")] * 2


def test_who_waits_for_a_mounted_application_in_vain_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "etc/homeport").mkdir(parents=True)
    (tmp_path / "run").mkdir()
    gone = {"hold_seconds": 1, "port_blue": free_port()}
    with room(tmp_path, tmp_path / "hold.sock"), mounted(tmp_path, {"hold_seconds": 0}, **gone) as (site, _):
        answer = site.ask("/shop/", *checks.JSONS[0])
        assert (answer.status, answer.one("retry-after")) == (503, "5")
        assert "Try again" in json.loads(answer.body)["detail"]
