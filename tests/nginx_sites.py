"""Sites of many shapes, as the proxy step renders them, and the folder that a real Nginx checks them in."""

from __future__ import annotations

import random
import re
import string
from pathlib import Path
from typing import Any

from homeport.proxies.nginx.step import proxy
from homeport.settings import Settings
from homeport.state.snapshot import MachineFound
from homeport.state.wanted import File
from homeport.steps.context import Context
from tests.state.builders import make_settings, make_source

LABEL = string.ascii_lowercase + string.digits


def files(sites: list[Settings], machine: MachineFound, overrides: Path | None = None) -> dict[str, File]:
    """Return Nginx's files for all of these sites on one machine, by path."""
    found: dict[str, File] = {}
    for settings in sites:
        context = Context(
            settings=settings, source=make_source(), machine=machine, secrets={}, overrides=overrides, by=""
        )
        found |= {file.path: file for file in proxy(context).files if file.file_set == "nginx"}
    return found


HSTS: tuple[dict[str, Any], ...] = (
    {"hsts_seconds": 0},
    {"hsts_seconds": 1},
    {"hsts_seconds": 63072000, "hsts_subdomains": True},
    {"hsts_seconds": 10**9, "hsts_subdomains": True, "hsts_preload": True},
)


# What a name with a star needs.
BY_DNS: dict[str, Any] = {
    "acme_dns_plugin": "certbot-dns-rfc2136",
    "acme_dns_requirements_file": "plugin.txt",
    "acme_dns_credentials_file": "dns.ini",
}
# The edges of a site (settings/edges.py); most sites have none.
EDGES: tuple[dict[str, Any], ...] = (
    {},
    {},
    {"trusted_proxies": ["192.0.2.0/24", "2001:db8::1"], "allow_from": ["10.0.0.0/8", "10.1.0.0/16", "fc00::/7"]},
    {
        "allow_from": ["192.0.2.7"],
        "rate_limits": {f"/{number}": "1/second" for number in range(10)},
        "response_headers": {f"X-{number}": "a" for number in range(99)},
        "health_path": f"/{'x' * 200}?a=b",
    },
    {
        "path_settings": {
            "/a(b)*.c,d": {"client_max_body_megabytes": 10**6, "streamed": True},
            **{f"/up/{number}": {"proxy_read_timeout_seconds": 86400} for number in range(19)},
        }
    },
    {"basic_auth": {"guest": "GUEST"}, "allow_from": ["192.0.2.7"], "rate_limits": {"/a-b.c(d)": "1/second"}},
    {
        "response_headers": {"X-A": 'a \\ "b" % {c}; include d', "X-B": "#"},
        "redirects": {"/": "/a(b)*;c#d", "/a,b": "https://a.example:8443?x"},
        "rate_limits": {
            "/": {"rate": "99999/minute", "burst": 100_000},
            "/a": "1/minute",
            "/b": "2/second",
            "/c": "3/second",
        },
        "trusted_proxies": ["127.0.0.1"],
    },
)


def some_sites(chance: random.Random) -> list[Settings]:
    """Return the settings of one to three applications that can live on one machine."""
    names = chance.sample(("notes", "a1", "a-b-c", "n" * 31, "blue", "default", "nginx", "x9"), chance.randint(1, 3))
    return [_site(chance, name, number) for number, name in enumerate(names)]


def _site(chance: random.Random, name: str, number: int) -> Settings:
    domains = {f"s{number}-{_domain(chance)}" for _ in range(chance.choice((1, 1, 2, 6)))}
    domain, *aliases = sorted(domain[-253:].lstrip("-.") for domain in domains)
    return make_settings(
        app_name=name,
        domain=domain,
        domain_aliases=[alias for alias in aliases if alias != domain],
        port_blue=chance.choice((1024, 8001, 65534)),
        port_green=chance.choice((1025, 8002, 65535)),
        standby=chance.random() < 0.3,
        tls_profile=chance.choice(("intermediate", "modern")),
        **chance.choice(HSTS),
        client_max_body_megabytes=chance.choice((1, 10, 10**6)),
        proxy_read_timeout_seconds=chance.choice((1, 60, 86400)),
        response_headers_kilobytes=chance.choice((4, 32, 128)),
        **chance.choice(EDGES),
        **(BY_DNS if chance.random() < 0.5 else {"tls": "files", "tls_certificate_file": "a", "tls_key_file": "b"}),
        served_domains=chance.choice(((), (), (f"*.s{number}.example.com", f"*.{number}a-b.example.com"))),
    )


def _domain(chance: random.Random) -> str:
    labels = ["".join(chance.choices(LABEL, k=chance.choice((1, 3, 12, 50)))) for _ in range(chance.randint(1, 5))]
    return ".".join([*labels, chance.choice(("com", "xn--p1ai", "museum"))])


def write(folder: Path, content: dict[str, File], *, on_host: str = "") -> Path:
    """Write the files as a configuration of its own below `folder`, which lies at `on_host`; return its main file."""
    root = on_host or str(folder)
    for path, file in content.items():
        target = folder / path.removeprefix("/etc/nginx/")
        target.parent.mkdir(parents=True, exist_ok=True)
        text = file.content.replace("/etc/nginx/", f"{root}/").replace("/var/log/nginx/", f"{root}/")
        text = re.sub(r"/etc/homeport/[^/]+/tls/", f"{root}/tls/", text)
        target.write_text(text.replace("/run/nginx.pid", f"{root}/nginx.pid"))
    return folder / "nginx.conf"
