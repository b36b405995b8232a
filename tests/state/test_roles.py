"""What is wanted of a machine that does a part of the work for an application. No setting gives a machine less yet."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from homeport.plans.provision import STEPS, STEPS_BY_ROLE, steps_for
from homeport.service import record
from homeport.settings import Settings
from homeport.state.query import query
from homeport.state.roles import ROLES, Role
from tests.operations.scripted import make_run, phase
from tests.state.builders import as_wanted, bare, changes_by_phase, make_wanted, wanted_for

RELEASE = {"release", "dependencies", "start", "switch"}
PHASES_OF_A_RELEASE = ("Release", "Dependencies", "Start first", "Start", "Switch")


def named(*roles: Role) -> set[str]:
    return {step.__name__ for step in steps_for(roles)}


def test_a_machine_that_does_everything_has_every_step_in_the_order_of_the_list(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A release says when it was made: both at the same second.
    monkeypatch.setattr(record, "now", lambda: datetime(2026, 1, 1, tzinfo=UTC))
    assert steps_for(ROLES) == STEPS == tuple(step for step, _ in STEPS_BY_ROLE)
    assert wanted_for(ROLES) == make_wanted()


def test_the_steps_of_a_machine_are_those_of_its_roles() -> None:
    every = {"base", "machine_values", "upkeep", "access"}
    release, site = {"account", "slots", "processors", "supervision"}, {"proxy", "certificate", "provided_certificate"}
    assert named("database") == every
    assert named("app") == named("worker") == named("app", "worker", "database") == every | release
    assert named("proxy") == every | site
    assert named("proxy", "app") == every | release | site


def test_roles_are_no_setting_as_long_as_nothing_else_takes_up_what_a_machine_leaves() -> None:
    assert "roles" not in Settings.model_fields


def test_a_machine_without_the_site_has_no_proxy_and_no_certificate() -> None:
    wanted = wanted_for(frozenset({"worker"}))
    assert (wanted.certificate, wanted.ports) == (None, ())
    assert wanted.release_id == make_wanted().release.id
    assert "nginx" not in wanted.part.packages
    assert not [file.path for file in wanted.part.files if file.path.startswith(("/etc/nginx/", "/etc/letsencrypt/"))]
    assert "nginx.service" not in {unit.name for unit in wanted.part.units}
    changes = changes_by_phase(wanted, bare())
    assert "certificate" not in changes
    assert set(changes) >= RELEASE
    assert "placeholder" not in " ".join(map(str, changes["files"]))


def test_a_machine_without_the_application_has_no_release() -> None:
    wanted = wanted_for(frozenset({"proxy"}))
    assert (wanted.release, wanted.release_id, wanted.ports) == (None, "", ())
    assert wanted.certificate == make_wanted().certificate
    assert wanted.part.accounts == ()
    assert not [one for one in wanted.part.directories if one.path.startswith(("/srv/", "/var/lib/"))]
    assert query(wanted).release == ""
    changes = changes_by_phase(wanted, bare())
    assert not RELEASE & set(changes)
    assert "certificate" in changes


@pytest.mark.parametrize("role", sorted(ROLES))
def test_a_machine_of_one_role_that_is_as_wanted_is_left_alone(role: Role) -> None:
    wanted = wanted_for(frozenset({role}))
    assert changes_by_phase(wanted, as_wanted(wanted)) == {}


def test_the_phases_of_a_release_and_of_a_certificate_say_that_there_is_none() -> None:
    run, host = make_run(bare(), roles=frozenset({"database"}))
    for name in PHASES_OF_A_RELEASE:
        assert list(phase(name, run)) == []
    assert set(host.idle) <= {"this machine runs no release", "it does not migrate here"}
    host.idle.clear()
    for name in ("Request", "Certificate"):
        assert list(phase(name, run)) == []
    assert host.idle == ["this machine does not serve the site"] * 2
    assert "release" not in run.event_details()
