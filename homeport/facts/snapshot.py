"""One fact that reads all that a run needs, in one command, and its parser."""

from __future__ import annotations

import json
import shlex
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from pyinfra.api import FactBase
from pyinfra.api.exceptions import FactProcessError

from homeport.facts import ownership
from homeport.facts.access import access_found, sshd_settings
from homeport.facts.host_conditions import host_conditions
from homeport.host.machine import firewall_state
from homeport.host.proxies import renewal
from homeport.host.release.live_slot import which_is_live
from homeport.host.services import unit_state
from homeport.host.services.unit_state import UnitState
from homeport.host.system import resources
from homeport.host.system.resources import MEGABYTE, FileSystem
from homeport.pyinfra_support.answers import after_mark, marked
from homeport.state import machine_values
from homeport.state.query import Query
from homeport.state.snapshot import (
    CertificateFound,
    Claim,
    MachineFound,
    PathFound,
    PathKind,
    PortHolder,
    SlotMemory,
    Snapshot,
    UploadedRelease,
)

DEPLOYS = Path(__file__).with_name("deploys.sh").read_text()
ENVIRONMENTS = Path(__file__).with_name("environments.sh").read_text()
PARTS = ("deploys", "logins", "host_conditions", "environments", "snapshot")
SCRIPT = firewall_state.SCRIPT + "".join(Path(__file__).with_name(f"{name}.sh").read_text() for name in PARTS)
KINDS: dict[str, PathKind] = {"f": "file", "d": "directory", "l": "link"}
# Fields of each section; a connection may strip the empty ones at a line's end.
TWO = ("os", "package", "digest", "written", "fixed", "renewal", "slot", "slot_port", "coming", "coming_file", "sshd")
PLACES = ("place", "mount")
THREE = ("port", "login", "nginx", "opening", "before", "after")
WIDTHS = {
    **dict.fromkeys((*TWO, *PLACES), 2),
    **dict.fromkeys(THREE, 3),
    "slot_memory": 4,
    "colleague": 4,
    **dict.fromkeys(("path", "disk", "release_disk"), 7),
}
Rows = dict[str, list[list[str]]]


class SnapshotFact(FactBase[Snapshot]):
    """Read a host: everything that `query` names. The command is POSIX sh and works on a bare machine."""

    def command(self, query: Query, wait_seconds: int = 0) -> str:
        """Return the command for `query`, which first waits that long for a phase of another run on the host to end."""
        return marked(f"sh -c {shlex.quote(_variables(query, wait_seconds) + SCRIPT)}")

    def process(self, output: list[str]) -> Snapshot:
        """Parse what the command printed; raise FactProcessError when it is not whole."""
        try:
            return parse(after_mark(output))
        except ValueError as error:
            raise FactProcessError(f"the reading of the host is missing ({error})") from None


def _variables(query: Query, wait_seconds: int = 0) -> str:
    values = {
        "app": query.app,
        "release": query.release,
        "keep": str(query.keep_releases),
        "packages": " ".join(query.packages),
        "accounts": " ".join(query.accounts),
        "other_packages": " ".join(query.other_packages),
        "units": " ".join(query.units),
        "ports": " ".join(map(str, query.ports)),
        "pins": " ".join(query.pins),
        "outbound": query.outbound,
        "wait_seconds": str(wait_seconds),
        "nginx_conf": query.nginx_conf.rstrip("\n"),
        "drop_in": query.sshd_drop_in.rstrip("\n"),
        "lineage": renewal.OURS.pattern,
        "paths": "\n".join(query.paths),
        "shared": "\n".join(query.shared),
    }
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())


def parse(output: list[str]) -> Snapshot:
    """Return the snapshot that the lines of `snapshot.sh` describe; raise FactProcessError when they are not whole."""
    rows: Rows = defaultdict(list)
    for line in output:
        section, *values = line.split("\t")
        width = WIDTHS.get(section, 1)
        rows[section].append((values + [""] * width)[:width])
    if "end" not in rows:
        raise FactProcessError("the reading of the host is incomplete")
    try:
        return ownership.added(_snapshot(rows), rows)
    except ValueError as error:
        raise FactProcessError(f"the reading of the host is damaged ({error})") from None


def _snapshot(rows: Rows) -> Snapshot:
    units = unit_state.parse("\n".join(row[0] for row in rows["unit"]))
    return Snapshot(
        machine=_machine(rows),
        clock=datetime.fromtimestamp(int(_one(rows, "clock", "0")), UTC),
        python=_one(rows, "python").rpartition("python")[2],
        **_room(rows),
        has_systemd="systemd" in rows,
        at_work="at_work" in rows,
        packages=frozenset(name for name, status in rows["package"] if status == "installed"),
        accounts={row[0].split(":")[0]: row[0] for row in rows["account"]},
        paths=_paths(rows),
        units=units,
        ports=tuple(sorted({PortHolder(int(port), process, unit) for port, process, unit in rows["port"]}, key=str)),
        claims=tuple(_claim(row[0]) for row in rows["claim"]),
        tools=_one(rows, "tools").removeprefix("tools-"),
        tool_plugins=frozenset(row[0] for row in rows["tool_plugin"]),
        releases=frozenset(row[0] for row in rows["release"]),
        environments=frozenset(row[0] for row in rows["environment"]),
        lost_environments=frozenset(row[0] for row in rows["lost_environment"]),
        live_slot=_live_slot(rows, units),
        proven_release=_one(rows, "proven"),
        standby_slot=_one(rows, "standby"),
        previous_release=_one(rows, "previous"),
        slot_memory={slot: SlotMemory(*map(int, figures)) for slot, *figures in rows["slot_memory"]},
        slot_ports={slot: int(port) for slot, port in rows["slot_port"]},
        uploaded=_uploaded(rows),
        slots={slot: target.rpartition("/")[2] for slot, target in rows["slot"]},
        certificate=_certificate(rows),
        proxy_stale=_one(rows, "proxy") == "stale",
        removable=tuple(row[0] for row in rows["removable"]),
        deploys=_one(rows, "deploys").strip(),
        **access_found(rows),
        host_conditions=host_conditions(rows),
    )


def _one(rows: Rows, section: str, default: str = "") -> str:
    return rows[section][0][0] if rows[section] else default


def _room(rows: Rows) -> dict[str, Any]:
    """Return the fields of a snapshot that say what is left of disk and memory."""
    disks, memory = [_disk(row) for row in rows["disk"]], _memory(rows)
    inodes = [disk.free_inodes_percent for disk in disks]
    release_disk = next(map(_disk, rows["release_disk"]), None)
    return {
        # The fullest of the file systems that we write to decides.
        "free_megabytes": min((disk.free_bytes for disk in disks), default=0) // MEGABYTE,
        "free_inodes_percent": min((int(one) for one in inodes if one is not None), default=100),
        "release_free_megabytes": release_disk.free_bytes // MEGABYTE if release_disk else None,
        "release_free_inodes": release_disk.free_inodes if release_disk else None,
        "available_megabytes": memory["MemAvailable"] // MEGABYTE if "MemAvailable" in memory else None,
    }


def _disk(row: list[str]) -> FileSystem:
    """Return a file system, of the path that was asked for and what `stat -f` says of it."""
    path, *figures = row
    return resources.file_system(path, *map(int, figures))


def _memory(rows: Rows) -> dict[str, int]:
    return resources.parse_memory("\n".join(row[0] for row in rows["meminfo"]))


def _live_slot(rows: Rows, units: dict[str, UnitState]) -> str:
    blue_enabled = any(name.endswith("@blue.service") and unit.boots for name, unit in units.items())
    live = which_is_live(flag="green" in rows, blue_enabled=blue_enabled, ever_live=bool(rows["proven"]))
    return live or ""


def _uploaded(rows: Rows) -> UploadedRelease | None:
    for workers, migrates in rows["coming"]:
        return UploadedRelease(int(workers), migrates == "migrates", dict(rows["coming_file"]))
    return None


def _machine(rows: Rows) -> MachineFound:
    os_id, os_version = rows["os"][0] if rows["os"] else ("", "")
    sshd = sshd_settings(rows["sshd"])
    root_login = " ".join(sshd.get("permitrootlogin", ()))
    return MachineFound(
        os_id=os_id,
        os_version=os_version,
        architecture=_one(rows, "architecture"),
        cores=int(_one(rows, "cores", "1")),
        memory_megabytes=_memory(rows).get("MemTotal", 0) // MEGABYTE,
        ipv6="ipv6" in rows,
        keeps_time="keeps_time" in rows,
        has_sshd=bool(rows["sshd"]),
        ssh_ports=tuple(sorted({int(port) for port in (*(row[0] for row in rows["ssh_port"]), *sshd.get("port", ()))}))
        or (22,),
        values=tuple(filter(None, (machine_values.parse(row[0]) for row in rows["machine_values"]))),
        # Never weaker than what the host has.
        root_login=root_login if root_login in ("no", "forced-commands-only") else "prohibit-password",
    )


def _paths(rows: Rows) -> dict[str, PathFound]:
    digests = {path: digest for digest, path in rows["digest"]}
    return {
        path: PathFound(
            kind=KINDS.get(kind, "other"),
            mode=int(mode, 8),
            owner=owner,
            group=group,
            target=target,
            digest=digests.get(path, ""),
            leads_to=KINDS.get(end) if kind == "l" else None,
        )
        for kind, mode, owner, group, path, target, end in rows["path"]
    }


def _claim(text: str) -> Claim:
    try:
        raw = cast("dict[str, Any]", json.loads(text))
        whole = {**raw, **raw.get("preview", {})}
        more = [str(whole.get(one, "")) for one in ("mounted_on", "mount_path", "of", "branch")]
        return Claim(str(raw["app"]), tuple(raw["domains"]), tuple(raw["ports"]), *more)
    except (ValueError, KeyError, TypeError, AttributeError):
        return Claim("", (), ())  # somebody damaged it; the next run of its application writes it again


def _certificate(rows: Rows) -> CertificateFound | None:
    begin, end = _one(rows, "not_before"), _one(rows, "not_after")
    if not begin or not end:
        return None
    # Certbot notes what it was told; of what it was not told, it takes these.
    told = {"elliptic_curve": "secp256r1", "authenticator": "webroot", **dict(rows["renewal"])}
    return CertificateFound(
        domains=frozenset(row[0] for row in rows["name"]),
        not_before=datetime.fromtimestamp(int(begin), UTC),
        not_after=datetime.fromtimestamp(int(end), UTC),
        directory_url=told.get("server", ""),
        profile=told.get("required_profile", ""),
        curve=told["elliptic_curve"],
        authenticator=told["authenticator"],
    )
