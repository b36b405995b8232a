"""What Poetry's export leaves out of a poetry.lock: requirements of an extra that another package asks for. Pure.

With `uvicorn` asked for by the project and `uvicorn[standard]` by fastapi, poetry-plugin-export 1.10.1 writes
`uvicorn[standard]` and no line for uvloop, whose marker says more than the extra; an installation with hashes refuses
that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from packaging.markers import InvalidMarker, Marker

from homeport.source.requirements import normalized
from homeport.source.uv_lock import read_toml

_WITH_EXTRAS = re.compile(r"^([A-Za-z0-9][\w.-]*)\[([^\]]+)\]==", re.MULTILINE)
_NAMED = re.compile(r"^([A-Za-z0-9][\w.-]*)", re.MULTILINE)
# The machines: markers that ask for more than this are the lock's own matter.
_LINUX = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}
_CPYTHON = {"platform_python_implementation": "CPython", "implementation_name": "cpython"}


def with_extras(exported: str, lock: str) -> str:
    """Return the `exported` requirements of a poetry.lock with those of extras that are not among them."""
    data = read_toml("poetry.lock", lock)
    packages = {normalized(str(one.get("name"))): one for one in data.get("package", []) if isinstance(one, Mapping)}
    named = set(map(normalized, _NAMED.findall(exported)))
    more = []
    for name, extras in _WITH_EXTRAS.findall(exported):
        for extra in re.split(r"\s*,\s*", extras):
            for needed in _needs_of(packages.get(normalized(name), {}), extra):
                if needed in packages and needed not in named:
                    named.add(needed)
                    more.append(_line(needed, packages[needed], data))
    return exported + "".join(more)


def _needs_of(package: Mapping[str, Any], extra: str) -> Iterator[str]:
    """Yield what an extra of a package needs on Linux."""
    dependencies = {normalized(name): one for name, one in package.get("dependencies", {}).items()}
    for text in package.get("extras", {}).get(extra, []):
        found = _NAMED.match(text)
        name = normalized(found[1]) if found else ""
        ways = dependencies.get(name)
        ways = ways if isinstance(ways, list) else [ways]
        if any(isinstance(one, Mapping) and _holds(str(one.get("markers", "")), extra) for one in ways):
            yield name


def _holds(marker: str, extra: str) -> bool:
    try:
        return not marker or Marker(marker).evaluate({**_LINUX, **_CPYTHON, "extra": extra})
    except InvalidMarker:
        return False


def _line(name: str, package: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    # Until lock version 2.0 the files of all packages were in one table.
    files = package.get("files") or data.get("metadata", {}).get("files", {}).get(package.get("name"), [])
    hashes = " ".join(f"--hash={one['hash']}" for one in files if isinstance(one, Mapping) and "hash" in one)
    return f'{name}=={package.get("version")} ; sys_platform == "linux" {hashes}'.rstrip() + "\n"
