"""Which of Certbot's certificates are renewed, and what is said of those that cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from homeport.host.proxies import renewal
from homeport.host.system.layout import MachineLayout
from homeport.host.system.output import HostError

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
