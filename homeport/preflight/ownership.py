"""Finds files, folders and ports of others that a deploy would take over."""

from __future__ import annotations

from pathlib import PurePosixPath

from homeport.comparison.compare import access_changes, file_changes
from homeport.comparison.proxy_change import replaced
from homeport.errors import HomeportError
from homeport.preflight.identity import another_project
from homeport.proxies.chosen import proxy_of
from homeport.settings import Settings
from homeport.state.ownership import is_somebodys
from homeport.state.paths import ACME_WEBROOT, ORIGINALS, AppPaths
from homeport.state.snapshot import Snapshot
from homeport.state.wanted import Wanted

PROXY_PORTS = (80, 443)
# What the user can do instead, where there is something.
INSTEAD = {
    "/etc/logrotate.d/nginx": "set log_rotation = False",
    "/usr/local/bin/certbot": "move it away",
}


def ownership(settings: Settings, wanted: Wanted, found: Snapshot) -> tuple[HomeportError, ...]:
    """Return what keeps this host from being provisioned because it is somebody else's."""
    single = (
        *(_code(settings, found), _state(settings, found), _project(settings, found)),
        _webroot(wanted, found),
    )
    return (
        *filter(None, single),
        *_ports(settings, wanted, found),
        *_files(settings, wanted, found),
        *_fixed(wanted, found),
    )


def _fixed(wanted: Wanted, found: Snapshot) -> list[HomeportError]:
    """Return what cannot be replaced and would have to be: a file, or one in a folder that may not be changed."""
    changed = [*file_changes(wanted, found).files, *access_changes(wanted, found).files]
    paths = [file.path for file in changed] + [*file_changes(wanted, found).absent]
    problems = []
    for path in paths:
        folder = path.rpartition("/")[0]
        if found.fixed.get(path) == "mount":
            fix = f"umount {path}, and have it not mounted again"
            problems.append(
                HomeportError(f"{path} is a mount point, and homeport cannot write a file over it", key="host", fix=fix)
            )
        elif held := next((one for one in (path, folder) if found.fixed.get(one) == "attribute"), None):
            problem = f"{path} would be replaced, and {held} may not be changed (lsattr says so)"
            problems.append(HomeportError(problem, key="host", fix=f"chattr -ia {held}"))
    return problems


def _code(settings: Settings, found: Snapshot) -> HomeportError | None:
    """Tell whether another tool has its files where the application's code would be."""
    places = AppPaths(settings.app_name)
    if places.root not in found.occupied or places.etc in found.paths or found.releases or found.environments:
        return None
    return _name_taken(f"{places.root} exists already, and its content is not homeport's")


def _state(settings: Settings, found: Snapshot) -> HomeportError | None:
    """Tell whether somebody's data are where the application's would be; an empty folder of root's is an empty disk."""
    home = AppPaths(settings.app_name).state
    there = found.paths.get(home)
    if there is None or settings.app_name in found.accounts:
        return None
    if home in found.occupied:
        return _name_taken(f"{home} exists and is not empty, and the host has no user {settings.app_name}")
    if there.owner != "root":
        return _name_taken(f"{home} exists and belongs to {there.owner}, not to the application")
    return None


def _name_taken(problem: str) -> HomeportError:
    return HomeportError(problem, key="app_name", fix="choose another name")


def _project(settings: Settings, found: Snapshot) -> HomeportError | None:
    own = {name for claim in found.claims if claim.app == settings.app_name for name in claim.domains}
    return another_project(settings, own)


def _webroot(wanted: Wanted, found: Snapshot) -> HomeportError | None:
    """Tell whether the proxy's workers cannot enter the folder above the authority's challenges."""
    folder = PurePosixPath(ACME_WEBROOT).parent
    there = found.paths.get(str(folder))
    if there is None or there.kind != "directory":
        return None
    proxy = proxy_of(wanted.proxy)
    may_enter = there.mode & 0o001 or (there.owner == proxy.user and there.mode & 0o100)
    if may_enter or (there.group == proxy.user and there.mode & 0o010):
        return None
    return HomeportError(
        f"{folder} (mode {there.mode:04o}, of {there.owner}:{there.group}) is closed to {proxy.title}, which answers "
        "the certificate authority from there",
        key="host",
        fix=f"chmod o+x {folder}",
    )


def _ports(settings: Settings, wanted: Wanted, found: Snapshot) -> list[HomeportError]:
    """Return who holds a port that the proxy or the application needs; the first of each kind."""
    problems: dict[str, HomeportError] = {}
    proxy, other = proxy_of(wanted.proxy), replaced(wanted, found)
    # Whether the other one may be replaced is asked elsewhere.
    ours = {(proxy.name, proxy.unit), *({(other.name, other.unit)} if other else ())}
    for holder in found.ports:
        unit = f" ({holder.unit})" if holder.unit else ""
        said = f"port {holder.port} is held by {holder.process or 'an unknown process'}{unit}"
        if holder.port not in PROXY_PORTS:
            if not holder.unit.startswith((f"{settings.app_name}@blue.", f"{settings.app_name}@green.")):
                fix = "stop it, or set port_blue and port_green to free ports"
                problems.setdefault("port_blue", HomeportError(said, key="ports", fix=fix))
        elif (holder.process, holder.unit) not in ours:
            why = "" if holder.process != proxy.name else f", which is not the {proxy.unit} that the site needs"
            fix = f"stop it permanently{f' (systemctl disable --now {holder.unit})' if holder.unit else ''}"
            problems.setdefault("proxy", HomeportError(f"{said}{why}", key="ports", fix=fix))
    return list(problems.values())


def _files(settings: Settings, wanted: Wanted, found: Snapshot) -> list[HomeportError]:
    problems, others = [], {**INSTEAD, **proxy_of(wanted.proxy).instead}
    for file in file_changes(wanted, found).files:
        path = file.path
        if path in settings.take_over or not is_somebodys(file, found, wanted.app):
            continue
        instead = f"{others[path]}, or " if path in others else ""
        problems.append(
            HomeportError(
                f"{path} would be replaced, and it is neither homeport's nor unchanged from its Debian package",
                key="take_over",
                fix=f'{instead}allow it with take_over = ["{path}"]: a copy is kept in {ORIGINALS}',
            )
        )
    return problems
