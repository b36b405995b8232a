"""Parts of a Compose file's services: their variables, and why one that is not the application is not taken. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from homeport.scaffold.foreign.model import Reading
from homeport.scaffold.foreign.yaml_values import Value

# Which of Debian's packages runs what an image runs.
_ENGINES = {
    "postgres": "postgresql",
    "postgis": "postgresql",
    "timescaledb": "postgresql",
    "redis": "redis-server",
    "valkey": "valkey-server",
    "mariadb": "mariadb-server",
    "memcached": "memcached",
    "rabbitmq": "rabbitmq-server",
}
_PROXIES = re.compile(r"(.*/)?(traefik|nginx(-proxy)?|caddy|haproxy|acme-companion|certbot|swag|envoy)(:|$|-)")


def other_service(name: str, service: Value, read: Reading, *, alone: bool) -> str:
    """Return why a service is not taken; `read` is what it starts, `alone` tells that no service is the application."""
    image = service.get("image").text or ""
    plain = image.rpartition("/")[2].partition(":")[0]
    what = f"the service {name}{f' ({image})' if image else ''} is not taken"
    engine = next((package for word, package in _ENGINES.items() if word in plain), "")
    if read.starts:
        start = read.starts[0]
        return f"{what}: it is another server ({start.target or start.server}): an application of its own"
    if _PROXIES.match(image):
        return f"{what}: homeport has its own proxy with HTTPS"
    if engine:
        return f'{what}: packages = ["{engine}"] installs one on the machine, or it runs elsewhere'
    if alone and service.get("build"):
        return f"{what}: what it starts is no server for FastAPI that is known"
    return f"{what}: homeport runs the application alone"


def variables_in(value: Value) -> Iterator[tuple[str, str | None, Value]]:
    """Yield name, value (None: from outside) and place of each variable of a table, or of a list of NAME=value."""
    for name, one in value.entries.items():
        yield name, one.text or None, one
    for one in value.items:
        name, equals, content = (one.text or "").partition("=")
        if name.strip():
            yield name.strip(), content if equals else None, one
