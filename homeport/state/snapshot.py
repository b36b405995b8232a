"""The result of one reading of a host, as plain data. Parsed in `homeport.facts.snapshot`; compared in this package."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from homeport.host.services.unit_state import UnitState
from homeport.state.host_conditions import HostConditions
from homeport.state.listeners import Listener, OpenPorts
from homeport.state.logins import Logins
from homeport.state.machine_values import MachineValues

PathKind = Literal["file", "directory", "link", "other"]
# Why no file can be put in the place of one: it is a mount point, or has an attribute (chattr) against that.
Hindrance = Literal["mount", "attribute"]


@dataclass(frozen=True)
class MachineFound:
    """Properties of a host that a run cannot change.

    `defaults` has the addresses whose default server in Nginx is somebody else's, each with its file. `applications`
    share the machine; `workers_at_most` fit into its memory beside what runs now (None: not reckoned). `values` is what
    each of its applications has set for it.
    """

    os_id: str = "debian"
    os_version: str = "12"
    architecture: str = "amd64"
    cores: int = 1
    memory_megabytes: int = 1024
    ipv6: bool = True
    keeps_time: bool = False
    has_sshd: bool = True
    ssh_ports: tuple[int, ...] = (22,)
    root_login: str = "prohibit-password"
    defaults: tuple[tuple[str, str], ...] = ()
    applications: int = 1
    workers_at_most: int | None = None
    values: tuple[MachineValues, ...] = ()


@dataclass(frozen=True)
class PathFound:
    """A path that exists: `mode` is its permission bits, `digest` a file's SHA-256.

    Of a link, `target` is its text and `leads_to` what it ends at.
    """

    kind: PathKind
    mode: int
    owner: str
    group: str
    target: str = ""
    digest: str = ""
    leads_to: PathKind | None = None


@dataclass(frozen=True)
class FileOrigins:
    """What tells whose the files are that do not bear homeport's name, path by path.

    `marked` say in their first lines that homeport wrote them, `pristine` are as their Debian package has them, and
    `written` has the SHA-256 of what homeport has recorded there.
    """

    marked: frozenset[str] = frozenset()
    pristine: frozenset[str] = frozenset()
    written: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True)
class ServerFound:
    """A server in Nginx's files: what it says of its addresses (`443 ssl default_server`), names, protocols, curves."""

    file: str
    listens: tuple[str, ...]
    protocols: tuple[str, ...] = ()
    curves: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class PortHolder:
    """Who listens on a TCP port: the process's name and the unit that it belongs to."""

    port: int
    process: str
    unit: str


@dataclass(frozen=True)
class CertificateFound:
    """The certificate on disk, obtained from a certificate authority, and how Certbot will renew it."""

    domains: frozenset[str]
    not_before: datetime
    not_after: datetime
    directory_url: str
    profile: str = ""
    curve: str = "secp256r1"
    authenticator: str = "webroot"


@dataclass(frozen=True)
class Claim:
    """The names and ports of an application on the host; of a mounted one, whose name it is served under, and where.

    Of a preview, `preview_of` is whose it is, and `branch` which branch.
    """

    app: str
    domains: tuple[str, ...]
    ports: tuple[int, ...]
    mounted_on: str = ""
    mount_path: str = ""
    preview_of: str = ""
    branch: str = ""


@dataclass(frozen=True)
class Login:
    """The user that we are logged in as, and whether one of the files that sshd looks into has a key for it."""

    user: str
    groups: tuple[str, ...] = ()
    has_key: bool = True


@dataclass(frozen=True)
class SlotMemory:
    """What a running slot holds, in kilobytes (PSS): all of it, and its worker processes' part, and how many these are.

    A lone worker without a manager is the main process itself: then `workers` is 1, and all is its part. The part of
    workers that their manager forks is what they share with nobody.
    """

    total_kilobytes: int
    workers_kilobytes: int
    workers: int


@dataclass(frozen=True)
class UploadedRelease:
    """What the host has of the wanted release: how many workers it is made for, and whether it migrates there.

    `files` are those under /etc, by name, each with its SHA-256; none where an older host program does not tell.
    """

    workers: int
    migrates: bool
    files: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Snapshot:
    """All that was read of one host, in one command. Times are UTC; sizes in megabytes (2**20 bytes).

    `release_free_…` is about the file system that releases are on; None where it is not known. `available_megabytes`
    is the kernel's MemAvailable, without swap. `sshd` has its settings as they are on disk (`sshd -T`), `firewall` what
    is wrong with our table in the kernel ("": nothing), `shares` what each application wants that all of them share,
    `occupied` which of the application's folders have something in them, `deploys` which deploy was the last ("": one
    was at work, or nobody knows), `python` the version of the system's Python as far as 3.13 ("": none is there yet),
    `openings` what each application has opened in the firewall, `at_work` whether a phase of another run was changing
    the host as it was read.
    `environments` are those whose Python is there to stay, `lost_environments` the others (facts/environments.sh).
    `foreign_lineage` says that Certbot's certificate of the application's name is somebody else's, `unrenewed` names
    those of others that nobody renews.
    """

    machine: MachineFound
    clock: datetime
    python: str = ""
    free_megabytes: int = 0
    free_inodes_percent: int = 100
    release_free_megabytes: int | None = None
    release_free_inodes: int | None = None
    available_megabytes: int | None = None
    has_systemd: bool = True
    at_work: bool = False
    packages: frozenset[str] = frozenset()
    accounts: dict[str, str] = field(default_factory=dict)
    paths: dict[str, PathFound] = field(default_factory=dict)
    file_origins: FileOrigins = field(default_factory=FileOrigins)
    servers: tuple[ServerFound, ...] = ()
    occupied: frozenset[str] = frozenset()
    fixed: dict[str, Hindrance] = field(default_factory=dict)
    units: dict[str, UnitState] = field(default_factory=dict)
    ports: tuple[PortHolder, ...] = ()
    claims: tuple[Claim, ...] = ()
    tools: str = ""
    tool_plugins: frozenset[str] = frozenset()
    releases: frozenset[str] = frozenset()
    environments: frozenset[str] = frozenset()
    lost_environments: frozenset[str] = frozenset()
    live_slot: str = ""
    proven_release: str = ""
    standby_slot: str = ""
    previous_release: str = ""
    slots: dict[str, str] = field(default_factory=dict)
    slot_memory: dict[str, SlotMemory] = field(default_factory=dict)
    slot_ports: dict[str, int] = field(default_factory=dict)
    uploaded: UploadedRelease | None = None
    certificate: CertificateFound | None = None
    foreign_lineage: bool = False
    unrenewed: tuple[str, ...] = ()
    proxy_stale: bool = False
    removable: tuple[str, ...] = ()
    sshd: dict[str, tuple[str, ...]] = field(default_factory=dict)
    login: Login | None = None
    firewall: str = ""
    access_pending: bool = False
    shares: dict[str, tuple[str, ...]] = field(default_factory=dict)
    deploys: str = ""
    listeners: tuple[Listener, ...] = ()
    openings: dict[str, tuple[OpenPorts, ...]] = field(default_factory=dict)
    logins: Logins = field(default_factory=Logins)
    host_conditions: HostConditions = field(default_factory=HostConditions)

    def shared_by_others(self, app: str) -> frozenset[str]:
        """Return the files of the machine that stay on although `app` does not want them: others there want them.

        Of an application with a record of what it sets for the machine, that decides; the last version wrote none.
        """
        recorded = {app, *(one.app for one in self.machine.values)}
        return frozenset(path for other, paths in self.shares.items() if other not in recorded for path in paths)

    @property
    def live_release(self) -> str:
        """Return the release that serves now, or "" when none does."""
        return self.slots.get(self.live_slot, "")
