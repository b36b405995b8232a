"""The probe's answer, as both ends know it. A part that could not be read is missing, and named in `unread`."""

from __future__ import annotations

from typing import TypedDict


class UnitObservation(TypedDict):
    """A unit, by systemd's words, and who runs it; `last` are its last log lines, read when it is not well."""

    load: str
    active: str
    sub: str
    result: str
    enabled: str
    restarts: int
    ending: str
    since: str
    last: list[str]
    manager: str


class NameObservation(TypedDict):
    """The answer of the host's own name servers for a name: its addresses, or the `problem`."""

    name: str
    addresses: list[str]
    problem: str


class DiskObservation(TypedDict):
    """A file system that we write to, by its mount point; figures of inodes are None where they are not counted.

    `largest` are the folders that take most of one that is small or nearly full.
    """

    path: str
    total_bytes: int
    free_bytes: int
    used_percent: float
    inodes_used_percent: float | None
    free_inodes: int | None
    free_inodes_percent: float | None
    read_only: bool
    largest: list[str]


class MemoryObservation(TypedDict):
    """Memory of the machine, and how often the kernel has killed something of the application for lack of it.

    `kills_age_seconds` is how long ago the last of them was, None when the journal does not tell; `pressure_percent` is
    the time in which everything waited for memory, over a minute (Linux, accounting/psi.rst), None where not known.
    """

    total_kilobytes: int
    available_kilobytes: int
    pressure_percent: float | None
    kills: int
    kills_age_seconds: float | None
    killed: list[str]


class ClockObservation(TypedDict):
    """The host's clock (seconds since 1970), and whether something keeps it right."""

    now: float
    synchronised: bool


class SiteObservation(TypedDict):
    """The proxy and the site: `edits` is where the site file differs from the release's own, as a diff has it.

    `ports` are the upstream's ports by slot; `through_proxy` is what the health path answers on 127.0.0.1:443; `rivals`
    are sites of others that have one of our names: name, port and file of each. `proxy` is the program's name,
    `unit` that of its unit, `file` that of the site, `template` what a project may have an override of.
    """

    proxy: str
    unit: str
    file: str
    template: str

    there: bool
    names: list[str]
    ports: dict[str, int]
    edits: list[str]
    config_problem: str
    stale: bool
    errors: list[str]
    through_proxy: str
    rivals: list[tuple[str, int, str]]


class HandshakeObservation(TypedDict):
    """Which protocols the site speaks, whether it takes a curve of no profile, and who has the default server of 443.

    `default` is a file of somebody else's; "" when the default server is ours.
    """

    protocols: list[str]
    other_curve: bool
    default: str


class CertificateObservation(TypedDict):
    """The certificate on the disk: the folder that the site's link leads to, and whether visitors get another one."""

    folder: str
    served_differs: bool
    renewal_configured: bool


class RetryObservation(TypedDict):
    """A part of the live slot that failed and is started again (`what`: migration, application, process), and why."""

    what: str
    unit: str
    tries: int
    since: str
    reason: str
    last: list[str]


class StaticObservation(TypedDict):
    """What the proxy serves of the live release by itself: `missing` names the link that does not lead there.

    `closed` is a folder that the proxy's user may not enter, `hidden` are routes in whose place visitors get a file.
    """

    missing: str
    closed: str
    hidden: list[str]


class SlotObservation(TypedDict):
    """The live slot: what its health path answers on loopback (`answer`); `missing` are files that it needs."""

    name: str
    release: str
    port: int | None
    good: bool
    status: int | None
    answer: str
    body: str
    missing: list[str]
    other_active: bool


class PythonObservation(TypedDict):
    """The Python of the live release's environment: is it there, and does it stay (host/release/environments.py)?"""

    path: str
    name: str
    there: bool
    lasting: bool


class DeniedObservation(TypedDict):
    """A file that `user` needs and may not `need`; `place` is the first one on the way to it that keeps it out."""

    user: str
    need: str
    path: str
    place: str
    mode: str


class LockObservation(TypedDict):
    """A SQLite database whose write lock was held each time that we looked, and by whom."""

    path: str
    holder: str
    seconds: float


class ServerObservation(TypedDict):
    """A database server that the application is told to use by an environment variable; `problem` is "": it listens."""

    variable: str
    place: str
    problem: str


class EventObservation(TypedDict):
    """An entry of the log of releases."""

    at: str
    event: str
    release: str
    by: str
    reason: str


class DeployObservation(TypedDict):
    """Who deploys (`running`, what the lock says; "": nobody), who holds deploys by hand, and how the last ones ended.

    `migration_log` is the end of what the migration of the last release said; `closed` is who shows visitors the page
    for maintenance, None when nobody does.
    """

    running: str
    held: dict[str, str] | None
    closed: dict[str, str] | None
    events: list[EventObservation]
    migration_log: list[str]


class RequestObservation(TypedDict):
    """Requests of the last hour with one kind of trouble: how many, and when (seconds since 1970) and what the last."""

    count: int
    last: str
    at: float


class Observations(TypedDict, total=False):
    """All that the probe has found.

    `replaced`, by unit: programs and libraries that it runs and an upgrade has replaced on the disk.
    """

    deployed: bool
    units: dict[str, UnitObservation]
    failed_units: list[str]
    reboot_required: bool
    replaced: dict[str, list[str]]
    names: list[NameObservation]
    addresses: list[str]
    listening: dict[str, list[str]]
    firewall: str
    filters: list[str]
    disks: list[DiskObservation]
    memory: MemoryObservation
    clock: ClockObservation
    site: SiteObservation
    handshakes: HandshakeObservation
    certificate: CertificateObservation
    slot: SlotObservation | None
    retry: RetryObservation | None
    static: StaticObservation | None
    python: PythonObservation | None
    denied: list[DeniedObservation]
    state_link: str
    exposed: list[str]
    locks: list[LockObservation]
    servers: list[ServerObservation]
    deploys: DeployObservation
    requests: dict[str, RequestObservation]
    unread: dict[str, str]
