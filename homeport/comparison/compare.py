"""Wanted against found: what has to be done, phase by phase. Pure; an empty answer means that nothing differs.

Restarts and reloads follow from the comparison too ("the running proxy is older than its configuration"), never from
whether this run happened to write something: the next run repairs what a killed run left.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from homeport.certificates.comparison import needs_placeholder
from homeport.comparison.environment import starts_again
from homeport.comparison.proxy_change import ACTIVE, directories_now, files_now, in_order, replaced
from homeport.comparison.release_files import live_site
from homeport.proxies.chosen import proxy_of
from homeport.proxies.model.proxy import Proxy
from homeport.state.changes import Change
from homeport.state.ownership import has_no_original, has_to_be_kept, is_named_ours, is_somebodys, owner
from homeport.state.paths import FIREWALL_RULES, ORIGINALS, AppPaths
from homeport.state.snapshot import PathFound, Snapshot
from homeport.state.wanted import Account, Directory, File, Wanted


@dataclass(frozen=True)
class FileChanges:
    """What differs under the managed paths.

    `kept` are the paths of which a copy is kept first, `taken_over` those of them that were somebody else's, and
    `unkept` those of which none can be: homeport had them before it kept copies.
    """

    directories: tuple[Directory, ...] = ()
    files: tuple[File, ...] = ()
    absent: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    taken_over: tuple[str, ...] = ()
    unkept: tuple[str, ...] = ()
    placeholder: bool = False
    changes: tuple[Change, ...] = field(default=(), repr=False)

    def __bool__(self) -> bool:
        return bool(self.changes)

    def touches(self, proxy: Proxy) -> bool:
        """Tell whether a file of the proxy's, or a removed one, is among them."""
        removed = any(path.startswith(proxy.folder) for path in self.absent)
        return removed or any(file.file_set == proxy.name for file in self.files)


def missing_packages(wanted: Wanted, found: Snapshot) -> tuple[str, ...]:
    """Return the Debian packages to install."""
    return tuple(name for name in wanted.part.packages if name not in found.packages)


def missing_accounts(wanted: Wanted, found: Snapshot) -> tuple[Account, ...]:
    """Return the accounts to create."""
    return tuple(account for account in wanted.part.accounts if account.name not in found.accounts)


def file_changes(wanted: Wanted, found: Snapshot) -> FileChanges:
    """Return the directories, files and placeholder certificate that are missing or differ, with the reasons."""
    directories, files, changes = [], [], []
    for directory in directories_now(wanted, found):
        if reason := _directory_reason(directory, found.paths.get(directory.path), wanted.app):
            directories.append(directory)
            changes.append(Change("make", directory.path, reason))
    for file in live_site(wanted, found):
        files.append(file)
        changes.append(Change("write", file.path, "a restart would put another site in place"))
    for file in files_now(wanted, found):
        waits = file.with_release and found.live_release != wanted.release_id and not replaced(wanted, found)
        if file.file_set == "access" or waits:
            continue
        if reason := _file_reason(file, found.paths.get(file.path)):
            files.append(file)
            taking = _taking(file.path) if is_somebodys(file, found, wanted.app) else ""
            changes.append(Change("write", file.path, taking or reason))
            changes += proxy_of(wanted.proxy).notes(file.path, found, wanted.take_over)
    absent = tuple(path for path in wanted.part.absent if _may_remove(wanted, found, path))
    given_up = [path for path in absent if owner(path, found, wanted.app) == "somebody"]
    changes += [Change("remove", path, _taking(path) if path in given_up else "not wanted") for path in absent]
    lost = [file.path for file in files if _is_content(file, found.paths.get(file.path))] + list(absent)
    placeholder = needs_placeholder(wanted, found)
    if placeholder:
        changes.append(Change("make", AppPaths(wanted.app).placeholder, "no certificate yet"))
    return FileChanges(
        tuple(directories),
        tuple(files),
        absent,
        kept=tuple(path for path in lost if has_to_be_kept(path, found, wanted.app)),
        taken_over=(*(file.path for file in files if is_somebodys(file, found, wanted.app)), *given_up),
        unkept=tuple(path for path in lost if has_no_original(path, found, wanted.app)),
        placeholder=placeholder,
        changes=tuple(changes),
    )


def _is_content(wanted: File, found: PathFound | None) -> bool:
    """Tell whether what is there goes when the file is written: not when only its mode or its owner changes."""
    return found is not None and found.digest != wanted.digest


def _taking(path: str) -> str:
    """Return the reason of a change that takes somebody's own file away."""
    return f"not homeport's; a copy is kept: {ORIGINALS}{path}"


def _may_remove(wanted: Wanted, found: Snapshot, path: str) -> bool:
    """Tell whether a path that must be away is there, and is not somebody's own, which stays unless it is given up."""
    if path not in found.paths:
        return False
    return path in wanted.take_over or owner(path, found, wanted.app) != "somebody"


def access_changes(wanted: Wanted, found: Snapshot) -> FileChanges:
    """Return what differs in who gets in: files, what is withdrawn, our table in the kernel, an earlier change.

    What another application on the host still wants of what all share is not withdrawn.
    """
    reasons = {
        file: reason
        for file in wanted.part.files
        if file.file_set == "access" and (reason := _file_reason(file, found.paths.get(file.path)))
    }
    others = found.shared_by_others(wanted.app)
    withdrawn = tuple(path for path in wanted.part.withdrawn if path in found.paths and path not in others)
    changes = [Change("write", file.path, reason) for file, reason in reasons.items()]
    changes += [Change("remove", path, "not wanted") for path in withdrawn]
    if not changes and found.firewall and FIREWALL_RULES in found.paths:
        changes.append(Change("load", "the firewall", found.firewall))
    if found.access_pending:
        changes.append(Change("settle", "who gets in", "an earlier change was not confirmed"))
    return FileChanges(files=tuple(reasons), absent=withdrawn, changes=tuple(changes))


def _directory_reason(wanted: Directory, found: PathFound | None, app: str) -> str:
    if found is None:
        return "missing"
    if found.kind == "link" and found.leads_to == "directory":
        # Somebody has put it on another disk; what is there is theirs to arrange.
        return ""
    if found.kind != "directory":
        return f"is a {found.kind}"
    # Others have files in this folder, so its mode is theirs to decide.
    return _metadata_reason(wanted, found) if is_named_ours(wanted.path, app) else ""


def _file_reason(wanted: File, found: PathFound | None) -> str:
    if found is None:
        return "missing"
    if found.kind == "link":
        return f"is a link to {found.target}, which stays as it is"
    if found.kind != "file":
        return f"is a {found.kind}"
    return "content differs" if found.digest != wanted.digest else _metadata_reason(wanted, found)


def _metadata_reason(wanted: Directory | File, found: PathFound) -> str:
    if found.mode != wanted.mode:
        return f"mode {found.mode:04o}, not {wanted.mode:04o}"
    if (found.owner, found.group) != (wanted.owner, wanted.group):
        return f"belongs to {found.owner}:{found.group}, not {wanted.owner}:{wanted.group}"
    return ""


def service_changes(wanted: Wanted, found: Snapshot) -> tuple[Change, ...]:
    """Return what systemd has to be told: reload, enable, start; and whether the proxy runs an old configuration."""
    pending, proxy = file_changes(wanted, found), proxy_of(wanted.proxy)
    enables, starts = [], []
    for unit in wanted.part.units:
        state = found.units.get(unit.name)
        if state is None or state.file_state != "enabled":
            enables.append(Change("enable", unit.name, f"is {(state and state.file_state) or 'not there'}"))
        if state is None or state.active not in ACTIVE:
            starts.append(Change("start", unit.name, f"is {(state and state.active) or 'not there'}"))
    changes = in_order(enables, starts, wanted, found)
    if any(state.needs_reload for state in found.units.values()):
        changes.append(Change("reload", "systemd", "unit files have changed since it read them"))
    # Until it is recorded, the host program does not tell what it has read: its package may have started it.
    is_new = any(change.verb == "record" for change in changes)
    if found.proxy_stale or pending.touches(proxy) or is_new:
        changes.append(Change("reload", proxy.unit, "runs an older configuration or certificate"))
    return tuple(changes)


def tools_changes(wanted: Wanted, found: Snapshot) -> tuple[Change, ...]:
    """Return the change that updates homeport's tools on the host to the locked versions."""
    plugin = wanted.tools.plugin_digest
    if lacks_tools(wanted, found):
        return (Change("install", f"tools {wanted.tools.digest}", "other versions" if found.tools else "missing"),)
    if plugin and plugin not in found.tool_plugins:
        return (Change("install", f"Certbot plugin {plugin}", "missing"),)
    return ()


def lacks_tools(wanted: Wanted, found: Snapshot) -> bool:
    """Tell whether homeport's tools on the host are none, or not of the locked versions."""
    return found.tools != wanted.tools.digest


def start_changes(wanted: Wanted, found: Snapshot) -> tuple[Change, ...]:
    """Return the start of the release in the idle slot, unless it serves already."""
    unit = found.units.get(f"{wanted.app}@{found.live_slot}.service")
    if wanted.release is None:
        return ()
    if found.live_release != wanted.release.id:
        return (Change("start", f"release {wanted.release.id}", f"live: {found.live_release or 'none'}"),)
    if unit is None or unit.active != "active":
        return (Change("start", f"release {wanted.release.id}", f"its unit is {unit.active if unit else 'missing'}"),)
    if starts_again(wanted, found):
        return (Change("start", f"release {wanted.release.id}", "its environment is made anew"),)
    return ()


def switch_changes(wanted: Wanted, found: Snapshot) -> tuple[Change, ...]:
    """Return the switch to the release, or the end of an interrupted one."""
    if wanted.release is None:
        return ()
    if start_changes(wanted, found):
        return (Change("switch", f"to release {wanted.release.id}", f"live: {found.live_release or 'none'}"),)
    if found.proven_release != wanted.release.id:
        return (Change("watch", f"release {wanted.release.id}", "left by an interrupted switch, or has failed"),)
    idle = "blue" if found.live_slot == "green" else "green"
    other, live = (found.units.get(f"{wanted.app}@{slot}.service") for slot in (idle, found.live_slot))
    runs = other is not None and (other.active in ("active", "activating") or other.file_state == "enabled")
    if runs and found.standby_slot != idle:
        return (Change("stop", f"slot {idle}", "left by an interrupted switch"),)
    if live and live.file_state != "enabled":
        return (Change("enable", f"slot {found.live_slot}", "it would not start at boot"),)
    return ()


def prune_changes(found: Snapshot) -> tuple[Change, ...]:
    """Return the removal of releases and environments that are no longer kept once this release is live."""
    return tuple(Change("remove", name, "no longer kept") for name in found.removable)
