"""The versions of homeport and of all that it needs, as they are installed here: what a pipeline installs as well."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

NAME = "homeport"


def pins(name: str = NAME) -> tuple[str, ...]:
    """Return a line of a requirements file for a distribution, and then one for each that it needs here, in order."""
    found: dict[str, Distribution] = {}
    waiting, seen = [Requirement(name)], set()
    while waiting:
        wanted = waiting.pop()
        plain = canonicalize_name(wanted.name)
        if (key := (plain, frozenset(wanted.extras))) in seen:
            continue
        seen.add(key)
        try:
            found[plain] = distribution(wanted.name)
        except PackageNotFoundError:
            continue
        waiting += _needed(found[plain].requires or (), wanted.extras)
    first = found.pop(canonicalize_name(name))
    return pin(name, first), *(f"{one}=={found[one].version}" for one in sorted(found))


def pin(name: str, one: Distribution) -> str:
    """Return the line for a distribution: where it came from, if that is not an index (PEP 610), else its version."""
    origin = _origin(one)
    url, repository, archive = str(origin.get("url")), origin.get("vcs_info"), origin.get("archive_info")
    if repository:
        return f"{name} @ {repository['vcs']}+{url}@{repository['commit_id']}"
    if archive is not None and not url.startswith("file:"):
        digest = "".join(
            f"#{kind}={value}" for kind, value in (archive.get("hashes") or {}).items() if kind == "sha256"
        )
        return f"{name} @ {url}{digest}"
    return f"{name}=={one.version}"


def remark() -> str | None:
    """Return what keeps a pipeline from installing this homeport; None when nothing does."""
    one = distribution(NAME)
    if not str(_origin(one).get("url", "")).startswith("file:"):
        return None
    return (
        f"homeport is installed from a folder of this machine: put the wheel of {one.version} where the pipeline's pip "
        "looks (PIP_FIND_LINKS, or an index of yours), or name its origin in requirements.txt"
    )


def _origin(one: Distribution) -> dict[str, Any]:
    return dict(json.loads(one.read_text("direct_url.json") or "{}"))


def _needed(lines: Iterable[str], extras: set[str]) -> Iterator[Requirement]:
    for line in lines:
        needed = Requirement(line)
        if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras or {""}):
            yield needed
