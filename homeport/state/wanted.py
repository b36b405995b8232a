"""The wanted state of a host as plain data: the parts that the steps make, and their sum.

Steps make `Part`s; `merge` adds them up and refuses two parts that want different things of one path. Nothing here
reads anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from datetime import datetime
from hashlib import sha256
from typing import Literal

from homeport.errors import HomeportError

# "access" is put in place under the dead man's switch, by a phase of its own.
FileSet = Literal["plain", "nginx", "haproxy", "caddy", "traefik", "systemd", "access"]


# The mark of homeport's accounts in the comment field of /etc/passwd.
ACCOUNT_COMMENT = "homeport application"


@dataclass(frozen=True)
class Account:
    """A system user with a group of its own name and no way to log in; `home` is not made."""

    name: str
    home: str


@dataclass(frozen=True)
class Directory:
    """A directory that must exist; other files in it do not matter."""

    path: str
    mode: int = 0o755
    owner: str = "root"
    group: str = "root"


@dataclass(frozen=True)
class File:
    """A file with this content. A secret one is never shown, not even as a diff.

    One that comes `with_release` is put in place by the switch to the wanted release; before that it is left alone.
    """

    path: str
    content: str = field(repr=False)
    mode: int = 0o644
    owner: str = "root"
    group: str = "root"
    file_set: FileSet = "plain"
    secret: bool = False
    with_release: bool = False

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the content, in hexadecimal."""
        return sha256(self.content.encode()).hexdigest()


@dataclass(frozen=True)
class Unit:
    """A systemd unit that must be enabled and running."""

    name: str


@dataclass(frozen=True)
class Part:
    """The part of the wanted state that one step makes.

    `withdrawn` paths are of the set "access", and are removed unless another application here wants
    them and has no record of what it sets for the machine. `start_conditions` are drop-ins of units: there only while
    a package is installed that would start its unit, and while another unit takes over (`comparison/proxy_change.py`).
    """

    packages: tuple[str, ...] = ()
    accounts: tuple[Account, ...] = ()
    directories: tuple[Directory, ...] = ()
    files: tuple[File, ...] = ()
    absent: tuple[str, ...] = ()
    withdrawn: tuple[str, ...] = ()
    units: tuple[Unit, ...] = ()
    start_conditions: tuple[File, ...] = ()


@dataclass(frozen=True)
class ToolsWanted:
    """homeport's own tools on the host: a virtual environment that holds the locked requirements.

    `plugin` are the requirements of a Certbot plugin, which is installed beside them. The environment cannot be made
    without the Debian `packages`.
    """

    requirements: str
    plugin: str = ""
    packages: tuple[str, ...] = ("ca-certificates", "python3", "python3-venv")

    @property
    def plugin_digest(self) -> str:
        """Return the name of what is installed besides, 12 digits likewise; "" for nothing."""
        return sha256(self.plugin.encode()).hexdigest()[:12] if self.plugin else ""

    @property
    def digest(self) -> str:
        """Return the name of this version of the tools: 12 hexadecimal digits of the lock's SHA-256."""
        return sha256(self.requirements.encode()).hexdigest()[:12]


@dataclass(frozen=True)
class ReleaseWanted:
    """The release that must be live, and the files of its own that are under /etc (environment, units).

    `workers` and `migrates` (whether it migrates on this host) are the host's own; the id does not depend on them.
    """

    id: str
    commit: str
    ref: str
    dependencies: str
    workers: int = 1
    migrates: bool = False
    etc: tuple[File, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class CertificateWanted:
    """The certificate that the site should have: all its names, the first one canonical.

    With a `folder`, the user provides it there, and it is `valid` from the one time to the other (UTC); the
    rest is of no account. Else `profile` is one of the authority's ("": as it likes), `curve` the key's, and
    `authenticator` what Certbot proves the names with. A deploy that `renews` asks for the next one when that is due,
    since the host cannot by itself.
    """

    domains: tuple[str, ...]
    directory_url: str
    email: str | None
    folder: str = ""
    profile: str = ""
    curve: str = "secp256r1"
    authenticator: str = "webroot"
    propagation_seconds: int = 0
    renews: bool = False
    valid: tuple[datetime, datetime] | None = None


@dataclass(frozen=True)
class OtherProxy:
    """A proxy that is not the wanted one: its name in settings and for people, its unit, a file of homeport's for it.

    `part` is what would be wanted of it; only read, since another application of the machine may have chosen it.
    """

    name: str
    title: str
    unit: str
    mark: str
    part: Part = field(default_factory=Part, repr=False)


@dataclass(frozen=True)
class Wanted:
    """All that is wanted of one host. What somebody else has at the paths `take_over` may be replaced.

    There is no `release` on a machine that runs none of the application, no `certificate` where its site is not served,
    and no `ports` (of the slots) where its server does not run. `outbound` is the setting: by whose way out it is
    brought about; `proxy` the one of that name.
    """

    app: str
    part: Part
    tools: ToolsWanted
    release: ReleaseWanted | None
    certificate: CertificateWanted | None
    ports: tuple[int, ...]
    keep_releases: int
    pinned_releases: tuple[str, ...] = ()
    take_over: tuple[str, ...] = ()
    outbound: str = "host"
    proxy: str = "nginx"
    other_proxies: tuple[OtherProxy, ...] = ()

    @property
    def release_id(self) -> str:
        """Return the id of the release, "" without one."""
        return self.release.id if self.release else ""


def merge(parts: Iterable[Part]) -> Part:
    """Add parts up, keeping their order; raise HomeportError when two want different things of the same name."""
    parts = tuple(parts)
    merged = {spec.name: _unique(item for part in parts for item in getattr(part, spec.name)) for spec in fields(Part)}
    _unique_paths(item for name in ("directories", "files", "absent", "withdrawn") for item in merged[name])
    return Part(**merged)  # type: ignore[arg-type]


def _unique(items: Iterable[object]) -> tuple[object, ...]:
    found: dict[str, object] = {}
    for item in items:
        if found.setdefault(_name(item), item) != item:
            raise _contradiction(_name(item))
    return tuple(found.values())


def _unique_paths(items: Iterable[object]) -> None:
    """Raise HomeportError when a path is wanted in two ways: as a file and as a directory, or present and absent."""
    seen: set[str] = set()
    for item in items:
        if _name(item) in seen:
            raise _contradiction(_name(item))
        seen.add(_name(item))


def _name(item: object) -> str:
    if isinstance(item, Directory | File):
        return item.path
    return item.name if isinstance(item, Account | Unit) else str(item)


def _contradiction(name: str) -> HomeportError:
    return HomeportError("two steps want different things of this path", key=name)
