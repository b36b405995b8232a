"""One application off a host, in an order that loses nobody else a request: its site, its units, its certificate, its
files; the folder of its settings last, since what is left of the others is known by it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from stat import S_IMODE

from ..host.data import rehearsal
from ..host.proxies import site
from ..host.proxies.chosen import proxy_of
from ..host.proxies.model import mounts
from ..host.services import supervisord, units
from ..host.system import atomic
from ..host.system.layout import Layout
from ..host.system.output import HostError
from . import belongings, certbot, records, safe_removal
from .steps import RemovalJob, RemovalStep, Row, removals

DATA, KEPT_DATA = "the application's data", "data; --data removes it"


def steps(job: RemovalJob) -> Iterator[RemovalStep]:
    """Yield the steps that are left to be done."""
    layout = job.layout
    yield _site(job)
    yield _units(layout)
    yield _certificate(layout)
    yield _files(job)
    yield _code(layout)
    if job.data:
        yield _data(layout)
        yield _account(layout)
    yield _settings(layout)


def kept(job: RemovalJob) -> Iterator[tuple[str, str]]:
    """Yield what of the application stays, and why."""
    layout = job.layout
    if not job.data:
        if safe_removal.is_there(layout.state):
            yield str(layout.state), KEPT_DATA
        if belongings.account(layout):
            yield f"user {layout.app}", "owns the data; --data removes it"
    if belongings.lineage(layout) and (why := _certificate_stays(layout)):
        yield f"certificate {layout.app}", why
    yield from ((path, "not homeport's") for path in belongings.strangers(layout))


def problems(job: RemovalJob) -> Iterator[str]:
    """Yield what keeps the application from being removed: known before anything is."""
    layout = job.layout
    if job.preview and not belongings.is_preview(layout):
        yield f"{layout.app} is no preview; homeport remove takes an application away"
    for mount in mounts.mounted_on(job.layout.machine, job.layout.app):
        yield f"{mount.app} is mounted on {job.layout.app} at {mount.path}; remove {mount.app} first"
    for point in mounted(job):
        yield f"{point} is mounted inside what would be removed; unmount it first"
    if job.data and belongings.account(job.layout):
        for pid, name in belongings.processes(job.layout).items():
            whose = f"of the user {job.layout.app} is none of its units' and keeps the user"
            yield f"process {pid} ({name}) {whose}; end it first (kill {pid})"


def mounted(job: RemovalJob) -> list[str]:
    """Return the mount points inside what would be removed: the owner must unmount them first."""
    layout = job.layout
    data = [layout.state] if job.data else []
    return safe_removal.mounted_below([layout.base, layout.static, layout.settings, belongings.cache(layout), *data])


def _site(job: RemovalJob) -> RemovalStep:
    """The site, and what lies beside it (the passwords of HAProxy's visitors): the proxy is to have read neither."""
    layout = job.layout
    places = [site.place(layout), *_beside_the_site(job)]

    def do() -> None:
        before = {path: (path.read_bytes(), S_IMODE(path.stat().st_mode)) for path in places if path.exists()}
        try:
            proxy_of(layout.machine).reload(layout.machine, partial(_remove_all, places))
        except HostError:
            for path, (content, mode) in before.items():
                atomic.write(path, content, mode)
            raise

    return RemovalStep(removals([path for path in places if safe_removal.is_left(path)]), do)


def _leave_mounts(layout: Layout) -> None:
    """Remove the folders of sites below another one's name when nothing is in them any more."""
    folder = site.place(layout).parent
    if folder.parent.name == "mounts" and safe_removal.remove_if_empty(folder):
        safe_removal.remove_if_empty(folder.parent)


def _beside_the_site(job: RemovalJob) -> list[Path]:
    place = site.place(job.layout)
    return [path for path in job.application if path.parent == place.parent and path != place]


def _remove_all(paths: list[Path]) -> None:
    for path in paths:
        safe_removal.remove(path)


def _units(layout: Layout) -> RemovalStep:
    names, passing = belongings.unit_names(layout), belongings.transient_units(layout)
    links, programs = belongings.unit_links(layout), belongings.programs(layout)
    files = belongings.program_files(layout)

    def do() -> None:
        rehearsal.clean(layout)
        # First what might start the others.
        units.stop_units(passing)
        units.stop_units(programs)
        for path in files:
            safe_removal.remove(path)
        if files:
            supervisord.unload([*map(supervisord.program, programs), supervisord.boot_program(layout.app)])
        # A preview whose time is up is removed by a unit of its own, which is this one.
        units.stop_units([name for name in names if name != belongings.running_in()])
        for path in (*belongings.stamps(layout, names), *links):
            safe_removal.remove(path)
        units.run_checked("systemctl", "daemon-reload")
        units.run("systemctl", "reset-failed", "--", *passing, *names)

    shown = tuple(Row("stop and remove", name) for name in (*names, *passing, *programs))
    # A removal that was cut has left files, perhaps, and no programs.
    return RemovalStep(shown or removals(files), do)


def _certificate(layout: Layout) -> RemovalStep:
    there = belongings.lineage(layout) and not _certificate_stays(layout)
    rows = (Row("delete", f"certificate {layout.app}", "by Certbot, which then renews it no longer"),) if there else ()
    return RemovalStep(rows, lambda: certbot.delete(layout))


def _certificate_stays(layout: Layout) -> str:
    """Return why the lineage of the application's name is not deleted; "" when it is."""
    if not belongings.lineage_is_ours(layout):
        return "homeport did not make it"
    if readers := belongings.readers(layout):
        return f"{readers[0]} serves it"
    return ""


def _files(job: RemovalJob) -> RemovalStep:
    """Files outside the application's own folders: those that the proxy serves, its cache, openings, run files."""
    layout = job.layout
    own = (layout.base, layout.settings, layout.state, layout.unit_file(layout.slice_unit()))
    known = [path for path in job.application if not any(path == one or one in path.parents for one in own)]
    known += [layout.static, belongings.cache(layout), *belongings.rehearsals(layout)]
    # The work lock is held; it is the last that goes.
    known = list(dict.fromkeys([*known, *belongings.run_files(layout)]))
    # The site's step comes first and has a reload of its own; who gets in has a phase of its own.
    others = (site.place(layout), *_beside_the_site(job), *job.access, *_held(layout))
    present = [path for path in known if safe_removal.is_left(path) and path not in others]

    def do() -> None:
        for path in present:
            safe_removal.remove(path)

    return RemovalStep(removals(present), do)


def _held(layout: Layout) -> tuple[Path, Path]:
    return layout.lock, layout.deploy_lock


def _code(layout: Layout) -> RemovalStep:
    present = belongings.code(layout)
    whole = safe_removal.is_there(layout.base) and not belongings.strangers(layout)

    def do() -> None:
        for path in present:
            safe_removal.remove(path)
        safe_removal.remove_if_empty(layout.base)

    shown = [layout.base] if whole and not layout.base.is_symlink() and not layout.base.is_mount() else present
    return RemovalStep(removals(shown, "code, environments, releases"), do)


def _data(layout: Layout) -> RemovalStep:
    present = [layout.state] if safe_removal.is_left(layout.state) else []
    return RemovalStep(removals(present, DATA), lambda: safe_removal.remove(layout.state))


def _account(layout: Layout) -> RemovalStep:
    there = belongings.account(layout)
    return RemovalStep((Row("remove", f"user {layout.app}"),) if there else (), lambda: _delete_account(layout.app))


def _delete_account(app: str) -> None:
    done = units.run("userdel", app)
    if done.returncode:
        raise HostError(f"the user {app} cannot be removed: {done.stderr.strip()}")
    # userdel does it where login.defs has USERGROUPS_ENAB.
    units.run("groupdel", app)


def _settings(layout: Layout) -> RemovalStep:
    record = records.written(layout.machine) / layout.app
    present = [path for path in (layout.settings, record, *_held(layout)) if safe_removal.is_left(path)]

    def do() -> None:
        _leave_mounts(layout)
        safe_removal.remove(layout.settings)
        records.hand_over(layout.machine, record)
        for path in _held(layout):
            atomic.remove(path)

    # A lock alone is what this removal has made.
    return RemovalStep(
        removals(present[:1], "settings, secrets, records") if set(present) - set(_held(layout)) else (), do
    )
