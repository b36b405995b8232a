"""The releases of one host as its host program lists them, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Migrations = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class ReleaseFound:
    """A release on the host. `state`: live, good, bad, rolled-back or never live; `whole`: nothing of it is missing.

    `migrations` are the revisions and titles of its migration files; None: nobody can tell.
    """

    id: str
    state: str
    whole: bool = True
    live_at: str = ""
    by: str = ""
    ref: str = ""
    commit: str = ""
    tree: str = ""
    migrations: Migrations | None = None


@dataclass(frozen=True)
class Releases:
    """The live release (`proven`: the log knows it), the target of a rollback, who holds deploys, and all releases.

    `domains` are the site's names; none where an older host program does not tell. With `restarts_in_place` a restart
    replaces several workers one by one; an older one always does.
    """

    live: str = ""
    proven: str = ""
    running: bool = False
    workers: int = 1
    restarts_in_place: bool = True
    previous: str = ""
    hold: Mapping[str, str] | None = None
    domains: tuple[str, ...] = ()
    releases: tuple[ReleaseFound, ...] = field(default=())

    def get(self, release: str) -> ReleaseFound | None:
        """Return the release of this id, None when it is not here."""
        return next((one for one in self.releases if one.id == release), None)


def parse(raw: Mapping[str, Any]) -> Releases:
    """Return what `homeport-host releases` printed; raise KeyError, TypeError or ValueError when it is not that."""
    return Releases(
        live=str(raw["live"] or ""),
        proven=str(raw["proven"] or ""),
        running=bool(raw["running"]),
        workers=int(raw["workers"] or 1),
        restarts_in_place=bool(raw.get("restarts_in_place", True)),
        previous=str(raw["previous"] or ""),
        hold=raw["hold"],
        domains=tuple(map(str, raw.get("domains") or ())),
        releases=tuple(_release(one) for one in raw["releases"]),
    )


KEYS = ("app", "live", "proven", "running", "workers", "previous")
RELEASE_KEYS = ("id", "state", "whole", "live_at", "by", "ref", "commit", "tree", "dirty", "created_at", "migrations")
HOLD_KEYS = ("by", "since", "message")


def published(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `homeport-host releases` printed as `homeport releases --json` has it, whatever its version is."""
    return {
        **{key: raw.get(key) for key in KEYS},
        "hold": held(raw.get("hold")),
        "releases": [{key: one.get(key) for key in RELEASE_KEYS} for one in raw["releases"]],
    }


def held(raw: Mapping[str, Any] | None) -> dict[str, str] | None:
    """Return who holds deploys, since when and why, as far as the host knows; None when nobody does."""
    return None if raw is None else {key: str(raw.get(key) or "") for key in HOLD_KEYS}


def _release(raw: Mapping[str, Any]) -> ReleaseFound:
    texts = {key: str(raw.get(key) or "") for key in ("live_at", "by", "ref", "commit", "tree")}
    migrations = raw.get("migrations")
    return ReleaseFound(
        id=str(raw["id"]),
        state=str(raw["state"]),
        whole=bool(raw["whole"]),
        migrations=None if migrations is None else tuple((str(one), str(title)) for one, title in migrations),
        **texts,
    )
