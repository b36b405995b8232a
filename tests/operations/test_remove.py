"""A removal: nothing is changed that was not announced, who gets in is changed under the dead man's switch, all else by
one command for each phase, whose program comes along.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from pyinfra.api.exceptions import DeployError

from homeport.facts.removal import RemovalFact
from homeport.operations import remove
from homeport.operations.remove import RemoveRun
from homeport.plans.remove import written
from homeport.pyinfra_support import answers
from homeport.removal.main import MARK
from homeport.state.changes import Change
from homeport.state.removal import Removal, parse
from tests.state.builders import make_settings

from .scripted import Data, ScriptedHost, payload

FOUND = Removal(
    access=("/etc/homeport/firewall.d/notes.nft",),
    application=(Change("remove", "/srv/notes", "code"),),
    kept=(("/var/lib/notes", "data"),),
    others=("notes-admin",),
)


def prepared(*readings: Removal | None, **data: Any) -> RemoveRun:
    host = ScriptedHost({"RemovalFact": list(readings)}, data=Data(data))
    run = RemoveRun(host, make_settings(), sudo=True, places=written)  # type: ignore[arg-type]
    run.preflight()
    return run


def test_a_plan_says_what_stays_and_what_else_the_machine_has() -> None:
    run = prepared(FOUND)
    lines = "\n".join(run.host.lines)  # type: ignore[attr-defined]
    assert "kept: /var/lib/notes (data)" in lines
    assert "kept: homeport itself (proxy, Certbot, firewall, sshd, upkeep; --machine removes it;" in lines
    assert "it serves notes-admin too)" in lines


def test_with_the_machine_its_packages_are_named_as_kept() -> None:
    run = prepared(Removal(machine=(Change("remove", "/etc/homeport"),)), _with_machine=True)
    [(what, names), _] = run.kept
    assert what == "packages"
    assert "nginx" in names.split(", ")


def test_a_removal_of_nothing_is_no_change_and_keeps_nothing_worth_saying() -> None:
    run = prepared(Removal(), _with_machine=True)
    for phase in (remove.access, remove.application, remove.machine):
        assert list(phase._inner(run)) == []
    assert run.kept == ()


def test_firewall_and_sshd_files_are_removed_under_the_dead_mans_switch() -> None:
    run = prepared(FOUND)
    [command] = remove.access._inner(run)
    request = json.loads(payload(command))
    assert (request["files"], request["absent"]) == ([], ["/etc/homeport/firewall.d/notes.nft"])
    assert request["timeout_seconds"] == run.settings.lockout_timeout_seconds


def test_the_program_comes_along_and_outlives_the_connection() -> None:
    run = prepared(FOUND)
    [command] = remove.application._inner(run)
    text = command.get_raw_value()
    assert "systemd-run --quiet --wait --pipe --collect" in text
    assert re.search(r"homeport-notes-remove-[0-9a-f]{8}", text)
    compile(payload(command), "the program", "exec")


def test_an_obstacle_to_a_removal_is_one_line_and_comes_first() -> None:
    with pytest.raises(DeployError, match=r"^web1: homeport serves notes-admin on this machine too$"):
        prepared(Removal(problems=("homeport serves notes-admin on this machine too",)))


def test_a_host_that_does_not_answer_is_one_line() -> None:
    with pytest.raises(
        DeployError, match=r"^web1: the host cannot be read, so it is unknown what there is to remove: "
    ):
        prepared(None)


def test_a_login_shell_that_prints_something_does_no_harm() -> None:
    raw = {"access": [], "application": [["remove", "/srv/notes", ""]], "machine": [], "kept": [["a", "b"]]}
    raw |= {"lost": [], "others": [], "problems": [], "domains": []}
    found = RemovalFact().process(["Welcome!", f"{MARK}{json.dumps(raw)}"])
    assert answers.MARK == MARK
    assert found == parse(raw)
    assert found.application == (Change("remove", "/srv/notes"),)


def test_another_projects_application_of_the_same_name_is_left_alone() -> None:
    with pytest.raises(
        DeployError, match=r"^web1: app_name: this host serves another site as notes: other\.example\.org"
    ):
        prepared(replace(FOUND, domains=("other.example.org",)))
    prepared(replace(FOUND, domains=("notes.example.com",)))
