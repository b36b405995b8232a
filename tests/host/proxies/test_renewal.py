"""Which of Certbot's certificates are renewed, and what is said of those that cannot be."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from homeport.host.proxies import renewal
from homeport.host.system.layout import MachineLayout
from homeport.host.system.output import HostError
from tests.certificates.aged import pem_of

OURS = "[renewalparams]\nwebroot_path = /var/www/homeport-acme,\n"
BY_DNS = "[renewalparams]\ndns_rfc2136_credentials = /etc/homeport/notes/acme-dns.ini\n"
THEIRS = "[renewalparams]\nauthenticator = nginx\n"


@pytest.fixture
def machine(tmp_path: Path) -> MachineLayout:
    folder = tmp_path / "etc/letsencrypt/renewal"
    folder.mkdir(parents=True)
    for name, text in {"notes": OURS, "blog": BY_DNS, "mail.example.com": THEIRS}.items():
        (folder / f"{name}.conf").write_text(text)
    return MachineLayout(tmp_path)


def certbot(machine: MachineLayout, body: str) -> str:
    program = machine.root / "certbot"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >>{machine.root}/calls\n{body}\n')
    program.chmod(0o755)
    return str(program)


def test_ours_are_known_by_what_they_are_renewed_with(machine: MachineLayout) -> None:
    assert renewal.lineages(machine) == ["blog", "notes"]
    assert renewal.lineages(MachineLayout(machine.root / "nowhere")) == []


@pytest.mark.parametrize(
    ("text", "ours", "of_the_application"),
    [
        (OURS, True, True),
        (BY_DNS, True, True),
        (BY_DNS.replace("/notes/", "/blog/"), True, False),
        (BY_DNS.replace("/notes/", "/notes-admin/"), True, False),
        ("renew_hook = /usr/local/lib/homeport/homeport-host reload-proxy\n", True, False),
        (THEIRS, False, False),
        ("# it was once in /var/www/homeport-acme and /etc/homeport/notes/\n", False, False),
    ],
)
def test_a_lineage_is_the_applications_only_with_its_challenge(text: str, ours: bool, of_the_application: bool) -> None:
    assert renewal.is_ours(text) == ours
    assert renewal.is_ours(text, "notes") == of_the_application


def test_ours_are_renewed_by_name_and_without_hooks_of_others(machine: MachineLayout) -> None:
    renewal.renew(machine, certbot(machine, ""))
    calls = (machine.root / "calls").read_text().splitlines()
    assert [call.split()[:3] for call in calls] == [["renew", "--cert-name", name] for name in ("blog", "notes")]
    assert all("--no-directory-hooks" in call and "homeport-host reload-proxy" in call for call in calls)


def test_a_certificate_that_cannot_be_renewed_is_named_and_stops_no_other(machine: MachineLayout) -> None:
    failing = (
        'case $* in *blog*) echo "Failed to renew certificate blog with error: no route to the authority"; exit 1; esac'
    )
    with pytest.raises(HostError, match=r"^not renewed: blog: no route to the authority$"):
        renewal.renew(machine, certbot(machine, failing))
    assert len((machine.root / "calls").read_text().splitlines()) == 2


def test_another_certbot_at_work_is_waited_for(machine: MachineLayout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renewal, "PAUSE_SECONDS", 0.0)
    busy = (
        f'[ "$(wc -l <{machine.root}/calls)" -gt 3 ] || {{ echo "Another instance of Certbot is at work."; exit 1; }}'
    )
    renewal.renew(machine, certbot(machine, busy))
    monkeypatch.setattr(renewal, "BUSY_SECONDS", 0.0)
    with pytest.raises(HostError, match="Another instance of Certbot"):
        renewal.renew(machine, certbot(machine, 'echo "Another instance of Certbot is at work."; exit 1'))


def put(machine: MachineLayout, days: float, age_days: float) -> Path:
    """Have a certificate of so many days, of that age, on the disk for the lineage "notes", and no other lineage."""
    (machine.root / "etc/letsencrypt/renewal/blog.conf").unlink(missing_ok=True)
    begin = datetime.now(UTC) - timedelta(days=age_days)
    file = machine.root / "etc/letsencrypt/live/notes/cert.pem"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(pem_of(begin, begin + timedelta(days=days)))
    return file


def calls(machine: MachineLayout) -> list[str]:
    file = machine.root / "calls"
    return file.read_text().splitlines() if file.exists() else []


def age(path: Path, hours: float) -> None:
    then = path.stat().st_mtime - hours * 3600
    os.utime(path, (then, then))


@pytest.mark.parametrize(
    ("days", "age_days", "forced"), [(90, 53.9, False), (90, 54.1, True), (6, 2.9, False), (6, 3.1, True), (6, 7, True)]
)
def test_what_is_due_is_requested_whatever_certbot_would_wait_for(
    machine: MachineLayout, days: float, age_days: float, *, forced: bool
) -> None:
    put(machine, days, age_days)
    renewal.renew(machine, certbot(machine, ""))
    assert [("--force-renewal" in call) for call in calls(machine)] == [forced]


def test_a_lineage_that_somebody_has_told_certbot_not_to_renew_is_left_to_certbot(machine: MachineLayout) -> None:
    put(machine, 90, 80)
    (machine.root / "etc/letsencrypt/renewal/notes.conf").write_text(f"{OURS}autorenew = False\n")
    renewal.renew(machine, certbot(machine, ""))
    assert not any("--force-renewal" in call for call in calls(machine))


def test_the_timer_asks_as_often_as_the_certificate_is_short_and_a_person_at_once(machine: MachineLayout) -> None:
    file, program = put(machine, 6, 1), certbot(machine, "")
    age(file, 24)
    record = machine.runtime / "renewals/notes"
    for hours, asked in ((0, 1), (2, 1), (1, 2), (0, 2)):
        if record.exists():
            age(record, hours)
        renewal.renew(machine, program, by_timer=True)
        assert len(calls(machine)) == asked
    renewal.renew(machine, program, by_timer=False)
    assert len(calls(machine)) == 3


def test_who_began_it_is_what_systemd_says(machine: MachineLayout, monkeypatch: pytest.MonkeyPatch) -> None:
    age(put(machine, 6, 1), 24)
    program = certbot(machine, "")
    # systemd goes on to name the timer's last moment when somebody else starts the unit.
    for unit, moment, asked in (("", "", 1), (renewal.TIMER, "7", 1), (renewal.TIMER, "7", 2), (renewal.TIMER, "8", 2)):
        monkeypatch.setenv("TRIGGER_UNIT", unit)
        monkeypatch.setenv("TRIGGER_TIMER_REALTIME_USEC", moment)
        renewal.renew(machine, program)
        assert len(calls(machine)) == asked


def test_a_failure_stays_one_until_it_is_asked_again_or_there_is_a_new_certificate(machine: MachineLayout) -> None:
    file, broken = put(machine, 6, 4), certbot(machine, "echo 'Detail: no route'; exit 1")
    age(file, 24)
    for _ in range(2):
        with pytest.raises(HostError, match=r"^not renewed: notes: no route$"):
            renewal.renew(machine, broken, by_timer=True)
    assert len(calls(machine)) == 1
    # A deploy, say, has got the next one.
    put(machine, 6, 0)
    os.utime(file, (time.time() + 1, time.time() + 1))
    renewal.renew(machine, certbot(machine, ""), by_timer=True)
    assert len(calls(machine)) == 2


def test_a_certbot_whose_python_an_upgrade_has_taken_is_one_line(machine: MachineLayout) -> None:
    program = machine.root / "certbot"
    program.write_text("#!/usr/bin/python3.none -I\n")
    program.chmod(0o755)
    with pytest.raises(HostError, match=r"notes: Certbot does not start \(No such file or directory\); deploy, which"):
        renewal.renew(machine, str(program))
