"""The names of everything that must be read of a host for a comparison with the wanted state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from homeport.state.ownership import is_named_ours
from homeport.state.paths import NGINX_CONF, PROXY_RECORD, SSHD_DROP_IN, AppPaths
from homeport.state.wanted import Part, Unit, Wanted


@dataclass(frozen=True)
class Query:
    """The names that a snapshot reads. Two equal queries read the same things.

    `shared` are those of the paths that others may have a file at: whose it is, is read as well. `sshd_drop_in` and
    `nginx_conf` are files that sshd and Nginx should read, for what they would say of them. `outbound` is the setting.
    `other_packages` are not wanted, and may be all the same where another application of the machine decides.
    """

    app: str
    release: str
    keep_releases: int
    paths: tuple[str, ...]
    packages: tuple[str, ...]
    accounts: tuple[str, ...]
    units: tuple[str, ...]
    ports: tuple[int, ...]
    pins: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    sshd_drop_in: str = ""
    nginx_conf: str = ""
    outbound: str = "host"
    other_packages: tuple[str, ...] = ()


def _unit_pattern(unit: Unit) -> str:
    """Return what a unit is asked for by: all instances of a template, whose names may follow from what is read."""
    template, at, instance = unit.name.partition("@")
    return f"{template}@*.{instance.rpartition('.')[2]}" if at else unit.name


def _paths(part: Part) -> tuple[str, ...]:
    folders, files = (one.path for one in part.directories), (one.path for one in (*part.files, *part.start_conditions))
    return (*folders, *files, *part.absent, *part.withdrawn)


def _shared(part: Part, app: str) -> Iterator[str]:
    for path in (*(file.path for file in part.files), *part.absent):
        if not is_named_ours(path, app):
            yield path


def query(wanted: Wanted) -> Query:
    """Return the names that the wanted state speaks of."""
    part, places = wanted.part, AppPaths(wanted.app)
    parts = (part, *(other.part for other in wanted.other_proxies))
    contents = {file.path: file.content for file in part.files}
    return Query(
        app=wanted.app,
        release=wanted.release_id,
        keep_releases=wanted.keep_releases,
        paths=(
            *dict.fromkeys(path for one in parts for path in _paths(one)),
            places.tls,
            f"{places.placeholder}/fullchain.pem",
            *((PROXY_RECORD,) if wanted.other_proxies else ()),
        ),
        packages=part.packages,
        accounts=tuple(account.name for account in part.accounts),
        units=(
            *map(_unit_pattern, part.units),
            *(other.unit for other in wanted.other_proxies),
            f"{wanted.app}@blue.service",
            f"{wanted.app}@green.service",
        ),
        ports=(80, 443, *wanted.ports),
        pins=wanted.pinned_releases,
        sshd_drop_in=contents.get(SSHD_DROP_IN, ""),
        nginx_conf=contents.get(NGINX_CONF, ""),
        outbound=wanted.outbound,
        shared=tuple(dict.fromkeys(path for one in parts for path in _shared(one, wanted.app))),
        other_packages=tuple(name for other in wanted.other_proxies for name in other.part.packages),
    )
