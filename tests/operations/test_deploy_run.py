from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pyinfra.api.exceptions import DeployError

from homeport.state.changes import Change
from homeport.state.machine_values import MachineValues
from homeport.state.query import query
from homeport.state.snapshot import MachineFound
from tests.state.builders import as_wanted, bare, make_settings, make_wanted

from .scripted import make_run, phase


def test_the_wanted_state_fits_the_machine_that_was_found() -> None:
    machine = MachineFound("debian", "13", cores=4, memory_megabytes=8192)
    run, host = make_run(bare(machine))
    assert run.wanted.release
    [unit] = [file.content for file in run.wanted.release.etc if file.path.endswith("/app.service")]
    assert "--workers 4 " in unit
    assert host.asked == [("SnapshotFact", (query(make_wanted()),))]


def test_a_host_that_cannot_be_read_is_one_line_that_names_it() -> None:
    with pytest.raises(DeployError) as caught:
        make_run(None)
    assert str(caught.value).startswith("web1: the host cannot be read as root: the connection broke; ")
    assert "\n" not in str(caught.value)


def test_a_host_is_read_again_only_after_it_was_forgotten() -> None:
    run, host = make_run(bare(), as_wanted(make_wanted()))
    assert run.found is run.found
    run.forget()
    assert run.found.releases
    # The second time when no step of another run is at work any more.
    assert [arguments[1:] for _, arguments in host.asked] == [(), (900,)]


def test_an_answer_that_nobody_scripted_fails_the_test() -> None:
    run, _ = make_run(bare())
    run.forget()
    with pytest.raises(AssertionError, match="nobody scripted"):
        list(phase("Packages", run))


def test_everything_that_keeps_a_host_from_being_provisioned_is_said_with_its_name() -> None:
    run, _ = make_run(replace(bare(MachineFound("debian", "11")), free_megabytes=1))
    with pytest.raises(DeployError) as caught:
        run.preflight()
    lines = str(caught.value).splitlines()
    assert len(lines) == 3  # its clock is the builders', years ahead
    assert all(line.startswith("web1: ") for line in lines)


def test_a_step_that_a_killed_run_has_left_at_work_is_waited_for_before_a_host_is_refused() -> None:
    host_now = replace(bare(), clock=datetime.now(UTC))
    run, host = make_run(replace(host_now, free_megabytes=1, at_work=True), host_now)
    run.preflight()
    assert host.asked == [("SnapshotFact", (run.query,)), ("SnapshotFact", (run.query, 900))]
    assert host.lines == ["waiting for a phase of another run to end on this host"]


def test_remaining_obstacles_of_a_host_are_named() -> None:
    run, _ = make_run(*(replace(bare(), free_megabytes=1, at_work=at_work) for at_work in (True, False)))
    with pytest.raises(DeployError, match="web1: "):
        run.preflight()


def test_a_step_of_another_run_is_waited_for_only_if_it_is_in_the_way() -> None:
    run, host = make_run(replace(bare(), at_work=True, clock=datetime.now(UTC)))
    run.preflight()
    assert len(host.asked) == 1


def test_values_of_other_applications_are_named_and_wanted() -> None:
    machine = MachineFound(values=(MachineValues("blog", {"reboot_time": "03:30", "log_rotation": True}),))
    run, host = make_run(replace(bare(machine), clock=datetime.now(UTC)))
    run.preflight()
    # What is as it would be without them needs no line.
    assert host.lines == ['  the machine has reboot_time = "03:30" (set by blog)']
    assert run.settings.reboot_time == "03:30"
    [file] = [file for file in run.wanted.part.files if file.path.endswith("52homeport")]
    assert 'Automatic-Reboot-Time "03:30"' in file.content


def test_a_change_is_announced_on_a_line_of_its_own() -> None:
    run, host = make_run(bare(), settings=make_settings())
    assert run.announce([Change("write", "/etc/x", "missing"), Change("remove", "/etc/y")], otherwise="nothing")
    assert not run.announce([], otherwise="nothing")
    assert host.lines == ["  write /etc/x (missing)", "  remove /etc/y"]
