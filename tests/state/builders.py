"""Wanted states as the plan makes them, and the host that is exactly as wanted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import cast

from homeport.certificates import comparison
from homeport.comparison import compare, environment, release_files
from homeport.host.services.unit_state import UnitState
from homeport.plans.wanted import describe
from homeport.settings import Settings
from homeport.source import Source
from homeport.source.dependencies import Dependencies
from homeport.state.changes import Change
from homeport.state.paths import PROXY_RECORD, AppPaths
from homeport.state.roles import ROLES, Role
from homeport.state.snapshot import CertificateFound, MachineFound, PathFound, Snapshot, UploadedRelease
from homeport.state.wanted import ACCOUNT_COMMENT, CertificateWanted, ReleaseWanted, Wanted
from homeport.steps.context import Context

NOW = datetime(2030, 1, 1, tzinfo=UTC)
SECRET = "s3ntinel"


def make_settings(**data: object) -> Settings:
    values = {"app_name": "notes", "domain": "notes.example.com", "domain_aliases": "www.example.com", **data}
    return Settings.model_validate(values)


def make_source(*, has_alembic: bool = True) -> Source:
    return Source(
        commit="0123456789abcdef0123456789abcdef01234567",
        ref="HEAD",
        tree="89abcdef0123456789abcdef0123456789abcdef",
        dirty=False,
        entrypoint=("main.py",),
        dependencies=Dependencies("requirements", "aaaabbbbcccc", (("pip", "install", "-r", "requirements.txt"),)),
        has_alembic=has_alembic,
    )


class Whole(Wanted):
    """What is wanted of a machine that does all there is to do for an application; only the type checker knows it."""

    release: ReleaseWanted
    certificate: CertificateWanted


def make_wanted(
    settings: Settings | None = None, machine: MachineFound | None = None, *, migrates: bool = True
) -> Whole:
    """Return what the provision plan wants of a machine, which `migrates` the database or is another one."""
    return cast("Whole", wanted_for(ROLES, settings, machine, migrates=migrates))


def wanted_for(
    roles: frozenset[Role],
    settings: Settings | None = None,
    machine: MachineFound | None = None,
    *,
    migrates: bool = True,
) -> Wanted:
    """Return likewise what it wants of a machine with these roles."""
    # pyinfra's gevent must stay out of the lab's test processes, which the parallel runner talks to from threads.
    from homeport.plans.provision import steps_for

    settings = settings or make_settings()
    context = Context(
        settings=settings,
        source=make_source(),
        machine=machine or MachineFound(),
        secrets={"TOKEN": SECRET},
        by="somebody@somewhere",
        migrates=migrates,
        roles=roles,
    )
    return describe(steps_for(roles), context)


def bare(machine: MachineFound | None = None) -> Snapshot:
    """Return a machine with nothing on it."""
    return Snapshot(machine=machine or MachineFound(), clock=NOW, free_megabytes=10_000)


def as_wanted(wanted: Wanted, machine: MachineFound | None = None) -> Snapshot:
    """Return the host that is exactly as wanted."""
    part, places = wanted.part, AppPaths(wanted.app)
    paths = {one.path: PathFound("directory", one.mode, one.owner, one.group) for one in part.directories}
    paths |= {one.path: PathFound("file", one.mode, one.owner, one.group, digest=one.digest) for one in part.files}
    if wanted.other_proxies and wanted.proxy != "nginx":
        record = f'{{"proxy": "{wanted.proxy}"}}\n'
        paths[PROXY_RECORD] = PathFound("file", 0o644, "root", "root", digest=sha256(record.encode()).hexdigest())
    paths[places.tls] = PathFound("link", 0o777, "root", "root", target=places.certificate)
    running = UnitState("loaded", "active", "enabled", needs_reload=False)
    stopped = UnitState("loaded", "inactive", "disabled", needs_reload=False)
    release, certificate = wanted.release, wanted.certificate
    return Snapshot(
        machine=machine or MachineFound(),
        clock=NOW,
        free_megabytes=10_000,
        packages=frozenset(part.packages),
        accounts={
            one.name: f"{one.name}:x:999:999:{ACCOUNT_COMMENT}:{one.home}:/usr/sbin/nologin" for one in part.accounts
        },
        paths=paths,
        units={one.name: running for one in part.units}
        | {f"{wanted.app}@blue.service": running, f"{wanted.app}@green.service": stopped},
        tools=wanted.tools.digest,
        releases=frozenset({release.id} if release else ()),
        environments=frozenset({release.dependencies} if release else ()),
        live_slot="blue" if release else "",
        proven_release=wanted.release_id,
        slots={"blue": release.id} if release else {},
        slot_ports=dict(zip(("blue", "green"), wanted.ports, strict=False)),
        uploaded=uploaded(release) if release else None,
        certificate=_found(certificate) if certificate else None,
    )


def uploaded(release: ReleaseWanted) -> UploadedRelease:
    """Return what a host says of a release that was made for it."""
    files = {file.path.rpartition("/")[2]: file.digest for file in release.etc}
    return UploadedRelease(release.workers, release.migrates, files)


def _found(wanted: CertificateWanted) -> CertificateFound:
    return CertificateFound(
        frozenset(wanted.domains), NOW - timedelta(days=30), NOW + timedelta(days=60), wanted.directory_url
    )


def changes_by_phase(wanted: Wanted, found: Snapshot, now: datetime = NOW) -> dict[str, tuple[Change, ...]]:
    """Return what every phase would change; phases without a change are left out."""
    phases = {
        "packages": tuple(Change("install", name) for name in compare.missing_packages(wanted, found)),
        "accounts": tuple(Change("make", one.name) for one in compare.missing_accounts(wanted, found)),
        "files": compare.file_changes(wanted, found).changes,
        "tools": compare.tools_changes(wanted, found),
        "access": compare.access_changes(wanted, found).changes,
        "services": compare.service_changes(wanted, found),
        "release": release_files.release_changes(wanted, found),
        "dependencies": environment.dependency_changes(wanted, found),
        "start": compare.start_changes(wanted, found),
        "switch": compare.switch_changes(wanted, found),
        "prune": compare.prune_changes(found),
        "certificate": comparison.certificate_changes(wanted, found, now),
    }
    return {name: changes for name, changes in phases.items() if changes}
