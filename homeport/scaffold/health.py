"""Which path of an application says that it can serve, as far as its code tells. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from homeport.source.code import Code, full_path

# Usual names of health routes; a more specific one ("ready") comes before a general one.
USUAL = (
    *(
        "health",
        "healthz",
        "ready",
        "readyz",
        "health/ready",
        "readiness",
        "healthcheck",
        "health-check",
        "health_check",
    ),
    *("_health", "live", "livez", "health/live", "heartbeat", "ping", "status", "up"),
)


# Of these names anything may be asked (`/payments/status`): only at the root, or below what all of an API is below.
GENERAL = frozenset(("ready", "live", "ping", "status", "up"))
ALL_OF_IT = re.compile(r"((api|rest|internal|v\d+)/)*")


@dataclass(frozen=True)
class Health:
    """The health path, and what is to be said about how it was found ("" for one that is sure)."""

    path: str
    remark: str = ""


def find_health(modules: Mapping[str, Code], entrypoint: str) -> Health:
    """Return the health path of the application with these modules, whose entry point (a setting) is `entrypoint`.

    A route that is called like one; else the OpenAPI document, which every FastAPI application has until it says
    otherwise; else the front page, which may well be wrong.
    """
    mounted = any(code.mounts for code in modules.values())
    sure: list[str] = []
    unsure: list[str] = []
    for code in modules.values():
        for route in code.routes:
            path = full_path(route, code, mounted)
            (unsure if path is None else sure).append(path or route.path)
    if path := _healthy(sure):
        return Health(path)
    seen = _healthy(unsure, anywhere=True)
    but = f"there is a route {seen}, but its prefix cannot be found out" if seen else "no health route was found"
    schema = _schema(modules, entrypoint.partition(":")[0])
    if schema:
        return Health(schema, f"{but}; the OpenAPI document answers too")
    return Health("/", f"{but}; set health_path to a path that answers 200 when the application can serve")


def _schema(modules: Mapping[str, Code], target: str) -> str | None:
    """Return the path of the OpenAPI document of the application in `target`, a file, a package or a module's name."""
    path = target.rstrip("/") if "/" in target or target.endswith(".py") else target.replace(".", "/")
    names = (path, f"{path}.py", f"{path}/__init__.py", f"src/{path}.py", f"src/{path}/__init__.py")
    code = next((modules[name] for name in names if name in modules), Code())
    found = code.schema
    if not code.applications:
        # A factory makes it, here or in another module.
        made = code.inner_schemas or frozenset().union(*(one.inner_schemas for one in modules.values()))
        found = next(iter(made)) if len(made) == 1 else found
    # A constant may be made of others, which are made of others.
    for _ in range(3):
        for name in re.findall(r"\{(\w+)\}", found or ""):
            values = {one.constants[name] for one in modules.values() if name in one.constants}
            if found is None or len(values) != 1:
                return None
            found = found.replace(f"{{{name}}}", values.pop())
    return None if found is None or "{" in found else found


def _healthy(paths: list[str], *, anywhere: bool = False) -> str | None:
    """Return the path that is called most like a health path, at the root or below /api, or `anywhere`."""
    return min(((rank, path) for path in paths for rank in _ranks(path, anywhere)), default=(0, None))[1]


def _ranks(path: str, anywhere: bool) -> Iterator[tuple[int, int]]:
    plain = path.strip("/").lower()
    for rank, name in enumerate(USUAL):
        above = plain.removesuffix(name)
        near = anywhere or (
            bool(ALL_OF_IT.fullmatch(above)) if name in GENERAL else plain.count("/") <= name.count("/") + 2
        )
        if near and (plain == name or plain.endswith(f"/{name}")):
            yield rank, plain.count("/")
