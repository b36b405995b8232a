"""What is compared of firewall and sshd, which all applications on a host share."""

from __future__ import annotations

from dataclasses import replace

import pytest

from homeport.comparison.compare import access_changes, file_changes
from homeport.state.machine_values import MachineValues
from homeport.state.paths import FIREWALL_RULES, SSHD_DROP_IN
from homeport.state.snapshot import MachineFound, Snapshot
from homeport.state.wanted import Wanted
from tests.state.builders import as_wanted, bare, changes_by_phase, make_settings, make_wanted

OURS = "/etc/homeport/firewall.d/notes.nft"


def lines(wanted: Wanted, found: Snapshot) -> list[str]:
    return [str(change) for change in access_changes(wanted, found).changes]


def content(wanted: Wanted, path: str) -> str:
    return next(file.content for file in wanted.part.files if file.path == path)


def test_what_decides_who_gets_in_is_written_by_its_own_phase_alone() -> None:
    wanted = make_wanted()
    paths = {file.path for file in access_changes(wanted, bare()).files}
    assert paths == {OURS, FIREWALL_RULES, SSHD_DROP_IN}
    assert not paths & {file.path for file in file_changes(wanted, bare()).files}


def test_a_host_that_is_as_wanted_has_no_changes() -> None:
    wanted = make_wanted()
    assert changes_by_phase(wanted, as_wanted(wanted)) == {}


@pytest.mark.parametrize("reason", ["it is not loaded", "somebody has changed it"])
def test_a_table_that_is_not_as_it_was_loaded_is_loaded_again(reason: str) -> None:
    wanted = make_wanted()
    assert lines(wanted, replace(as_wanted(wanted), firewall=reason)) == [f"load the firewall ({reason})"]


def test_an_earlier_change_that_nobody_confirmed_is_settled() -> None:
    wanted = make_wanted()
    assert lines(wanted, replace(as_wanted(wanted), access_pending=True)) == [
        "settle who gets in (an earlier change was not confirmed)"
    ]


def test_what_is_switched_off_goes_unless_an_application_without_a_record_has_it_on() -> None:
    on, off = make_wanted(), make_wanted(make_settings(firewall=False, sshd_hardening=False))
    found = as_wanted(on)
    assert not {OURS, FIREWALL_RULES, SSHD_DROP_IN} & {file.path for file in off.part.files}
    alone = replace(found, shares={"notes": (FIREWALL_RULES, SSHD_DROP_IN)})
    assert access_changes(off, alone).absent == (OURS, FIREWALL_RULES, SSHD_DROP_IN)
    shared = replace(found, shares={"blog": (FIREWALL_RULES,)})
    assert access_changes(off, shared).absent == (OURS, SSHD_DROP_IN)
    assert access_changes(off, bare()).absent == ()
    # What an application sets for the machine is recorded since: one that would have refused this has not set it.
    recorded = replace(shared, machine=MachineFound(values=(MachineValues("blog"),)))
    assert access_changes(off, recorded).absent == (OURS, FIREWALL_RULES, SSHD_DROP_IN)


def test_the_ports_that_sshd_has_are_open_and_what_is_added() -> None:
    wanted = make_wanted(make_settings(firewall_open=["5432/tcp from 10.0.0.0/8"]), MachineFound(ssh_ports=(22, 2222)))
    assert "tcp dport { 22, 2222 } accept" in content(wanted, FIREWALL_RULES)
    assert "ip saddr { 10.0.0.0/8 } tcp dport 5432 accept" in content(wanted, OURS)


def test_an_application_without_a_firewall_opens_ports_in_that_of_another() -> None:
    wanted = make_wanted(make_settings(firewall=False, firewall_open=["25/tcp"]))
    assert {file.path for file in wanted.part.files} & {OURS, FIREWALL_RULES} == {OURS}
    assert FIREWALL_RULES in wanted.part.withdrawn


def test_root_gets_no_more_than_it_has() -> None:
    assert "PermitRootLogin no\n" in content(make_wanted(machine=MachineFound(root_login="no")), SSHD_DROP_IN)
    assert "PermitRootLogin prohibit-password\n" in content(make_wanted(), SSHD_DROP_IN)


def test_a_host_without_sshd_gets_no_settings_for_it() -> None:
    wanted = make_wanted(machine=MachineFound(has_sshd=False))
    assert SSHD_DROP_IN not in {file.path for file in wanted.part.files}
