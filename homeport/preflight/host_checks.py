"""Reasons why a phase would fail although the settings are right, found in one reading of the host. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from homeport.comparison.compare import file_changes, missing_accounts
from homeport.diagnosis.application import mount_instead
from homeport.errors import HomeportError
from homeport.proxies.nginx.step import site_path
from homeport.settings import Settings
from homeport.state.paths import HOST_LIBRARY, AppPaths
from homeport.state.snapshot import Snapshot
from homeport.state.wanted import Wanted

# The package of each program that a minimal image may lack (Debian 12 and 13).
PACKAGES = {"ip": "iproute2", "ss": "iproute2", "useradd": "passwd", "systemd-analyze": "systemd", "gzip": "gzip"}
# The switches of what a unit is for.
SWITCHES = {
    "apt-daily.timer": "security_upgrades",
    "apt-daily-upgrade.timer": "security_upgrades",
    "logrotate.timer": "log_rotation",
    "systemd-timesyncd.service": "time_synchronisation",
}
# systemd.exec(5), ProtectHome=; PrivateTmp= hides the last two.
HIDDEN_HOMES = ("/home", "/root", "/run/user")
HIDDEN_TEMPORARY = ("/tmp", "/var/tmp")  # noqa: S108 - names alone
# systemctl show, LoadState: what others have written into a unit is not taken.
UNREADABLE = ("bad-setting", "error")


def host_checks(settings: Settings, wanted: Wanted, found: Snapshot) -> tuple[HomeportError, ...]:
    """Return everything of this kind."""
    return (
        *_programs(found),
        *_group(settings, wanted, found),
        *_packages(found),
        *_units(wanted, found),
        *_mounts(settings, found),
        *_linked(settings, found),
        *_hidden(settings, wanted, found),
        *_nginx(settings, wanted, found),
    )


def _programs(found: Snapshot) -> Iterator[HomeportError]:
    if names := found.host_conditions.lacks:
        packages = " ".join(dict.fromkeys(PACKAGES.get(name, "util-linux") for name in names))
        yield HomeportError(
            f"programs are missing on the host: {', '.join(names)}",
            key="os",
            fix=f"install them (apt install {packages})",
        )


def _group(settings: Settings, wanted: Wanted, found: Snapshot) -> Iterator[HomeportError]:
    for account in missing_accounts(wanted, found):
        if account.name in found.host_conditions.groups:
            problem = f"the host has a group {account.name} already, and no user of that name"
            yield HomeportError(
                problem, key="app_name", fix=f"choose another name, or remove it (groupdel {account.name})"
            )


def _packages(found: Snapshot) -> Iterator[HomeportError]:
    if removed := found.host_conditions.removes:
        yield HomeportError(
            f"apt would remove {', '.join(removed)} for what homeport needs",
            key="packages",
            fix="remove it yourself if nobody needs it, and deploy again",
        )
    if name := found.host_conditions.unresolved:
        yield HomeportError(
            f"the host cannot resolve {name}, from where apt gets packages",
            key="dns",
            fix="see /etc/resolv.conf on the host (getent hosts " + name + ")",
        )


def _units(wanted: Wanted, found: Snapshot) -> Iterator[HomeportError]:
    app = wanted.app
    ours = (f"{app}@", f"{app}.", f"{app}-migrate@", "homeport-")
    for name, unit in found.units.items():
        if unit.load == "masked":
            switch = f", or set {SWITCHES[name]} = False" if name in SWITCHES else ""
            yield HomeportError(f"{name} is masked on the host", key="units", fix=f"systemctl unmask {name}{switch}")
        elif unit.load in UNREADABLE and not name.startswith(ours):
            problem = f"systemd does not accept {name} as it is on the host ({unit.load})"
            yield HomeportError(problem, key="units", fix=f"see: systemd-analyze verify {name}")


def _mounts(settings: Settings, found: Snapshot) -> Iterator[HomeportError]:
    conditions = found.host_conditions
    for path, real in conditions.places.items():
        mount, state = conditions.mounted(real)
        runs = path in (AppPaths(settings.app_name).root, HOST_LIBRARY)
        if state == "ro":
            yield HomeportError(
                f"{path} cannot be written: {mount} is mounted read-only", key="disk", fix=_remount(mount, "rw")
            )
        elif state == "noexec" and runs:
            problem = f"nothing can be run in {path}: {mount} is mounted noexec"
            yield HomeportError(problem, key="disk", fix=_remount(mount, "exec"))


def _remount(mount: str, option: str) -> str:
    return f"mount -o remount,{option} {mount}, and change /etc/fstab"


def _linked(settings: Settings, found: Snapshot) -> Iterator[HomeportError]:
    """Tell of a state folder that is a link: systemd.exec(5), StateDirectory=, starts no unit with one."""
    state = AppPaths(settings.app_name).state
    real = found.host_conditions.places.get(state, state)
    # systemd itself moves back a folder that DynamicUser= has left there.
    if state in found.host_conditions.linked and real != f"/var/lib/private/{settings.app_name}":
        problem = f"{state} is a link to {real}, and systemd starts no unit whose state folder is a link"
        yield HomeportError(problem, key="state", fix=f"mount it there instead: {mount_instead(state, real)}")


def _hidden(settings: Settings, wanted: Wanted, found: Snapshot) -> Iterator[HomeportError]:
    """Tell of folders that a link leads to where the application's sandbox lets it see nothing."""
    unit = next(
        (file.content for file in (wanted.release.etc if wanted.release else ()) if file.path.endswith("app.service")),
        "",
    )
    hidden: tuple[str, ...] = HIDDEN_HOMES if re.search(r"^ProtectHome=(yes|true|1|tmpfs)$", unit, re.MULTILINE) else ()
    hidden += HIDDEN_TEMPORARY if re.search(r"^PrivateTmp=(yes|true|1)$", unit, re.MULTILINE) else ()
    paths = AppPaths(settings.app_name)
    for path in (paths.root, paths.state):
        if path == paths.state and path in found.host_conditions.linked:
            continue  # it cannot be one at all
        real = found.host_conditions.places.get(path, path)
        for folder in hidden:
            if f"{real}/".startswith(f"{folder}/"):
                problem = f"{path} leads to {real}, and the application's sandbox hides {folder}"
                yield HomeportError(
                    problem,
                    key="sandbox",
                    fix=f"mount it there instead of the link (mount --bind {real} {path}, and in /etc/fstab)",
                )


def _nginx(settings: Settings, wanted: Wanted, found: Snapshot) -> Iterator[HomeportError]:
    said, paths = found.host_conditions.nginx_refuses, AppPaths(settings.app_name)
    # A file that this deploy replaces anyway is no problem.
    written = [site_path(paths.app), f"{paths.etc}/", *(file.path for file in file_changes(wanted, found).files)]
    if said and not any(path in said for path in written):
        words = re.sub(r"^.*?\[emerg\] (?:\d+#\d+: )?", "", said)
        problem = f"nginx does not accept the configuration in /etc/nginx ({words})"
        yield HomeportError(problem, key="nginx", fix="correct it there (nginx -t)")
