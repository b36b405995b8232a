"""An application's removal: all that is its own, by exact names, whatever it was cut by; nothing of another one."""

from __future__ import annotations

import json
import pwd
from collections.abc import Callable
from contextlib import nullcontext
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest

from homeport.host.proxies import site
from homeport.host.system.layout import Layout
from homeport.host.system.output import HostError
from homeport.plans.places import places
from homeport.plans.provision import STEPS
from homeport.removal import application, belongings, main
from homeport.removal.main import access_files
from homeport.removal.steps import perform
from tests.state.builders import make_settings

from .conftest import Host

DATA = "/var/lib/note"


def of_slice(app: str) -> str:
    return app.replace("-", "_")


def of(host: Host, app: str) -> set[str]:
    """Return what has exactly the application's name in it."""
    ends = (
        f"/{app}/",
        f"/{app}@",
        f"/{app}.",
        f"/{app}-migrate@",
        f"asked-{app}/",
        f"-homeport_{of_slice(app)}.slice",
        f"/homeport-static-{app}/",
    )
    return {path for path in host.left() if any(end in f"{path}/" for end in ends)}


def test_everything_that_any_part_of_homeport_writes_for_an_application_goes(host: Host) -> None:
    host.provision("note")
    host.provision("note-admin")
    theirs, shared = of(host, "note-admin"), host.left() - of(host, "note-admin") - of(host, "note")
    host.remove("note")
    assert of(host, "note") == {DATA}
    assert of(host, "note-admin") == theirs
    assert host.left() == theirs | shared | {DATA}
    stopped = [name for call in host.calls if call[:2] == ("systemctl", "stop") for name in call[3:]]
    assert not any(name.startswith("note-admin") for name in stopped)


def test_the_site_of_a_proxy_that_was_replaced_goes_with_the_application(host: Host) -> None:
    sites = {"/etc/nginx/homeport/note.conf", "/etc/haproxy/homeport/note.cfg", "/etc/caddy/homeport/note.caddy"}
    host.provision("note")
    for path in sites:
        host.write(path)
    assert host.left() >= sites
    host.remove("note")
    assert not host.left() & sites


@pytest.mark.parametrize("refuses", [False, True])
def test_the_passwords_of_haproxys_visitors_go_with_its_site_or_stay_with_it(
    host: Host, monkeypatch: pytest.MonkeyPatch, refuses: bool
) -> None:
    """What the proxy reads has to differ from what it has read by nothing, once the application is gone."""
    paths = {"/etc/haproxy/homeport/note.cfg": 0o644, "/etc/haproxy/homeport/note.visitors.cfg": 0o600}
    seen: list[set[str]] = []

    def reload(machine: object, change: Callable[[], object]) -> None:
        change()
        seen.append(host.left() & set(paths))
        if refuses:
            raise HostError("it does not")

    haproxy = SimpleNamespace(reload=reload, site=lambda machine, app: host.root / f"etc/haproxy/homeport/{app}.cfg")
    monkeypatch.setattr(application, "proxy_of", lambda machine: haproxy)
    monkeypatch.setattr(site, "proxy_of", lambda machine: haproxy)
    host.provision("note")
    for path, mode in paths.items():
        host.write(path).chmod(mode)
    with nullcontext() if not refuses else pytest.raises(HostError):
        host.remove("note")
    assert seen == [set()]
    assert host.left() & set(paths) == (set(paths) if refuses else set())
    assert not refuses or {path: host.mode(path) for path in paths} == paths


def test_when_a_timer_was_due_last_is_forgotten_with_it(host: Host) -> None:
    stamps = {}
    for app in ("note", "note-admin"):
        host.provision(app)
        host.write(f"/etc/systemd/system/{app}.tick@blue.timer", "")
        names = [name for name in belongings.unit_names(Layout(app, host.root)) if name.endswith(".timer")]
        stamps[app] = {f"/var/lib/systemd/timers/stamp-{name}" for name in names}
        for path in stamps[app]:
            host.write(path, "")
    host.remove("note")
    assert stamps["note"]
    assert {path for path in host.left() if "/stamp-" in path} == stamps["note-admin"]


def test_data_go_when_they_are_asked_for(host: Host) -> None:
    host.provision("note")
    host.remove("note", data=True)
    assert of(host, "note") == set()


def test_a_removal_that_was_cut_anywhere_is_finished_by_the_next(host: Host) -> None:
    for number in count():
        host.provision("note")
        steps = list(application.steps(host.job("note")))
        if number == len(steps):
            break
        for step in steps[:number]:
            step.do()
        host.remove("note")
        assert of(host, "note") == {DATA}, number
        assert not any(step.rows for step in application.steps(host.job("note"))), number
    assert number > 5


def test_units_are_known_by_exact_names(host: Host) -> None:
    for name in (
        *("note@blue.service", "note@green.service", "note-migrate@blue.service", "note.beat@blue.timer"),
        *("note-admin@blue.service", "note-admin-migrate@blue.service", "note-admin.beat@blue.service"),
        *("note@.service", "notes@blue.service", "note@red.service", "my-note@blue.service"),
    ):
        host.write(f"/etc/systemd/system/{name}")
    names = belongings.unit_names(Layout("note", host.root))
    assert names == ["note-migrate@blue.service", "note.beat@blue.timer", "note@blue.service", "note@green.service"]


OURS = (
    *("homeport-note-start-0ab1.service", "homeport-note-commit-77.service", "homeport-note-expire.timer"),
    *("homeport-note-finish-812.service", "homeport-note-hook-812-after-live-1.service"),
    "homeport-retry@note:blue.service",
)
THEIRS = (
    *("homeport-note-admin-start-0ab1.service", "homeport-note-start-commit-0ab1.service", "homeport-renew.service"),
    *("homeport-note-start-abc-expire.timer", "homeport-note-expire-expire.timer", "homeport-run-12.service"),
    *("homeport-note-start-abc-finish-1.service", "homeport-note-remove-0ab1.service", "homeport-upkeep@ab.service"),
    "homeport-retry@note-admin:blue.service",
)


def test_units_of_a_killed_run_are_known_by_exact_names(host: Host) -> None:
    rows = [f"{name} loaded active running homeport: something" for name in (*OURS, *THEIRS)]
    rows += ["homeport-run-9.service loaded active running a command of note, by hand"]
    rows += ["homeport-run-8.service loaded active running a command of note-admin, by hand"]
    host.listed = "\n".join(rows)
    assert belongings.transient_units(Layout("note", host.root)) == sorted([*OURS, "homeport-run-9.service"])


def test_foreign_files_beside_the_releases_stay(host: Host) -> None:
    host.provision("note")
    host.write("/srv/note/forgotten.dump")
    job = host.job("note")
    assert (str(host.root / "srv/note/forgotten.dump"), "not homeport's") in list(application.kept(job))
    perform(application.steps(job))
    assert {path for path in host.left() if path.startswith("/srv/")} == {"/srv/note/forgotten.dump"}


def lineage(host: Host, text: str) -> None:
    host.write("/etc/letsencrypt/renewal/note.conf", text)
    for folder in ("live", "archive"):
        host.write(f"/etc/letsencrypt/{folder}/note/fullchain.pem")


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        ("webroot_path = /var/www/homeport-acme,\n", True),
        ("dns_x_credentials = /etc/homeport/note/acme-dns.ini\n", True),
        ("dns_x_credentials = /etc/homeport/note-admin/acme-dns.ini\n", False),
        ("webroot_path = /var/www/html,\n", False),
        ("authenticator = nginx\n", False),
    ],
)
def test_a_certificate_of_the_same_name_goes_only_if_homeport_has_made_it(host: Host, text: str, ours: bool) -> None:
    lineage(host, text)
    job = host.job("note")
    stays = [why for what, why in application.kept(job) if what == "certificate note"]
    assert stays == ([] if ours else ["homeport did not make it"])
    perform(application.steps(job))
    assert bool(belongings.lineage(job.layout)) == (not ours)


def test_a_certificate_that_another_server_serves_stays(host: Host) -> None:
    lineage(host, "webroot_path = /var/www/homeport-acme,\n")
    other = host.write("/etc/nginx/sites-enabled/other", "ssl_certificate /etc/letsencrypt/live/note/fullchain.pem;")
    job = host.job("note")
    assert ("certificate note", f"{other} serves it") in list(application.kept(job))
    perform(application.steps(job))
    assert belongings.lineage(job.layout)


def test_a_certificate_that_certbot_was_killed_at_is_known_by_the_sites_link(host: Host) -> None:
    lineage(host, "")
    (host.root / "etc/letsencrypt/renewal/note.conf").unlink()
    layout = Layout("note", host.root)
    assert not belongings.lineage_is_ours(layout)
    layout.settings.mkdir(parents=True)
    layout.certificate.parent.symlink_to("/etc/letsencrypt/live/note")
    assert belongings.lineage_is_ours(layout)


def test_who_gets_in_is_a_phase_of_its_own_and_settles_a_change_that_waits(host: Host) -> None:
    host.provision("note")
    host.provision("note-admin")
    job, opening = host.job("note"), "/etc/homeport/firewall.d/note.nft"
    shown = {f"/{path.relative_to(host.root)}" for path in access_files(job, with_machine=False)}
    assert shown == {opening}
    with_machine = {f"/{path.relative_to(host.root)}" for path in access_files(job, with_machine=True)}
    assert with_machine > {opening, "/etc/homeport/firewall.nft", "/etc/ssh/sshd_config.d/00-homeport.conf"}
    (host.root / opening.lstrip("/")).unlink()
    assert access_files(job, with_machine=False) == []
    host.write("/etc/homeport/.pending-access.json", "{}")
    assert access_files(job, with_machine=False) == [host.root / opening.lstrip("/")]


def test_paths_of_an_application_and_of_the_machine_follow_from_the_steps() -> None:
    found = places(STEPS, make_settings(app_name="note", firewall=False, kernel_hardening=False))
    assert all("/note" in path or path.endswith("/system-homeport_note.slice") for path in found.application)
    assert not any("/note" in path for path in found.machine)
    assert "/etc/sysctl.d/60-homeport.conf" in found.machine
    assert "nginx" in found.packages


def process(table: Path, pid: int, uids: str, unit: str, root: Path = Path("/")) -> None:
    (table / str(pid)).mkdir(parents=True)
    (table / str(pid) / "root").symlink_to(root)
    (table / str(pid) / "status").write_text(f"Name:\tpython3\nUid:\t{uids}\nGid:\t1\n")
    (table / str(pid) / "cgroup").write_text(f"0::/system.slice/{unit}\n")


def test_a_process_of_the_user_that_no_unit_has_is_told_before_anything_is_removed(
    host: Host, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    host.provision("note")
    table = tmp_path_factory.mktemp("proc")
    process(table, 1, "0\t0\t0\t0", "init.scope")
    process(table, 7, "990\t990\t990\t990", "system-note.slice/note@blue.service")
    process(table, 8, "991\t991\t991\t991", "session-1.scope")
    monkeypatch.setattr(belongings, "PROCESSES", table)
    monkeypatch.setattr(belongings, "account", lambda _: True)
    monkeypatch.setattr(pwd, "getpwnam", lambda _: SimpleNamespace(pw_uid=990))
    process(table, 9, "990\t990\t990\t990", "docker-1.scope", root=table)
    # Its own units are stopped, and a container's user is another one.
    assert list(application.problems(host.job("note", data=True))) == []
    process(table, 12, "0\t990\t0\t0", "session-1.scope")
    assert list(application.problems(host.job("note", data=True))) == [
        "process 12 (python3) of the user note is none of its units' and keeps the user; end it first (kill 12)"
    ]
    # Without the data, the user stays.
    assert list(application.problems(host.job("note"))) == []
    before = host.left()
    with pytest.raises(HostError, match="process 12"):
        main._remove(host.job("note", data=True), "application", 1)
    assert host.left() - {"/run/homeport/note.lock"} == before - {"/run/homeport/note.lock"}


def test_an_application_is_not_removed_before_those_that_are_mounted_on_it(host: Host) -> None:
    host.provision("note")
    claim = {"app": "shop", "mounted_on": "note", "mount_path": "/shop"}
    host.write("/etc/homeport/shop/site.json", json.dumps(claim))
    said = "shop is mounted on note at /shop; remove shop first"
    assert list(application.problems(host.job("note"))) == [said]
    (host.root / "etc/homeport/shop/site.json").unlink()
    assert list(application.problems(host.job("note"))) == []


def a_preview(host: Host, app: str = "note-login") -> Layout:
    host.provision(app)
    layout = Layout(app, host.root)
    layout.site.write_text(json.dumps({"app": app, "domains": [], "preview": {"of": "note", "branch": "login"}}))
    for kind in ("service", "timer"):
        host.write(f"/etc/systemd/system/homeport-preview@{app}.{kind}")
    return layout


def test_a_preview_goes_with_what_would_have_ended_it(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.provision("note")
    a_preview(host)
    theirs = host.left() - of(host, "note-login") - {path for path in host.left() if "homeport-preview@" in path}
    monkeypatch.setattr(belongings, "running_in", lambda: "homeport-preview@note-login.service")
    host.remove("note-login", data=True)
    assert host.left() == theirs
    asked = [name for call in host.calls if "show" in call for name in call[call.index("--") + 1 :]]
    assert "homeport-preview@note-login.timer" in asked
    # It is what removes the preview, and would end itself.
    assert "homeport-preview@note-login.service" not in asked


def test_the_folders_of_sites_below_a_name_go_with_the_last_of_them(host: Host) -> None:
    mounts = host.root / "etc/nginx/homeport/mounts"
    claims = {"app": "note-login", "domains": [], "mounted_on": "note", "mount_path": "/preview/login"}
    host.provision("note")
    for app in ("note-login", "note-other"):
        a_preview(host, app).site.write_text(json.dumps({**claims, "app": app, "preview": {"of": "note"}}))
        host.write(f"/etc/nginx/homeport/mounts/note/{app}.conf")
    host.remove("note-login", data=True)
    assert [path.name for path in (mounts / "note").iterdir()] == ["note-other.conf"]
    host.remove("note-other", data=True)
    assert not mounts.exists()


def test_what_is_no_preview_is_never_removed_as_one(host: Host) -> None:
    host.provision("note-login")
    job = host.job("note-login", data=True)._replace(preview=True)
    [problem] = application.problems(job)
    assert problem.startswith("note-login is no preview")
    assert list(application.problems(job._replace(preview=False))) == []
    host.remove("note-login")
    # Its data have stayed, and are nobody's preview.
    data = job.layout.state
    data.unlink()
    data.mkdir()
    host.write("/var/lib/note-login/kept.txt")
    assert len(list(application.problems(job))) == 1
    (data / "kept.txt").unlink()
    assert list(application.problems(job)) == []
    data.rmdir()
    a_preview(host)
    assert list(application.problems(job)) == []
    host.remove("note-login", data=True)
    assert list(application.problems(job)) == []
