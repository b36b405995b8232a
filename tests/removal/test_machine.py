"""homeport's own removal: what was there before is given back, what is somebody else's stays, and all of it is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from homeport.removal import machine, records
from homeport.removal.file_actions import REINSTALL
from homeport.removal.steps import perform

from .conftest import Host

CONF, CERTBOT, ROTATION, DEFAULT = (
    *("/etc/nginx/nginx.conf", "/usr/local/bin/certbot"),
    *("/etc/logrotate.d/nginx", "/etc/nginx/sites-enabled/default"),
)


def provisioned(host: Host) -> Host:
    """Provision a machine on which somebody had files of his own, and remove its application."""
    host.provision("note")
    # The machine has had other proxies, too.
    traefik = ("/etc/traefik/traefik.yaml", "/etc/traefik/machine.yaml", "/etc/systemd/system/traefik.service")
    for path in (CONF, CERTBOT, ROTATION, "/etc/haproxy/haproxy.cfg", "/etc/caddy/Caddyfile", *traefik):
        host.note(path)
    (host.root / DEFAULT.lstrip("/")).unlink()
    host.keep(CONF, "mine")
    host.keep(ROTATION, "the package's")
    host.keep(DEFAULT, "")
    link = host.root / f"var/lib/homeport/originals{DEFAULT}"
    link.unlink()
    link.symlink_to("/etc/nginx/sites-available/default")
    for unit, state in (
        ("homeport-access.service", "inactive"),
        ("apt-daily.timer", "inactive"),
        ("a.timer", "active"),
    ):
        host.write(f"/var/lib/homeport/units/{unit}", f"{state}\n")
    host.write("/var/lib/systemd/timers/stamp-homeport-renew.timer", "")
    host.remove("note", data=True)
    return host


def test_a_removal_gives_original_files_back_and_leaves_nothing_of_homeport(host: Host) -> None:
    job = provisioned(host).job("note")
    assert list(machine.lost(job)) == []
    perform(machine.steps(job))
    # The lab's tests look at firewall and sshd, which have a phase of their own.
    access = {"/etc/ssh/sshd_config.d/00-homeport.conf"}
    assert host.left() - access == {CONF, ROTATION, DEFAULT}
    assert (host.text(CONF), host.text(ROTATION)) == ("mine", "the package's")
    assert (host.root / DEFAULT.lstrip("/")).readlink() == Path("/etc/nginx/sites-available/default")
    assert not any(step.rows for step in machine.steps(job))
    disabled = [call[2:] for call in host.calls if call[:2] == ("systemctl", "disable")]
    assert disabled == [("--", "a.timer"), ("--now", "--", "apt-daily.timer")]


def test_a_removal_that_was_cut_anywhere_is_finished_by_the_next(host: Host) -> None:
    total = len(list(machine.steps(host.job("note"))))
    for number in range(total):
        job = provisioned(host).job("note")
        steps = machine.steps(job)
        for _ in range(number):
            next(steps).do()
        perform(machine.steps(job))
        assert host.text(CONF) == "mine", number
        assert not (host.root / "var/lib/homeport").exists(), number
        assert not (host.root / "etc/homeport").exists(), number


def test_the_newest_of_several_copies_is_given_back_and_the_others_are_named(host: Host) -> None:
    host.write(CONF)
    host.note(CONF)
    host.keep(CONF, "first")
    host.keep(CONF, "second", 1)
    host.keep(CONF, "tenth", 10)
    job = host.job("note")
    [(_, why)] = [one for one in machine.kept(job) if one[0].endswith(CONF)]
    assert "originals/etc/nginx/nginx.conf.~1~" in why
    perform(machine.steps(job))
    assert host.text(CONF) == "tenth"
    assert {copy.read_text() for some in records.copies(job.shared).values() for copy in some} == {"first", "second"}


def test_a_file_that_somebody_changed_stays_beside_the_copy(host: Host) -> None:
    host.write(CONF, "Written by homeport")
    host.note(CONF)
    (host.root / CONF.lstrip("/")).write_text("another's")
    host.keep(CONF, "before")
    job = host.job("note")
    assert any("somebody has changed it since" in why for _, why in machine.kept(job))
    perform(machine.steps(job))
    assert host.text(CONF) == "another's"
    assert host.text(f"/var/lib/homeport/originals{CONF}") == "before"


@pytest.mark.parametrize("noted", [True, False])
def test_files_without_a_kept_original_are_named(host: Host, noted: bool) -> None:
    host.write("/etc/homeport/nothing")
    for path in (CONF, CERTBOT):
        host.write(path)
        if noted:
            host.note(path)
    if noted:
        host.write("/var/lib/homeport/unkept", f"{CONF}\n{CERTBOT}\n")
    host.packaged[CONF] = "nginx-common"
    job = host.job("note")
    lost = {path.removeprefix(str(host.root)): why for path, why in machine.lost(job)}
    assert lost == {
        CONF: f"stays as homeport wrote it; nginx-common's own comes with: {REINSTALL} nginx-common",
        CERTBOT: "an older homeport kept no copy of what may have been there",
    }
    perform(machine.steps(job))
    assert host.left() == {CONF}


def test_which_units_an_older_homeport_had_enabled_is_named_as_not_known(host: Host) -> None:
    host.provision("note")
    units, why = list(machine.lost(host.job("note")))[-1]
    assert "apt-daily-upgrade.timer" in units
    assert "homeport" not in units
    assert why == "stay enabled; an older homeport did not note which of them were not"


def test_a_file_that_was_nobodys_before_goes_and_one_that_is_not_ours_is_not_looked_at(host: Host) -> None:
    host.write(CERTBOT)
    host.note(CERTBOT)
    host.write(ROTATION, "the package's, since log_rotation is off")
    perform(machine.steps(host.job("note")))
    assert host.left() == {ROTATION}


def test_lists_of_applications_that_are_gone_are_kept_for_those_that_stay(host: Host) -> None:
    host.provision("note")
    host.provision("note-admin")
    host.note(CONF)
    host.note("/etc/homeport/note/blue.env")
    host.remove("note")
    assert [path for _, path in records.lines(host.job("note").shared)] == [CONF]


def test_homeport_stays_while_another_application_is_there(host: Host) -> None:
    host.provision("note")
    host.provision("note-admin")
    [problem] = machine.problems(host.job("note"))
    assert problem.startswith("homeport serves note-admin on this machine too")
